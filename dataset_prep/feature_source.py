"""Sources that come with features: rows get their item tokens, and are written for kept items."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from recbole_cammsr.data.formats import FeatureFile, read_features

from .feature_file import feature_path, is_feature_token, write_feature_file
from .prep_record import PrepRecord, Stage
from .prepare import named_digests
from .record_file import RecordFile
from .source import Source
from .source_folder import Damage, refuse_replacing

STAGE = "convert-features"


@dataclass(frozen=True)
class FeatureRows:
    """The features of one modality.

    Attributes:
        modality: Its name, e.g. ``"text"``.
        path: The file they were read from.
        tokens: ``(n,)`` item tokens.
        values: ``(n, d)`` features; a row of zeros stands for a missing feature.
    """

    modality: str
    path: Path
    tokens: Sequence[str]
    values: np.ndarray


class FeatureSource(Source, Protocol):
    """A source whose folder holds features too."""

    @property
    def category_kind(self) -> str:
        """What its categories are, ``"path"`` or ``"flat"``."""
        ...

    def feature_files(self) -> dict[str, Path]:
        """Modality to feature file."""
        ...

    def row_files(self) -> list[Path]:
        """List the files beside those of ``feature_files`` that ``features`` reads.

        They say whose feature a row is, and which rows are none.
        """
        ...

    def features(self) -> Iterable[FeatureRows]:
        """Read each modality.

        Raises:
            ValueError: If a file has another number of rows than the source has items.
        """
        ...


def existing_features(
    folder: str | os.PathLike[str], named: Mapping[str, str], usual: Mapping[str, str]
) -> dict[str, Path]:
    """Decide which feature files to convert.

    Args:
        folder: The source's folder.
        named: Modality to file name as the user gave it; these must exist.
        usual: The format's own names, taken where nothing was named and the file exists.

    Returns:
        Modality to path.

    Raises:
        FileNotFoundError: If a named file does not exist.
    """
    base = Path(folder)
    if not named:
        return {modality: base / n for modality, n in usual.items() if (base / n).is_file()}
    for name in named.values():
        if not (base / name).is_file():
            raise FileNotFoundError(f"{base / name}: no such feature file")
    return {modality: base / name for modality, name in named.items()}


def read_rows(path: Path, rows: int, reason: str) -> np.ndarray:
    """Read a row-aligned ``.npy`` or ``.pt`` and check its number of rows; nothing is unpickled.

    Args:
        path: The file.
        rows: Rows it must have.
        reason: Where that number comes from, e.g. ``"one per item of x.inter"``.

    Returns:
        Features, ``(rows, d)``.

    Raises:
        ValueError: If the number of rows is another, or the file is no array of rows.
    """
    values = read_features(FeatureFile(str(path), ids="row")).values
    if len(values) != rows:
        raise ValueError(
            f"{path}: {len(values)} rows where {rows} belong ({reason}): the feature file and the "
            "interactions are not of one data set"
        )
    return values


def check_feature_files(
    source: FeatureSource, output: str | os.PathLike[str], dataset: str
) -> None:
    """Look for the feature files, and refuse to write over one of them or of the source.

    Args:
        source: The source.
        output: Folder of the prepared files.
        dataset: Data set name.

    Raises:
        FileNotFoundError: If a file is missing.
        ValueError: If a file of the source would be replaced.
    """
    files = source.feature_files()
    read = [*source.inputs(), *files.values(), *source.row_files()]
    written = [feature_path(output, dataset, modality) for modality in files]
    atomic = [Path(output) / f"{dataset}.{suffix}" for suffix in ("inter", "item")]
    refuse_replacing(read, [*atomic, *written])


def check_features(source: FeatureSource, output: str | os.PathLike[str], dataset: str) -> None:
    """Read the features once, so that a file which cannot be used leaves no half-made folder.

    Those of a finished conversion are not read again unless their files changed.

    Args:
        source: The source.
        output: Folder of the prepared files.
        dataset: Data set name.

    Raises:
        FileNotFoundError: If a file does not exist.
        ValueError: If a file does not fit the source, has no feature, or one of an item that is
            not finite.
    """
    item_file = Path(output) / f"{dataset}.item"
    record = PrepRecord.of_dataset(output, dataset)
    if item_file.is_file() and record.is_current(STAGE, *_made_of(source, item_file)):
        return
    for rows in source.features():
        values = np.asarray(rows.values)
        if not (values != 0).any():
            raise ValueError(f"{rows.path}: no feature is other than zero: name another file")
        with np.errstate(over="ignore"):
            odd = ~np.isfinite(values.astype(np.float32, copy=False)).all(axis=1)
        of_items = [rows.tokens[row] for row in np.flatnonzero(odd).tolist()]
        tokens = [token for token in of_items if is_feature_token(token)]
        if tokens:
            raise ValueError(
                f"{rows.path}: the {rows.modality} feature is not finite as float32 for items "
                f"{tokens[:5]} ({len(tokens)} in all): write zeros where there is none"
            )


def write_features(
    source: FeatureSource,
    output: str | os.PathLike[str],
    dataset: str,
    say: Callable[[str], None] = print,
) -> dict[str, int]:
    """Write ``<dataset>.<modality>.npz`` for the items of ``<dataset>.item``.

    Args:
        source: The source, prepared already.
        output: Folder of the prepared files.
        dataset: Data set name.
        say: Receives a message where nothing is to be done.

    Returns:
        Items with a feature, per modality.

    Raises:
        FileNotFoundError: If ``<dataset>.item`` or a feature file does not exist.
        ValueError: If a feature file does not fit the source or would be replaced, or no kept item
            has a feature.
    """
    folder = Path(output)
    item_file = folder / f"{dataset}.item"
    check_feature_files(source, output, dataset)
    inputs, settings = _made_of(source, item_file)
    record = PrepRecord.of_dataset(folder, dataset)
    if record.is_current(STAGE, inputs, settings):
        say(f"{dataset}: the features are complete and unchanged, nothing to do")
        return dict(record.stages[STAGE].counts)
    kept = set(_item_tokens(item_file))
    counts: dict[str, int] = {}
    outputs = []
    for rows in source.features():
        present = np.asarray([token in kept for token in rows.tokens], dtype=bool)
        present &= (np.asarray(rows.values) != 0).any(axis=1)
        if not present.any():
            raise ValueError(
                f"{rows.path}: none of the {len(kept)} items kept has a feature that is not zero"
            )
        where = np.flatnonzero(present).tolist()
        outputs.append(feature_path(folder, dataset, rows.modality))
        write_feature_file(
            outputs[-1], [rows.tokens[index] for index in where], np.asarray(rows.values[where])
        )
        counts[rows.modality] = len(where)
    before = record.stage(STAGE)
    record.finish(
        STAGE,
        inputs=inputs,
        settings=settings,
        outputs=outputs,
        counts=counts,
        coverage={modality: count / len(kept) for modality, count in counts.items()},
    )
    left = [] if before is None else _left_over(record, before)
    if left:
        say(
            f"{dataset}: {' and '.join(left)}, which an earlier conversion wrote, was not made "
            "again and would be read as a modality: delete it, or name its source with --feature"
        )
    return counts


def _made_of(source: FeatureSource, item_file: Path) -> tuple[dict[str, str], dict[str, Any]]:
    """What the features depend on: digests of files, and settings."""
    files = source.feature_files()
    # The one file here comes first, so that its name is not the numbered one.
    inputs = named_digests([item_file, *files.values(), *source.row_files()])
    settings: dict[str, Any] = {"source": source.name, "options": dict(source.settings())}
    settings["modalities"] = {name: path.name for name, path in files.items()}
    return inputs, settings


def _left_over(record: PrepRecord, before: Stage) -> list[str]:
    """Outputs of an earlier run of a stage that are still there and that no stage writes now."""
    written = {output for stage in record.stages.values() for output in stage.outputs}
    return [x for x in before.outputs if x not in written and (record.path.parent / x).is_file()]


def _item_tokens(path: Path) -> list[str]:
    """The tokens of an ``.item`` file, in its order."""
    damage = Damage()
    tokens = [str(record["item_id"]) for record in RecordFile(path).records(damage)]
    if damage.skipped or damage.notes:
        raise ValueError(f"{path}: {[*damage.skipped, *damage.notes][0]}: prepare it again")
    return tokens
