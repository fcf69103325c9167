"""What the configuration says about an item's modalities, read and checked in one place."""

from __future__ import annotations

import math
import os
from collections.abc import Iterable, Mapping
from typing import Any

import yaml

from recbole_cammsr.data.formats import FeatureFile, RawFeatures

#: features that this package ships (``ml-100k``), the last place where a file is looked for
EXAMPLE_DATA = os.path.join(
    os.path.dirname(os.path.dirname(os.path.realpath(__file__))), "example_data"
)

#: `feature_dtype` where it is not set, as in the models' YAML files
DEFAULT_FEATURE_DTYPE = "float32"

_DEFAULT_SUFFIXES = (".npz", ".npy", "")


def is_number(value: Any) -> bool:
    """Whether a setting is a finite number; True and False are none."""
    if isinstance(value, float):
        return math.isfinite(value)
    return isinstance(value, int) and not isinstance(value, bool)


def is_whole(value: Any) -> bool:
    """Whether a setting is an integer."""
    return isinstance(value, int) and is_number(value)


def check_whole_number(config: Any, name: str, least: int) -> None:
    """Refuse a setting of the data set that is not counted.

    Args:
        config: RecBole's Config.
        name: of the setting.
        least: smallest value that works.

    Raises:
        ValueError: it is no integer, or below ``least``.
    """
    value = config[name]
    if not is_whole(value) or value < least:
        raise ValueError(f"`{name}` is {value!r}; it must be an integer of {least} or more.")


def modality_names(value: Any) -> tuple[str, ...]:
    """Names of the content modalities, in order.

    Args:
        value: `modalities` of the configuration: a list, or text such as ``[text,image]`` that
            the command line hands over, or nothing.

    Returns:
        Distinct names; empty for ID only.

    Raises:
        ValueError: a name is not a word, stands twice, or is ``id``.
    """
    if value is None:
        return ()
    if isinstance(value, str):
        value = [name.strip(" '\"") for name in value.strip("[]() ").split(",")]
        value = [name for name in value if name]
    if not isinstance(value, (list, tuple)) or not all(isinstance(name, str) for name in value):
        raise ValueError(
            f"`modalities` is {value!r}; it must be a list of names, e.g. [text, image]."
        )
    for name in value:
        if name.lower() == "id":
            raise ValueError(
                "`modalities` lists content modalities only; the item ID is switched by "
                "`use_id: true|false`, so take 'id' out of the list."
            )
        if not name or os.sep in name or any(c.isspace() for c in name):
            raise ValueError(
                f"`modalities` has the name {name!r}; use words such as text or image."
            )
    if len(set(value)) < len(value):
        raise ValueError(f"`modalities` is {list(value)}; each name may stand only once.")
    return tuple(value)


def named_files(value: Any) -> Mapping[str, Any] | None:
    """`modality_files` of the configuration.

    Args:
        value: a mapping, or text such as ``{text: features.npz}`` that the command line hands over
            where its keys have no quotes, or nothing.

    Raises:
        ValueError: it is something else.
    """
    files = value
    if isinstance(value, str):
        try:
            files = yaml.safe_load(value)
        except yaml.YAMLError:
            files = value
    if files is not None and not isinstance(files, Mapping):
        raise ValueError(
            f"`modality_files` is {value!r}; it must map a modality to its file, e.g. "
            f"{{text: features.npz}}."
        )
    return files


def modality_file(modality: str, files: Any, data_path: str, dataset: str) -> FeatureFile:
    """Where the features of a modality are.

    Args:
        modality: its name.
        files: `modality_files` of the configuration: per modality a path, or a mapping with
            ``file`` and, for row-aligned formats, ``ids`` and ``offset``.
        data_path: folder of the data set.
        dataset: its name.

    Returns:
        Path and item map. Relative paths are looked up in ``data_path``, then from the working
        directory.

    Raises:
        ValueError: an entry has unknown keys or no file, or an offset that is no integer.
        FileNotFoundError: no entry and none of the default files exists.
    """
    entry = (named_files(files) or {}).get(modality)
    if entry is None:
        tried = [
            os.path.join(folder, f"{dataset}.{modality}{suffix}")
            for folder in (data_path, EXAMPLE_DATA)
            for suffix in _DEFAULT_SUFFIXES
        ]
        for path in tried:
            if os.path.isfile(path):
                return FeatureFile(path)
        raise FileNotFoundError(
            f"modality {modality!r} has no feature file: none of "
            f"{', '.join(tried[: len(_DEFAULT_SUFFIXES)])} exists; write one, name it in "
            f"`modality_files`, or take {modality!r} out of `modalities`."
        )
    if isinstance(entry, str):
        entry = {"file": entry}
    if not isinstance(entry, Mapping) or "file" not in entry:
        raise ValueError(
            f"`modality_files` of {modality!r} is {entry!r}; give a path or "
            f"{{file: <path>, ids: <item map or row>}}."
        )
    unknown = set(entry) - {"file", "ids", "offset"}
    if unknown:
        raise ValueError(
            f"`modality_files` of {modality!r} has unknown keys {sorted(unknown)}; known are file, "
            f"ids and offset."
        )
    ids = entry.get("ids")
    offset = entry.get("offset", 0)
    if not is_whole(offset):
        raise ValueError(
            f"`offset` of {modality!r} in `modality_files` is {offset!r}; it must be an integer, "
            f"the row of the item whose number is 0."
        )
    return FeatureFile(
        path=_resolve(str(entry["file"]), data_path),
        ids=ids if ids in (None, "row") else _resolve(str(ids), data_path),
        offset=offset,
    )


def check_known(modalities: tuple[str, ...], files: Any) -> None:
    """Refuse `modality_files` that is no mapping or names a modality that is not in use.

    Raises:
        ValueError: as said.
    """
    unknown = [str(name) for name in named_files(files) or {} if name not in modalities]
    if unknown:
        raise ValueError(
            f"`modality_files` names {unknown[0]!r}, which is not in `modalities` "
            f"({', '.join(modalities) or 'empty'}); add it there or drop the file."
        )


def _resolve(path: str, data_path: str) -> str:
    path = os.path.expanduser(path)
    inside = os.path.join(data_path, path)
    return inside if not os.path.isabs(path) and os.path.exists(inside) else path


def held_in_memory(config: Any, raws: Iterable[RawFeatures], n_items: int) -> bool:
    """Whether the features are held as one tensor or gathered from where they are.

    Args:
        config: with `feature_device` (auto, resident or host), `feature_budget` (GiB) and
            `feature_dtype`.
        raws: the feature files.
        n_items: items of the data set, padding included.

    Returns:
        True for resident; auto is resident up to the budget.

    Raises:
        ValueError: `feature_device` is none of the three, or `feature_budget` no number above 0.
    """
    mode = config["feature_device"] or "auto"
    if mode not in ("auto", "resident", "host"):
        raise ValueError(f"`feature_device` is {mode!r}; it must be one of auto, resident, host.")
    budget = config["feature_budget"]
    budget = 2.0 if budget is None else budget
    if not is_number(budget) or budget <= 0:
        raise ValueError(f"`feature_budget` is {budget!r}; it must be a number of GiB above 0.")
    size = 4 if (config["feature_dtype"] or DEFAULT_FEATURE_DTYPE) == "float32" else 2
    needed = sum(n_items * raw.values.shape[-1] * size for raw in raws)
    return mode == "resident" or (mode == "auto" and needed <= budget * 2**30)
