"""Where a data set is, and whether its interactions stand in one file or in parts."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

# What RecBole's own examples call training, validation and test.
_PARTS = ("train", "valid", "test")


def locate(
    target: str | Path, dataset: str | None = None, parts: Sequence[str] = ()
) -> tuple[Path, str]:
    """Find folder and name of a data set.

    Args:
        target: Its folder, its ``.inter`` file, or ``folder/name``.
        dataset: Its name where the folder holds several.
        parts: Names of training, validation and test of pre-split data; empty for the usual ones.

    Returns:
        Folder and name.

    Raises:
        FileNotFoundError: If there is no ``.inter`` file.
        ValueError: If the folder holds several data sets, and no name was given.
    """
    path = Path(target)
    if path.suffix == ".inter" and path.is_file():
        whole, _, part = path.stem.rpartition(".")
        if part in (parts or _PARTS) and (parts or parts_of(path.parent, whole)):
            return path.parent, whole
        return path.parent, path.stem
    if not path.is_dir():
        if path.name in _names(path.parent, parts):
            return path.parent, path.name
        raise FileNotFoundError(f"{path}: no such folder, and no file {path}.inter")
    names = _names(path, parts)
    if dataset is not None:
        if dataset not in names and (parts or not (path / f"{dataset}.inter").is_file()):
            raise FileNotFoundError(
                f"{path}: no file {dataset}.inter in this folder; it has {names}"
            )
        return path, dataset
    if path.name in names:
        return path, path.name
    if not names:
        of_parts = f" of the parts {', '.join(parts)}" if parts else ""
        raise FileNotFoundError(f"{path}: no .inter file{of_parts} in this folder")
    if len(names) > 1:
        raise ValueError(f"{path}: several data sets {names}: choose one with --dataset")
    return path, names[0]


def _names(folder: Path, parts: Sequence[str]) -> list[str]:
    """Names of the data sets of a folder, of given parts only those that have one of them."""
    stems = {file.stem for file in folder.glob("*.inter")}
    endings = tuple(f".{part}" for part in parts or _PARTS)
    of_parts = {stem for stem in stems if stem.endswith(endings)}
    names = {stem.rpartition(".")[0] for stem in of_parts}
    return sorted(names if parts else names | (stems - of_parts))


def parts_of(folder: Path, name: str) -> tuple[str, ...]:
    """Names of the parts, where the interactions of a data set stand in those alone.

    Args:
        folder: Its folder.
        name: Its name.

    Returns:
        Training, validation and test; empty where there is one file of interactions.
    """
    if (folder / f"{name}.inter").is_file():
        return ()
    return _PARTS if files_of_parts(folder, name) else ()


def files_of_parts(folder: Path, name: str) -> list[str]:
    """Names of those files that hold a usual part of a data set.

    Args:
        folder: Its folder.
        name: Its name.
    """
    files = (f"{name}.{part}.inter" for part in _PARTS)
    return [file for file in files if (folder / file).is_file()]
