"""Records of a CSV, TSV, JSON-lines or Parquet file, one at a time, damaged ones counted."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from .json_array import refuse_json_array
from .line_files import LineFile
from .optional_import import require
from .source_folder import MALFORMED, DamageSink, noted_lines, noted_rows, shown

#: suffix, without ``.gz``, to what stands between cells
SEPARATORS = {".csv": ",", ".tsv": "\t", ".inter": "\t", ".item": "\t"}
JSON_SUFFIXES = frozenset({".jsonl", ".json", ".ndjson"})
PARQUET_SUFFIXES = frozenset({".parquet", ".pq"})
NOT_JSON = "{}: line is no JSON object"
_ROWS_PER_BATCH = 8192


@dataclass
class RecordFile:
    """One file of records.

    Attributes:
        path: ``.csv``, ``.tsv``, an atomic file, JSON lines (all of them optionally ``.gz``) or
            ``.parquet``.
        separator: What stands between cells; None decides by the name. Cells are quoted as in CSV
            unless a tab separates them: a tab-separated dump holds bare quotes.
        progress: Whether to show a progress bar.
        seen: Field names met so far.
    """

    path: Path
    separator: str | None = None
    progress: bool = False
    seen: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.path = Path(self.path)
        name = self.path.name.lower()
        self._suffix = Path(name[:-3] if name.endswith(".gz") else name).suffix
        known = {*SEPARATORS, *JSON_SUFFIXES, *PARQUET_SUFFIXES}
        if self.separator is None and self._suffix not in known:
            raise ValueError(
                f"{self.path}: the name ends in none of {', '.join(sorted(known))}: rename it, or "
                "give the separator of its cells"
            )
        if self.separator is not None and len(self.separator) != 1:
            raise ValueError(f"the separator must be one character, not {self.separator!r}")

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
        if self.separator is None and self._suffix in PARQUET_SUFFIXES:
            yield from self._parquet(fields)
        elif self.separator is None and self._suffix in JSON_SUFFIXES:
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
                    f"{sorted(self.seen)[:20]}"
                )

    def _cells(self, sink: DamageSink) -> Iterator[Mapping[str, Any]]:
        separator = self.separator or SEPARATORS[self._suffix]
        file = LineFile(self.path, progress=self.progress)
        rows: Iterator[list[str]] = (
            (line.split("\t") for line in noted_lines(file, sink))
            if separator == "\t"
            else noted_rows(file, sink, separator)
        )
        header = [cell.strip() for cell in next(rows, [])]
        plain = [cell.split(":")[0] for cell in header]
        names = plain if len(set(plain)) == len(plain) else header
        if len(set(names)) < len(names):
            raise ValueError(f"{self.path}: the header names a column twice: {header}")
        self.seen.update(names)
        for row in rows:
            if len(row) == len(names):
                yield dict(zip(names, row))
            else:
                sink.skip(
                    MALFORMED.format(self.path.name),
                    example=f"{shown(separator.join(row))} has {len(row)} cells, the header has "
                    f"{len(names)}",
                )

    def _json_lines(self, sink: DamageSink) -> Iterator[Mapping[str, Any]]:
        lines = noted_lines(LineFile(self.path, progress=self.progress), sink)
        for number, line in enumerate(lines):
            if number == 0:
                refuse_json_array(self.path, line)
            try:
                record = json.loads(line)
            except (ValueError, RecursionError):
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
