"""Records of a CSV, TSV, JSON-lines or Parquet file, one at a time, damaged ones counted."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from .cells import cells_in_line, spells_number
from .json_array import refuse_json_array
from .line_files import LineFile, check_encoding
from .literals import json_or_literal
from .optional_import import require
from .source_folder import MALFORMED, DamageSink, noted_lines, noted_rows, shown
from .table_reader import table_suffix

#: suffix, without ``.gz``, to what stands between cells
SEPARATORS = {".csv": ",", ".tsv": "\t", ".inter": "\t", ".item": "\t"}
JSON_SUFFIXES = frozenset({".jsonl", ".json", ".ndjson"})
PARQUET_SUFFIXES = frozenset({".parquet", ".pq"})
NOT_JSON = "{}: line is no JSON object"
_ROWS_PER_BATCH = 8192
# what else stands between cells, the likeliest first; names of fields hold none of them
_OTHER_SEPARATORS = ("::", ";", "\t", ",", "|")


@dataclass
class RecordFile:
    """One file of records.

    Attributes:
        path: ``.csv``, ``.tsv``, an atomic file, JSON lines (all of them optionally ``.gz``) or
            ``.parquet``.
        separator: What stands between the cells of a text table; None decides by the name. Cells
            are quoted as in CSV unless a tab or several characters separate them: such dumps hold
            bare quotes. Between tabs a cell that is quoted as a whole loses its quotes, but they
            keep no tab or line break in it.
        progress: Whether to show a progress bar.
        columns: Names of the cells of a table without header; empty where it has one.
        columns_option: The option that gives them, where the command has one.
        separator_option: The option that gives the separator, where the command has one.
        encoding: Encoding of a text file; see ``LineFile``.
        seen: Field names met so far.
        types: Field name to type in the header of an atomic file, known with the first record.
    """

    path: Path
    separator: str | None = None
    progress: bool = False
    columns: Sequence[str] = ()
    columns_option: str = ""
    separator_option: str = ""
    encoding: str = "utf-8"
    seen: set[str] = field(default_factory=set)
    types: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.path = Path(self.path)
        self._suffix = table_suffix(self.path)
        known = {*SEPARATORS, *JSON_SUFFIXES, *PARQUET_SUFFIXES}
        if self.separator is None and self._suffix not in known:
            raise ValueError(
                f"{self.path}: the name ends in none of {', '.join(sorted(known))}: rename it, or "
                "give the separator of its cells"
                + (f" with {self.separator_option}" if self.separator_option else "")
            )
        self._first_row: list[str] = []
        check_encoding(self.encoding)
        if self.separator == "":
            raise ValueError("the separator is empty: give what stands between cells, e.g. ';'")
        if self.separator == r"\t":
            # A shell hands these two characters on as they are.
            self.separator = "\t"
        if self.columns and self._suffix in JSON_SUFFIXES | PARQUET_SUFFIXES:
            raise ValueError(
                f"{self.path}: its records name their fields: {self.columns_option or 'names'} "
                "are for tables without header"
            )
        if len(set(self.columns)) < len(self.columns):
            raise ValueError(f"the names of columns hold one twice: {', '.join(self.columns)}")

    def records(
        self, sink: DamageSink, fields: Collection[str] | None = None
    ) -> Iterator[Mapping[str, Any]]:
        """Yield each record as field name to value; ``name:type`` headers lose the type.

        Args:
            sink: Receives the count of damaged records.
            fields: Fields that are needed; others may be absent from the records.

        Yields:
            The records, in file order. Cells of CSV and TSV are text.

        Raises:
            FileNotFoundError: If there is no such file.
            ValueError: If the file is not of its format at all.
        """
        if not self.path.is_file():
            raise FileNotFoundError(f"{self.path}: no such file")
        if self._suffix in PARQUET_SUFFIXES:
            yield from self._parquet(fields)
        elif self._suffix in JSON_SUFFIXES:
            yield from self._json_lines(sink)
        else:
            yield from self._cells(sink)

    def require_fields(self, names: Mapping[str, str], left_out: str = "") -> None:
        """Check, after reading, that fields occurred in the file.

        Args:
            names: Role of each field to its name, e.g. ``{"user": "user_id"}``.
            left_out: What could not be read of it, for the sentence about a file without records.

        Raises:
            ValueError: If one of them never did.
        """
        if names and not self.seen:
            raise ValueError(
                f"{self.path}: has no record and no header that can be read"
                + (f"; left out: {left_out}" if left_out else "")
                + ": give a file with records"
            )
        for role, name in names.items():
            if name not in self.seen:
                raise ValueError(
                    f"{self.path}: no field {name!r} for the {role}; the file has "
                    f"{sorted(self.seen)[:20]}{self._one_cell() or self._no_header(self.seen)}"
                )

    def is_sequence(self, name: str) -> bool:
        """Say whether the cells of a field hold several words; known with the first record.

        Args:
            name: The field.

        Returns:
            Whether the header of an atomic file makes it a ``token_seq``.
        """
        return self.types.get(name) == "token_seq"

    def _one_cell(self) -> str:
        """What to do where a whole header stands in one cell; empty where it does not."""
        (cell,) = self._first_row if len(self._first_row) == 1 else ("",)
        # its own stands in one cell where quotes are around a whole line
        signs = (sign for sign in _OTHER_SEPARATORS if sign in cell and sign != self._between())
        other = next(signs, "")
        if not other or not self.separator_option:
            return ""
        return (
            f": its header is one cell, {shown(cell)}: where {other!r} stands between its cells, "
            f"give {self.separator_option} {other!r}"
        )

    def _no_header(self, names: Collection[str]) -> str:
        """What to do where a first line is no header; empty where it seems to be one."""
        named = self.columns or self._suffix in JSON_SUFFIXES | PARQUET_SUFFIXES
        if named or not self.columns_option or not any(map(spells_number, names)):
            return ""
        return f": it seems to have no header: name its columns with {self.columns_option}"

    def _between(self) -> str:
        """What stands between the cells of a text table."""
        return self.separator or SEPARATORS[self._suffix]

    def _cells(self, sink: DamageSink) -> Iterator[Mapping[str, Any]]:
        separator = self._between()
        file = LineFile(self.path, self.encoding, self.progress)
        rows: Iterator[list[str]] = (
            (cells_in_line(line, separator) for line in noted_lines(file, sink))
            if separator == "\t" or len(separator) > 1
            else noted_rows(file, sink, separator)
        )
        names = list(self.columns) or self._header(next(rows, []))
        self.seen.update(names)
        expected = f"{'there are names for' if self.columns else 'the header has'} {len(names)}"
        for row in rows:
            if len(row) == len(names):
                yield dict(zip(names, row))
            else:
                line = separator.join(row)
                within = "; a tab or line break parts cells within quotes as well"
                sink.skip(
                    MALFORMED.format(self.path.name),
                    example=f"{shown(line)} has {len(row)} cells, {expected}"
                    + within * (separator == "\t" and '"' in line),
                )

    def _header(self, row: Sequence[str]) -> list[str]:
        """Names of the columns in a first line."""
        header = self._first_row = [cell.strip() for cell in row]
        plain = [cell.split(":")[0] for cell in header]
        names = plain if len(set(plain)) == len(plain) else header
        if len(set(names)) < len(names):
            raise ValueError(
                f"{self.path}: the header names a column twice: {header}{self._no_header(header)}"
            )
        self.types = {name: cell.partition(":")[2] for name, cell in zip(names, header)}
        return names

    def _json_lines(self, sink: DamageSink) -> Iterator[Mapping[str, Any]]:
        lines = noted_lines(LineFile(self.path, self.encoding, self.progress), sink)
        for number, line in enumerate(lines):
            if number == 0:
                refuse_json_array(self.path, line)
            try:
                record = json_or_literal(line)
            except ValueError:
                record = None
            if not isinstance(record, dict):
                sink.skip(NOT_JSON.format(self.path.name), example=shown(line))
                continue
            self.seen.update(record)
            yield record

    def _parquet(self, fields: Collection[str] | None) -> Iterator[Mapping[str, Any]]:
        parquet = require("pyarrow.parquet", "reading Parquet")
        arrow = require("pyarrow", "reading Parquet")
        try:
            file = parquet.ParquetFile(self.path)
        except (arrow.ArrowException, OSError) as error:
            raise ValueError(f"{self.path}: not a Parquet file ({error})") from error
        names = file.schema_arrow.names
        self.seen.update(names)
        # A column of embeddings, say, would take most of the time and memory.
        columns = None if fields is None else [name for name in names if name in fields]
        try:
            for batch in file.iter_batches(batch_size=_ROWS_PER_BATCH, columns=columns):
                yield from batch.to_pylist()
        except (arrow.ArrowException, OSError) as error:
            raise ValueError(
                f"{self.path}: damaged Parquet file ({error}): write or download it again"
            ) from error
