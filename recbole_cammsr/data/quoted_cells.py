"""Cells of atomic files in double quotes, as RecBole reads them, and labels within a cell.

RecBole reads atomic files with pandas, to which a double quote at the beginning of a cell opens a
quoted one. The data sets that its authors have prepared have such cells, and columns of labels that
are Python strings one after the other, ``'Bath & Body', "Men's"``, which RecBole splits at blanks.
Lists that pandas has written are the same in brackets.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Sequence

from recbole_cammsr.data.literals import lacks_comma, python_literal

# characters of an odd cell that a message shows
_SHOWN = 40
_QUOTES = ("'", '"')


def cells_of(
    path: str, lines: Iterable[str], separator: str, first: int = 1
) -> Iterator[tuple[int, list[str]]]:
    """Split lines into cells.

    Args:
        path: of the file, for messages.
        lines: with their line ends.
        separator: between cells.
        first: number of the first line.

    Yields:
        Number of the last line of a row and the row's cells; empty lines are left out. Quotes are
        taken off where the separator is one character.

    Raises:
        ValueError: a quoted cell holds a separator and a line break, or the end of the file, so a
            quote was left open.
    """
    if len(separator) != 1:
        for number, line in enumerate(lines, start=first):
            if line.strip("\r\n"):
                yield number, line.rstrip("\r\n").split(separator)
        return
    longest = csv.field_size_limit(1 << 30)  # a cell may be longer than the 131,072 of the module
    try:
        reader = csv.reader(lines, delimiter=separator)
        row: list[str] = []
        for row in reader:
            for cell in row:
                if "\n" in cell and separator in cell:
                    raise _open_quote(path, reader.line_num + first - 1, cell)
            if row:
                yield reader.line_num + first - 1, row
        if row and row[-1].endswith("\n"):  # the line end of the file stands in it
            raise _open_quote(path, reader.line_num + first - 1, row[-1])
    finally:
        csv.field_size_limit(longest)


def _open_quote(path: str, line: int, cell: str) -> ValueError:
    return ValueError(
        f"{path}: a double quote is not closed in a cell that ends in line {line} and begins with "
        f"{cell[:_SHOWN]!r}; take double quotes out of its texts."
    )


def joined(rows: Iterable[Sequence[str]], separator: str) -> str:
    """The text of rows; cells are quoted where :func:`cells_of` would not read them otherwise.

    Args:
        rows: of cells.
        separator: between cells.
    """
    if len(separator) != 1:
        return "".join(separator.join(row) + "\n" for row in rows)
    text = io.StringIO()
    csv.writer(text, delimiter=separator, lineterminator="\n").writerows(rows)
    return text.getvalue()


def python_strings(cell: str) -> list[str] | None:
    """Labels of a cell that is Python strings with commas between them; None for other cells.

    Args:
        cell: such as ``'Beauty', "Men's"``, be it in brackets, as pandas writes a list.
    """
    bracketed = cell.startswith("[") and cell.endswith("]")
    if not bracketed and not (cell.startswith(_QUOTES) and cell.endswith(_QUOTES)):
        return None
    text = cell if bracketed else f"[{cell}]"
    try:
        values = python_literal(text)
    except ValueError:
        return None
    if not isinstance(values, list) or not all(isinstance(value, str) for value in values):
        return None
    return None if lacks_comma(text) else values


def labels_in(cell: str, several: bool, separator: str) -> list[str]:
    """Category labels of a cell.

    Args:
        cell: without blanks around it.
        several: whether the column is a ``token_seq``.
        separator: between its labels.

    Returns:
        Labels without blanks around them; empty ones are left out.
    """
    if not several:
        return [cell] if cell else []
    labels = python_strings(cell)
    if labels is None:
        labels = cell.split(separator)
    return [label for label in map(str.strip, labels) if label]
