"""Source tables: CSV or TSV rows and JSON lines, plain or gzipped."""

from __future__ import annotations

import gzip
import os
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from .cells import cells_in_line
from .json_array import refuse_json_array
from .line_files import GZIP_MAGIC, UTF_16_MARKS
from .literals import json_or_literal
from .source_folder import csv_rows

Record = dict[str, Any]


@contextmanager
def open_text(path: str | os.PathLike[str]) -> Iterator[IO[str]]:
    """Open a UTF-8 text file for reading, through gzip where its content is that.

    A byte order mark before the text is no part of it; that of UTF-16 is obeyed.

    Args:
        path: The file.

    Yields:
        The open file.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it is not UTF-8, or cut short.
    """
    if not Path(path).is_file():
        raise FileNotFoundError(f"{path}: no such file")
    with open(path, "rb") as raw:
        zipped = raw.read(2) == GZIP_MAGIC
    opener: Any = gzip.open if zipped else open
    try:
        with opener(path, "rb") as binary:
            marked = binary.read(2) in UTF_16_MARKS
        encoding = "utf-16" if marked else "utf-8-sig"
        with opener(path, "rt", encoding=encoding, newline="") as file:
            yield file
    except (UnicodeError, EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise ValueError(f"{path}: cannot be read as UTF-8 text ({error})") from error


def table_suffix(path: str | os.PathLike[str]) -> str:
    """Say what a file is by its name.

    Args:
        path: The file.

    Returns:
        The suffix in small letters, without a ``.gz`` behind it, e.g. ``".csv"``.
    """
    name = Path(path).name.lower()
    return Path(name.removesuffix(".gz")).suffix


def read_table(path: str | os.PathLike[str], columns: Sequence[str]) -> Iterator[tuple[str, ...]]:
    """Read named columns of a table with a header, in file order.

    Args:
        path: ``.csv`` with commas, any other with tabs; optionally ``.gz``.
        columns: Header names to read; ``name`` also matches an atomic file's ``name:type``.

    Yields:
        The cells of those columns, without the quotes that stand around a whole cell.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If a column is absent, or a row has another number of cells than the header.
    """
    comma = table_suffix(path) == ".csv"
    with open_text(path) as file:
        number = 0

        def lines() -> Iterator[str]:
            nonlocal number
            for number, line in enumerate(file, start=1):  # noqa: B007  (the line of an error)
                yield line.rstrip("\r\n")

        # A tab-separated dump holds bare quotes; only in CSV they keep a cell together.
        rows = (
            csv_rows(lines(), Path(path))
            if comma
            else (cells_in_line(line) for line in lines() if line)
        )
        header = [name.strip() for name in next(rows, [])]
        plain = [name.split(":")[0] for name in header]
        mend = (
            "quote a cell that holds the separator"
            if comma
            else "take separators and line breaks out of the cells (quotes do not help here)"
        )
        where = []
        for column in columns:
            names = header if column in header else plain
            if column not in names:
                raise ValueError(f"{path}: no column {column!r}; the header has {header}")
            where.append(names.index(column))
        for row in rows:
            if not row:
                continue
            # In a row with a bare separator every cell behind it would count as another column.
            if len(row) != len(header):
                raise ValueError(
                    f"{path}, line {number}: {len(row)} cells, the header has {len(header)}: "
                    f"{mend}, or add what is missing: {row!r:.200}"
                )
            yield tuple(row[index] for index in where)


def read_records(path: str | os.PathLike[str]) -> Iterator[Record]:
    """Read JSON lines, one object a line; Python dictionaries are read as well.

    Args:
        path: ``.jsonl`` or ``.json`` lines, optionally ``.gz``.

    Yields:
        The objects.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If a line is not a JSON object, or the file is one array.
    """
    with open_text(path) as file:
        begun = False
        for number, line in enumerate(file, start=1):
            if not line.strip():
                continue
            if not begun:
                refuse_json_array(path, line)
                begun = True
            try:
                record = json_or_literal(line)
            except ValueError as error:
                raise ValueError(f"{path}, line {number}: not JSON ({error})") from error
            if not isinstance(record, dict):
                raise ValueError(f"{path}, line {number}: not a JSON object: {line!r:.100}")
            yield record


def field(record: Record, name: str, path: object) -> Any:
    """Read a field that every record must have.

    Args:
        record: One object.
        name: The field.
        path: The file, for the error sentence.

    Returns:
        The value.

    Raises:
        ValueError: If the field is absent.
    """
    if name not in record:
        raise ValueError(f"{path}: an item has no field {name!r}; it has {sorted(record)}")
    return record[name]
