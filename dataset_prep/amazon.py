"""Amazon Reviews 2014, 2018 and 2023 as a source: reviews and item metadata of one category."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .amazon_misfit import BAD_SYNTAX, no_category, no_item, no_review
from .amazon_ratings import is_ratings_file, rating_records
from .amazon_releases import RELEASES, Record, texts_in
from .line_files import LineFile
from .literals import json_value
from .source_folder import shown
from .staging import StagingWriter

#: text that stands in the titles of the 2018 release where its crawler met a script
_SCRIPT_TITLE = "getTime("


@dataclass(frozen=True)
class Amazon:
    """One category of a release, as downloaded.

    Attributes:
        release: A key of ``RELEASES``.
        reviews: ``reviews_*_5.json.gz`` (2014), ``*_5.json.gz`` (2018), ``*.jsonl.gz`` (2023), or
            the ``.csv`` of any release that holds ratings alone.
        meta: ``meta_*.json.gz`` or ``meta_*.jsonl.gz``; None prepares items without metadata.
        progress: Whether to show progress bars.

    Raises:
        ValueError: If the release is not known.
    """

    release: str
    reviews: str | os.PathLike[str]
    meta: str | os.PathLike[str] | None = None
    progress: bool = False

    def __post_init__(self) -> None:
        if self.release not in RELEASES:
            raise ValueError(f"no Amazon release {self.release!r}; known: {', '.join(RELEASES)}")

    @property
    def name(self) -> str:
        """``amazon-<release>``."""
        return f"amazon-{self.release}"

    def inputs(self) -> list[Path]:
        """List the reviews and, where given, the metadata.

        Raises:
            FileNotFoundError: If one of them does not exist.
        """
        paths = [Path(self.reviews)] + ([] if self.meta is None else [Path(self.meta)])
        for path in paths:
            if not path.is_file():
                raise FileNotFoundError(f"{path}: no such file; give the file as downloaded")
        return paths

    def settings(self) -> Mapping[str, Any]:
        """Nothing but the release decides the rows, and the name says it."""
        return {}

    def stage(self, writer: StagingWriter) -> None:
        """Stage reviews, then items.

        Args:
            writer: Receives them; malformed lines are counted as skipped.

        Raises:
            ValueError: If a file holds no record of this release.
        """
        reviews, *meta = self.inputs()
        self._stage_reviews(reviews, writer)
        for path in meta:
            self._stage_items(path, writer)

    def _stage_reviews(self, path: Path, writer: StagingWriter) -> None:
        release, fitting = RELEASES[self.release], 0
        records = (
            rating_records(path, self.release, writer, self.progress)
            if is_ratings_file(path)
            else self._records(path, json_value, writer)
        )
        for record in records:
            user, item = record.get(release.user), record.get(release.item)
            rating, time = _number(record.get(release.rating)), _number(record.get(release.time))
            if not isinstance(user, str) or not isinstance(item, str) or time is None:
                writer.skip(f"{path.name}: review without {release.user}, {release.item} or time")
                continue
            fitting += 1
            writer.interaction(user, item, rating, time / release.ticks_per_second)
        if not fitting:
            raise no_review(path, self.release, writer.report.as_dict())

    def _stage_items(self, path: Path, writer: StagingWriter) -> None:
        release, fitting, without_categories = RELEASES[self.release], 0, 0
        of_the_release = False
        for record in self._records(path, release.parse_item, writer):
            item = record.get(release.item)
            if not isinstance(item, str):
                writer.skip(f"{path.name}: item without {release.item}")
                continue
            fitting += 1
            of_the_release = of_the_release or release.categories in record
            paths: Sequence[Sequence[str]] | str = _paths(record.get(release.categories))
            if not paths:
                # a label beside the paths: it has no root that --category-skip-levels would drop
                paths = next(iter(texts_in(record.get("main_category"))), "")
                without_categories += bool(paths)
            title = " ".join(texts_in(record.get("title")))
            writer.item(
                item,
                title=None if _SCRIPT_TITLE in title else title,
                description=" ".join(texts_in(record.get("description"))),
                brand=" ".join(texts_in(record.get(release.brand))),
                categories=paths,
                image=release.images(record),
            )
        if not fitting:
            raise no_item(path, self.release, writer.report.as_dict())
        if not of_the_release:
            writer.warn(no_category(path, self.release))
        if without_categories:
            writer.note(
                f"{path.name}: {without_categories} of {fitting} items have empty "
                f"{release.categories}; their main_category stands in for them"
            )

    def _records(
        self, path: Path, parse: Callable[[str], object], writer: StagingWriter
    ) -> Iterator[Record]:
        """Yield each line that parses to a dictionary; count the others."""
        lines = LineFile(path, progress=self.progress)
        for line in lines:
            if not line.strip():
                continue
            try:
                record = parse(line)
            except ValueError:
                writer.skip(BAD_SYNTAX.format(path.name), example=shown(line))
                continue
            if isinstance(record, dict):
                yield record
            else:
                writer.skip(f"{path.name}: line is not a record")
        for sentence in lines.findings():
            writer.note(sentence)


def _paths(value: object) -> list[list[str]]:
    """Category paths of a field that holds one path or a list of paths."""
    if not isinstance(value, (list, tuple)):
        value = [value]
    if any(isinstance(part, (list, tuple)) for part in value):
        paths = [texts_in(part) for part in value]
    else:
        paths = [texts_in(value)]
    return [path for path in paths if path]


def _number(value: object) -> float | None:
    """A finite number of JSON, also one spelled as text; None for anything else."""
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        return None
    try:
        number = float(value)
    except (ValueError, OverflowError):
        return None
    return number if math.isfinite(number) else None
