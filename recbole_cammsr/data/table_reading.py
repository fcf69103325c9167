"""Lets RecBole's data sets read regular atomic files fast, and says what is wrong in the others.

RecBole asks for pandas' Python parser, which takes most of the time of creating a data set.
"""

from __future__ import annotations

import codecs
import csv
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import pandas as pd
from recbole.data.dataset import dataset as recbole_dataset

from recbole_cammsr.compat.module_proxy import ModuleProxy
from recbole_cammsr.data.quoted_cells import cells_of
from recbole_cammsr.data.regular_table import read_regular_table
from recbole_cammsr.data.text_encoding import other_encoding

# offending cells, and characters of an offending line, that a message shows
_SHOWN, _LONGEST = 3, 60


def check_long_lines(path: str, separator: Any, encoding: str | None) -> None:
    """Refuse an atomic file in which a line has more cells than the first.

    pandas takes the first cells of such lines for names of rows, and moves the others to the
    columns before: times become users, and good lines seem to lack a cell.

    Args:
        path: the file.
        separator: between fields.
        encoding: of the file.

    Raises:
        ValueError: names the first such line.
    """
    if not isinstance(separator, str) or len(separator) != 1:
        return
    first, number, count = "", 0, 0
    with open(path, encoding=encoding, errors="replace") as file:
        rows = cells_of(path, file, separator)
        try:
            width = len(next(rows, (0, []))[1])
            for place, cells in rows:
                if len(cells) > width:
                    first, number, count = (
                        first or separator.join(cells),
                        number or place,
                        count + 1,
                    )
        except (ValueError, csv.Error):
            return  # a quote is left open, or so it seems: pandas says it, or reads the cell
    if count:
        raise ValueError(
            f"{count} {'line' if count == 1 else 'lines'} of {path} have more cells than the "
            f"{width} of the first line, such as line {number}, {first[:_LONGEST]!r}; "
            f"take separators out of its texts, or give every column a name."
        )


def check_byte_order_mark(path: str, encoding: str | None) -> None:
    """Refuse an atomic file whose first field RecBole would read with a mark before its name.

    Args:
        path: the file.
        encoding: it is to be read in.

    Raises:
        ValueError: it begins with the mark, and the encoding does not take that off.
    """
    with open(path, "rb") as file:
        marked = file.read(len(codecs.BOM_UTF8)) == codecs.BOM_UTF8
    if marked and (encoding or "").lower().replace("_", "-") != "utf-8-sig":
        raise ValueError(
            f"{path} begins with a byte order mark, as some spreadsheets write it, which would be "
            f"part of the first field's name; save it without, or set `encoding: utf-8-sig`."
        )


def check_any_row(path: str) -> None:
    """Refuse an interaction file without interactions.

    Args:
        path: the file.

    Raises:
        ValueError: nothing stands below its first line.
    """
    with open(path, "rb") as file:
        file.readline()
        if not any(line.strip() for line in file):
            raise ValueError(f"interaction file {path} has no rows below its first line.")


def check_fields(path: str, fields: Sequence[str], wanted: Mapping[str, str]) -> None:
    """Refuse an interaction file that lacks a field.

    Args:
        path: the file.
        fields: that have been read.
        wanted: setting to the field that it names.

    Raises:
        ValueError: names the file, the field and the setting.
    """
    for setting, field in wanted.items():
        if field not in fields:
            raise ValueError(
                f"interaction file {path} has no field {field!r}, but "
                f"{', '.join(map(repr, fields))}; name the right one in `{setting}`."
            )


@contextmanager
def fast_reading() -> Iterator[None]:
    """Inside the block RecBole's data sets read regular tables by pandas' C parser.

    Every other table (quotes, lines with too few or too many fields, separators of several
    characters, numbers that the two parsers round differently) is left to the Python parser. What
    that one refuses is named with its file.

    Raises:
        ValueError: inside the block: a table cannot be read.
    """
    original = recbole_dataset.pd

    def read_csv(path: str, **options: Any) -> Any:
        frame = None
        if options.get("engine") == "python":
            frame = read_regular_table(
                path, options.get("delimiter"), options.get("encoding"), options.get("dtype", {})
            )
        if frame is not None:
            return frame
        check_long_lines(path, options.get("delimiter"), options.get("encoding"))
        try:
            return original.read_csv(path, **options)
        except ValueError as error:
            reason = None
            if isinstance(error, UnicodeDecodeError):
                reason = other_encoding(path, options.get("encoding"), error)
            elif not isinstance(error, pd.errors.ParserError):
                reason = _words_among_numbers(path, options)
            raise ValueError(reason or f"{path} cannot be read: {error}") from error

    recbole_dataset.pd = ModuleProxy(original, read_csv=read_csv)
    try:
        yield
    finally:
        recbole_dataset.pd = original


def _words_among_numbers(path: str, options: dict[str, Any]) -> str | None:
    """The sentence on a column of numbers that holds something else, which pandas does not quote.

    Args:
        path: the table, which can be read as text.
        options: of the call that failed.
    """
    numbers = [column for column, kind in options.get("dtype", {}).items() if kind is not str]
    if not numbers:
        return None
    cells = pd.read_csv(path, **{**options, "dtype": str, "usecols": numbers})
    for column in numbers:
        given = cells[column].dropna()
        words = given[pd.to_numeric(given, errors="coerce").isna()]
        if len(words):
            shown = ", ".join(repr(word) for word in words[:_SHOWN])
            return (
                f"column {column!r} of {path} holds {len(words)} "
                f"{'cell that is no number' if len(words) == 1 else 'cells that are no numbers'} "
                f"({shown}{', …' if len(words) > _SHOWN else ''}); give numbers or leave them out."
            )
    return None
