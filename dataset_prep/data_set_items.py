"""Items of a data set that is there already, so that only theirs are encoded."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator
from pathlib import Path

from .cells import cells_in_line
from .line_files import LineFile
from .source_folder import shown


def within_data_set(
    tokens: Collection[str],
    items: str | os.PathLike[str],
    folder: str | os.PathLike[str],
    dataset: str,
    item_field: str,
) -> frozenset[str]:
    """Keep the items that the data set has; all of them where it has no atomic file yet.

    Args:
        tokens: Items of a file.
        items: That file, for the error sentence.
        folder: Folder of the data set.
        dataset: Its name.
        item_field: Name of the item id in the file; atomic files may call it ``item_id`` as well.

    Returns:
        Those that stand in ``<dataset>.inter`` or ``<dataset>.item``.

    Raises:
        ValueError: If none of them does.
    """
    paths = [Path(folder) / f"{dataset}.{suffix}" for suffix in ("inter", "item")]
    paths = [path for path in paths if path.is_file()]
    if Path(items).resolve() in (path.resolve() for path in paths):
        return frozenset(tokens)
    known = {token for path in paths for token in _tokens(path, item_field)}
    kept = frozenset(tokens) & known
    if known and not kept:
        raise ValueError(
            f"{items} field {item_field!r} has no item of {' and '.join(map(str, paths))} (e.g. "
            f"{shown(min(tokens))} and {shown(min(known))}): name the field of the item ids, or "
            "the file that belongs to the data set"
        )
    return kept if known else frozenset(tokens)


def others_row(count: int) -> list[tuple[str, int]]:
    """Make the row of a summary that counts items which the data set does not have.

    Args:
        count: Their number.

    Returns:
        The row; none where there are no such items.
    """
    return [("others, which the data set does not have", count)] if count else []


def _tokens(path: Path, item_field: str) -> Iterator[str]:
    """Item tokens of an atomic file; none where it has no such column."""
    lines = iter(LineFile(path))
    header = [cell.partition(":")[0].strip() for cell in cells_in_line(next(lines, ""))]
    column = next((name for name in ("item_id", item_field) if name in header), None)
    if column is None:
        return
    where = header.index(column)
    for line in lines:
        cells = cells_in_line(line)
        if len(cells) == len(header):
            yield cells[where]
