"""Staged tables: what a source adapter read, as two Parquet files that later stages query."""

from __future__ import annotations

import json
import math
import os
import shutil
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any

from recbole_cammsr.run.atomic_write import flush_file, flush_folder, naming

from .clean_text import is_token, reference_word
from .optional_import import require
from .unusable_ids import UNUSABLE_ITEM, UNUSABLE_USER, unusable

INTERACTIONS = "interactions.parquet"
ITEMS = "items.parquet"
REPORT = "staging.json"
#: rows gathered before they are written; bounds the memory that staging takes
ROWS_PER_BATCH = 65_536


@dataclass
class StagingReport:
    """What was staged and what was left out.

    Attributes:
        interactions: Rows of ``interactions.parquet``.
        items: Rows of ``items.parquet``, repeated items included.
        skipped: Records left out, by reason.
        examples: Reason to the first of its records, where the source gives one.
        notes: Sentences about the source for the summary, e.g. that a file was cut short.
        warnings: The same, of what may spoil the data set.
        time_doubts: Sentences that say that times have another unit; warnings unless times are
            filtered.
    """

    interactions: int = 0
    items: int = 0
    skipped: Counter[str] = field(default_factory=Counter)
    examples: dict[str, str] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    time_doubts: list[str] = field(default_factory=list)

    def as_dict(self) -> dict[str, Any]:
        """Return the report as JSON values."""
        return {
            "interactions": self.interactions,
            "items": self.items,
            "skipped": dict(self.skipped),
            "examples": dict(self.examples),
            "notes": list(self.notes),
            "warnings": list(self.warnings),
            "time_doubts": list(self.time_doubts),
        }


class StagingWriter:
    """Write interactions and items in batches; the folder appears only when complete.

    ``interactions.parquet`` holds ``row`` (int64, order in the source), ``user``, ``item``
    (string), ``rating``, ``timestamp`` (double, nullable). ``items.parquet`` holds ``item`` and the
    nullable strings ``title``, ``description``, ``brand``, ``categories`` (JSON: list of paths,
    each a list of labels; or one label that is in no path) and ``image`` (references joined by a
    space).

    Args:
        folder: The folder to create; an older one is replaced at the end.
        rows_per_batch: Rows kept in memory before they are written.

    Raises:
        ImportError: If pyarrow is not installed.
    """

    def __init__(
        self, folder: str | os.PathLike[str], rows_per_batch: int = ROWS_PER_BATCH
    ) -> None:
        self._arrow = require("pyarrow", "staging a source")
        parquet = require("pyarrow.parquet", "staging a source")
        self.folder = Path(folder)
        self.report = StagingReport()
        # A fixed name, so that what a killed run left is found and removed by the next one.
        self._partial = self.folder.with_name(f".{self.folder.name.lstrip('.')}.partial")
        shutil.rmtree(self._partial, ignore_errors=True)
        self._partial.mkdir(parents=True)
        text, number = self._arrow.string(), self._arrow.float64()
        self._interactions = _Table(
            self._arrow,
            parquet,
            self._partial / INTERACTIONS,
            {
                "row": self._arrow.int64(),
                "user": text,
                "item": text,
                "rating": number,
                "timestamp": number,
            },
            rows_per_batch,
        )
        names = ("item", "title", "description", "brand", "categories", "image")
        self._items = _Table(
            self._arrow, parquet, self._partial / ITEMS, dict.fromkeys(names, text), rows_per_batch
        )

    def interaction(
        self, user: str, item: str, rating: float | None = None, timestamp: float | None = None
    ) -> None:
        """Add an interaction; one whose ids no atomic file can hold is counted as skipped.

        Args:
            user: User token.
            item: Item token.
            rating: The rating, if the source has one.
            timestamp: Seconds since 1970, if the source has times.
        """
        if not is_token(user):
            self.skip(UNUSABLE_USER, example=unusable(user))
        elif not is_token(item):
            self.skip(UNUSABLE_ITEM, example=unusable(item))
        else:
            self._interactions.add(
                (self.report.interactions, user, item, _finite(rating), _finite(timestamp))
            )
            self.report.interactions += 1

    def item(
        self,
        item: str,
        *,
        title: str | None = None,
        description: str | None = None,
        brand: str | None = None,
        categories: Sequence[Sequence[str]] | str = (),
        image: str | Sequence[str] | None = None,
    ) -> None:
        """Add an item as the source spells it; texts are cleaned when they are used.

        Args:
            item: Item token.
            title: Its title.
            description: Its description.
            brand: Its brand, artist or maker.
            categories: Its category paths, most general label first; a single text is a label that
                stands for the item instead, of which no level is skipped.
            image: One image reference (path or URL) or several, best first.
        """
        if not is_token(item):
            self.skip(UNUSABLE_ITEM, example=unusable(item))
            return
        references = [image] if isinstance(image, str) else list(image or ())
        images = " ".join(reference_word(one) for one in references if one.strip())
        paths: object = (
            categories
            if isinstance(categories, str)
            else [list(path) for path in categories if path]
        )
        nested = json.dumps(paths, ensure_ascii=False) if paths else None
        self._items.add(
            (item, title or None, description or None, brand or None, nested, images or None)
        )
        self.report.items += 1

    def skip(self, reason: str, count: int = 1, example: str = "") -> None:
        """Count records that were left out.

        Args:
            reason: What is wrong with them, e.g. ``"line is not JSON"``.
            count: How many.
            example: One of them; the first of each reason is kept.
        """
        self.report.skipped[reason] += count
        if example:
            self.report.examples.setdefault(reason, example)

    def note(self, sentence: str) -> None:
        """Keep a sentence about the source for the summary.

        Args:
            sentence: E.g. that a file was cut short.
        """
        self.report.notes.append(sentence)

    def warn(self, sentence: str) -> None:
        """Keep a sentence about something that may spoil the data set.

        Args:
            sentence: E.g. that items stand twice with different fields.
        """
        self.report.warnings.append(sentence)

    def doubt_times(self, sentence: str) -> None:
        """Keep a sentence that says that the times have another unit.

        Args:
            sentence: See ``time_range.TimeWatch``.
        """
        self.report.time_doubts.append(sentence)

    def __enter__(self) -> StagingWriter:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        tables = (self._interactions, self._items)
        try:
            if kind is not None:
                # A table cannot be ended where the disk is full, which is the error to show.
                for table in tables:
                    with suppress(Exception):
                        table.close()
                return
            for table in tables:
                table.close()
            self._publish()
        finally:
            shutil.rmtree(self._partial, ignore_errors=True)

    def _publish(self) -> None:
        """Flush every file to disk and put the folder in place."""
        report = self._partial / REPORT
        report.write_text(json.dumps(self.report.as_dict(), indent=1, sort_keys=True) + "\n")
        for path in self._partial.iterdir():
            flush_file(path)
        flush_folder(self._partial)
        # A folder cannot be renamed over a full one.
        shutil.rmtree(self.folder, ignore_errors=True)
        os.replace(self._partial, self.folder)
        flush_folder(self.folder.parent)


class _Table:
    """One Parquet file that is written batch by batch."""

    def __init__(
        self, arrow: Any, parquet: Any, path: Path, columns: dict[str, Any], rows_per_batch: int
    ) -> None:
        self._arrow = arrow
        self._path = path
        self._schema = arrow.schema(list(columns.items()))
        self._writer = parquet.ParquetWriter(path, self._schema, compression="zstd")
        self._rows: list[tuple[Any, ...]] = []
        self._rows_per_batch = rows_per_batch

    def add(self, row: tuple[Any, ...]) -> None:
        """Add a row; cells follow the schema."""
        self._rows.append(row)
        if len(self._rows) >= self._rows_per_batch:
            self._write()

    def close(self) -> None:
        """Write what is left and close the file."""
        self._write()
        self._writer.close()

    def _write(self) -> None:
        if self._rows:
            columns = [self._column(values, kind) for values, kind in self._typed_columns()]
            with naming(self._path):
                self._writer.write_table(self._arrow.table(columns, schema=self._schema))
            self._rows.clear()

    def _typed_columns(self) -> list[tuple[tuple[Any, ...], Any]]:
        return list(zip(zip(*self._rows), self._schema.types))

    def _column(self, values: tuple[Any, ...], kind: Any) -> Any:
        try:
            return self._arrow.array(values, kind)
        except UnicodeEncodeError:
            # JSON may spell half of a surrogate pair, which no UTF-8 file can hold.
            whole = [None if v is None else v.encode("utf-8", "replace").decode() for v in values]
            return self._arrow.array(whole, kind)


def read_report(folder: str | os.PathLike[str]) -> dict[str, Any]:
    """Read the report of a staged folder.

    Args:
        folder: A folder that ``StagingWriter`` wrote.

    Returns:
        The attributes of ``StagingReport`` by name.

    Raises:
        FileNotFoundError: If the folder was not staged.
    """
    report: dict[str, Any] = json.loads((Path(folder) / REPORT).read_text(encoding="utf-8"))
    return report


def _finite(value: float | None) -> float | None:
    """A number, or None for NaN and infinity, which no filter can compare."""
    return value if value is not None and math.isfinite(value) else None
