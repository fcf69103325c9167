"""RecBole's tab-separated atomic files ``.inter`` and ``.item``."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence

from .atomic_write import atomic_open
from .category_labels import ItemLabels
from .clean_text import check_token, token_seq_text

INTER_HEADER = ("user_id:token", "item_id:token", "timestamp:float")
ITEM_HEADER = ("item_id:token", "title:token_seq", "category:token", "categories:token_seq")


def write_atomic_file(
    path: str | os.PathLike[str], header: Sequence[str], rows: Iterable[Sequence[str]]
) -> int:
    """Write one atomic file; it appears only when complete.

    Args:
        path: The file.
        header: ``name:type`` of each column.
        rows: Cells, already free of tabs and line breaks.

    Returns:
        The number of rows.

    Raises:
        ValueError: If a row has the wrong number of cells or a cell holds a tab or line break.
    """
    count = 0
    with atomic_open(path, "w") as file:
        file.write("\t".join(header) + "\n")
        for row in rows:
            line = "\t".join(row)
            if len(row) != len(header) or line.count("\t") != len(header) - 1:
                raise ValueError(
                    f"{path}: row {count + 1} needs {len(header)} cells without tabs: {row!r:.200}"
                )
            if "\n" in line or "\r" in line:
                raise ValueError(f"{path}: row {count + 1} holds a line break: {row!r:.200}")
            file.write(line + "\n")
            count += 1
    return count


def write_inter_file(
    path: str | os.PathLike[str], interactions: Iterable[tuple[str, str, str]]
) -> int:
    """Write ``user_id, item_id, timestamp`` rows in the order given.

    Args:
        path: The ``.inter`` file.
        interactions: User token, item token, time as text.

    Returns:
        The number of interactions.

    Raises:
        ValueError: If a token cannot stand in an atomic file or a time is not a finite number.
    """

    def rows() -> Iterable[tuple[str, str, str]]:
        # Sessions repeat the same few thousand ids, so each is checked once.
        checked: set[tuple[str, str]] = set()
        for user, item, time in interactions:
            for field, token in (("user_id", user), ("item_id", item)):
                if (field, token) not in checked:
                    checked.add((field, check_token(token, f"{path}, field {field}")))
            yield user, item, _checked_time(time, str(path))

    return write_atomic_file(path, INTER_HEADER, rows())


def write_item_file(
    path: str | os.PathLike[str],
    item_ids: Sequence[str],
    titles: Sequence[str],
    labels: Sequence[ItemLabels],
) -> int:
    """Write ``item_id, title, category, categories`` rows.

    Args:
        path: The ``.item`` file.
        item_ids: ``n`` distinct item tokens.
        titles: ``n`` titles, cleaned here.
        labels: ``n`` pairs of category columns.

    Returns:
        The number of items.

    Raises:
        ValueError: If an item token repeats or cannot stand in an atomic file.
    """
    seen: set[str] = set()
    for token in item_ids:
        if check_token(token, f"{path}, field item_id") in seen:
            raise ValueError(f"{path}: item {token!r} occurs twice: keep one row per item")
        seen.add(token)
    rows = (
        (token, token_seq_text(title), label.category, " ".join(label.categories))
        for token, title, label in zip(item_ids, titles, labels)
    )
    return write_atomic_file(path, ITEM_HEADER, rows)


def _checked_time(time: str, where: str) -> str:
    """Return the time as the source spells it, if it is a finite number."""
    try:
        finite = abs(float(time)) < float("inf")
    except ValueError:
        finite = False
    if not finite:
        raise ValueError(f"{where}, field timestamp: {time!r} is not a finite number")
    return time.strip()
