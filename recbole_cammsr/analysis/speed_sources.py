"""The data of the speed benchmark: a generated set or a real one, and what lies beside it."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from recbole_cammsr.analysis.generated_data import CATEGORY_FIELD, DataSize, write_dataset


@dataclass(frozen=True)
class DataSource:
    """A data set on disk.

    Attributes:
        dataset: its name.
        data_path: absolute folder that holds the data set's folder; None for RecBole's default.
        modalities: content modalities.
        category_field: category column of the `.item` file; None without.
        size: what it was generated with; None for a real one.
        settings: the reader's config files, for every model.
    """

    dataset: str
    data_path: str | None
    modalities: tuple[str, ...]
    category_field: str | None
    size: DataSize | None = None
    settings: Mapping[str, Any] = field(default_factory=dict)


def generated_source(size: DataSize, folder: Path) -> DataSource:
    """Generate data, unless it is there, and describe it.

    Args:
        size: what to generate.
        folder: receives the data set's folder.
    """
    write_dataset(size, folder)
    return DataSource(size.name, str(folder), size.modality_names, CATEGORY_FIELD, size)


def real_source(dataset: str, data_path: str | None, config_files: Sequence[str]) -> DataSource:
    """A data set that the reader has.

    Args:
        dataset: its name.
        data_path: folder that holds its folder; None for RecBole's own ``ml-100k``.
        config_files: YAML files with what this package has no file for.

    Returns:
        The source.

    Raises:
        FileNotFoundError: the data set is not there.
    """
    from recbole_cammsr import default_settings
    from recbole_cammsr.run import config_files as yaml_files

    own = default_settings.properties_file("dataset", dataset)
    files = yaml_files.find(" ".join(config_files)) if config_files else []
    given = yaml_files.read_all(files)
    known = {**(yaml_files.read(own) if own else {}), **given}
    folder = None
    if data_path is not None:
        folder = str(Path(data_path).expanduser().resolve())
        expected = Path(folder) / dataset / f"{dataset}.inter"
        if not expected.is_file():
            raise FileNotFoundError(
                f"{expected} does not exist; --data-path names the folder that holds the folder "
                f"of the data set."
            )
    elif dataset != "ml-100k":
        raise FileNotFoundError(
            f"data set {dataset!r} needs --data-path, the folder that holds its folder."
        )
    return DataSource(
        dataset=dataset,
        data_path=folder,
        modalities=tuple(known.get("modalities") or ()),
        category_field=known.get("category_field"),
        settings=given,
    )


def feature_files(source: DataSource) -> list[Any]:
    """The features of the modalities as they stand on disk.

    Args:
        source: a data set.
    """
    from recbole_cammsr.data.formats import read_features
    from recbole_cammsr.data.settings import modality_file

    files = source.settings.get("modality_files")
    return [
        read_features(modality_file(name, files, folder(source), source.dataset))
        for name in source.modalities
    ]


def labels(source: DataSource, dataset: Any) -> Any:
    """Categories of the items.

    Args:
        source: a data set.
        dataset: RecBole's view of it.

    Returns:
        ``(n_items, C)`` bool, rows by the data set's item id.

    Raises:
        ValueError: it has no categories.
    """
    from recbole_cammsr.data.categories import read_categories

    if source.category_field is None:
        raise ValueError(
            f"HM4SR needs categories, but data set {source.dataset!r} has no category field; leave "
            f"it out."
        )
    return read_categories(
        os.path.join(folder(source), f"{source.dataset}.item"),
        source.category_field,
        dataset.iid_field,
        dataset.field2token_id[dataset.iid_field],
    ).targets


def folder(source: DataSource) -> str:
    """The folder of the data set's files.

    Args:
        source: a data set.
    """
    if source.data_path is not None:
        return os.path.join(source.data_path, source.dataset)
    import recbole

    return os.path.join(os.path.dirname(recbole.__file__), "dataset_example", source.dataset)
