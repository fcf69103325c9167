"""Which columns of an item map have the tokens and the row numbers."""

from __future__ import annotations

import re
from collections.abc import Sequence

#: words in the name of a column that holds rows and not tokens
_WORDS_OF_ROWS = frozenset({"row", "rows", "index", "idx", "position"})
#: the column of rows in MMRec's maps, and names that pandas gives its own index
_ROWS_OF_MMREC, _INDEX_OF_PANDAS = ("itemid",), ("", "unnamed: 0")

_WHOLE = re.compile(r"\s*-?\d+\s*", re.ASCII)


def split_header(lines: list[list[str]]) -> tuple[list[str] | None, list[list[str]]]:
    """The header of a table, where it has one, and its other lines.

    Args:
        lines: cells of each line, at least one.

    Returns:
        Names without blanks around them, or None; and the rest.
    """
    first = [cell.strip() for cell in lines[0]]
    # pandas leaves the name of its index empty, and may call the other column 0
    is_header = len(first) >= 2 and ("" in first or not is_whole(first[1]))
    return (first, lines[1:]) if is_header else (None, lines)


def token_and_row(
    path: str, header: Sequence[str] | None, lines: Sequence[Sequence[str]]
) -> tuple[int, int]:
    """Where the tokens and the rows stand.

    Args:
        path: of the map, for messages.
        header: names of the columns, None where there are none.
        lines: cells of each line below.

    Returns:
        Places of the two columns.

    Raises:
        ValueError: nothing says which column has the rows.
    """
    names = [name.lower() for name in header or ()]
    for is_row in (_has_word_of_rows, _ROWS_OF_MMREC.__contains__, _INDEX_OF_PANDAS.__contains__):
        found = [place for place, name in enumerate(names) if is_row(name)]
        if len(found) == 1:
            (row,) = found
            others = [place for place in range(len(names)) if place != row]
            # pandas' index beside a column of rows says nothing
            told = [place for place in others if names[place] not in _INDEX_OF_PANDAS]
            token = (told or others)[0]
            # a Series without a name may hold tokens, or be the rows of the tokens in its index
            if names[row] in _INDEX_OF_PANDAS and is_whole(names[token]):
                return _parts_of_series(path, names, lines, row, token)
            return token, row
    cells = list(header or lines[0])
    if len(cells) > 2:
        raise ValueError(
            f"item map {path} begins with {cells[:4]}, and nothing says which column has the row "
            f"numbers; write two columns, token and row, or name one of them `row`."
        )
    first, second = _numbers(lines, 0), _numbers(lines, 1)
    # tokens that are numbers, behind their places, look like the tokens 0, 1, 2, ... before their
    # rows; either reading gives every item a row, and one of them a wrong one
    may_be_rows = first is not None and _counts_up(sorted(first))
    if may_be_rows and second is not None and not _counts_up(second):
        raise _either(path, cells)
    return 0, 1


def _has_word_of_rows(name: str) -> bool:
    return not _WORDS_OF_ROWS.isdisjoint(re.split(r"[\W_]+", name))


def _parts_of_series(
    path: str, names: Sequence[str], lines: Sequence[Sequence[str]], index: int, other: int
) -> tuple[int, int]:
    of_index, others = _numbers(lines, index), _numbers(lines, other)
    if of_index is None and others is not None:
        return index, other
    if of_index is not None and others is not None and not _counts_up(of_index):
        raise _either(path, names)
    return other, index


def is_whole(cell: str) -> bool:
    """Whether a cell is a whole number."""
    return _WHOLE.fullmatch(cell) is not None


def _numbers(lines: Sequence[Sequence[str]], place: int) -> list[int] | None:
    """A column of whole numbers; None for any other."""
    cells = [line[place] for line in lines if len(line) > place]
    return [int(cell) for cell in cells] if all(map(is_whole, cells)) else None


def _counts_up(numbers: list[int]) -> bool:
    """Whether numbers are 0, 1, 2, ..., as rows in order are."""
    return numbers == list(range(len(numbers)))


def _either(path: str, cells: Sequence[str]) -> ValueError:
    return ValueError(
        f"item map {path} begins with {list(cells)}, and either of its columns of whole numbers "
        f"may have the rows; name the two in its first line, `token` and `row`."
    )
