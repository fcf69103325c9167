"""Amazon Reviews 2014, 2018 and 2023 as a source: reviews and item metadata of one category."""

from __future__ import annotations

import ast
import json
import math
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .line_files import LineFile
from .source_folder import shown
from .staging import StagingWriter

Record = Mapping[str, Any]
#: text that stands in the titles of the 2018 release where its crawler met a script
_SCRIPT_TITLE = "getTime("


@dataclass(frozen=True)
class Release:
    """How one release spells its records.

    Attributes:
        user: Field of the reviewer.
        item: Field of the item in reviews and metadata; 2023 keys both by the parent product.
        rating: Field of the rating.
        time: Field of the time.
        ticks_per_second: Unit of the time.
        brand: Field of brand or shop.
        categories: Field of the category path or paths.
        parse_item: Reads a line of metadata; raises ValueError.
        images: Lists the image URLs of an item, best first.
    """

    user: str
    item: str
    rating: str
    time: str
    ticks_per_second: int
    brand: str
    categories: str
    parse_item: Callable[[str], object]
    images: Callable[[Record], list[str]]


def _python_literal(line: str) -> object:
    """Read a line of 2014 metadata: a Python dictionary, never evaluated as code."""
    try:
        value: object = ast.literal_eval(line)
    except (SyntaxError, TypeError, RecursionError, MemoryError) as error:
        raise ValueError(str(error)) from error
    return value


def _json(line: str) -> object:
    """Read a JSON line."""
    try:
        value: object = json.loads(line)
    except RecursionError as error:
        raise ValueError(str(error)) from error
    return value


def _images_2014(record: Record) -> list[str]:
    return _texts(record.get("imUrl"))


def _images_2018(record: Record) -> list[str]:
    return next(
        (
            found
            for field in ("imageURLHighRes", "imageURL", "image")
            if (found := _texts(record.get(field)))
        ),
        [],
    )


def _images_2023(record: Record) -> list[str]:
    found = record.get("images")
    sizes = ("hi_res", "large", "thumb")
    best = (
        next((image[size] for size in sizes if image.get(size)), None)
        for image in (found if isinstance(found, list) else [])
        if isinstance(image, dict)
    )
    return [url for url in best if isinstance(url, str)]


_REVIEWS_UNTIL_2018 = ("reviewerID", "asin", "overall", "unixReviewTime", 1, "brand")
RELEASES = {
    "2014": Release(*_REVIEWS_UNTIL_2018, "categories", _python_literal, _images_2014),
    "2018": Release(*_REVIEWS_UNTIL_2018, "category", _json, _images_2018),
    "2023": Release(
        "user_id",
        "parent_asin",
        "rating",
        "timestamp",
        1000,
        "store",
        "categories",
        _json,
        _images_2023,
    ),
}


@dataclass(frozen=True)
class Amazon:
    """One category of a release, as downloaded.

    Attributes:
        release: A key of ``RELEASES``.
        reviews: ``reviews_*_5.json.gz`` (2014), ``*_5.json.gz`` (2018), ``*.jsonl.gz`` (2023).
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
        for record in self._records(path, _json, writer):
            user, item = record.get(release.user), record.get(release.item)
            rating, time = _number(record.get(release.rating)), _number(record.get(release.time))
            if not isinstance(user, str) or not isinstance(item, str) or time is None:
                writer.skip(f"{path.name}: review without {release.user}, {release.item} or time")
                continue
            fitting += 1
            writer.interaction(user, item, rating, time / release.ticks_per_second)
        if not fitting:
            raise ValueError(
                f"{path}: no line is a review of Amazon {self.release} (fields {release.user}, "
                f"{release.item}, {release.time}): check --release and the file"
            )

    def _stage_items(self, path: Path, writer: StagingWriter) -> None:
        release, fitting, without_categories = RELEASES[self.release], 0, 0
        for record in self._records(path, release.parse_item, writer):
            item = record.get(release.item)
            if not isinstance(item, str):
                writer.skip(f"{path.name}: item without {release.item}")
                continue
            fitting += 1
            paths: Sequence[Sequence[str]] | str = _paths(record.get(release.categories))
            if not paths:
                # a label beside the paths: it has no root that --category-skip-levels would drop
                paths = next(iter(_texts(record.get("main_category"))), "")
                without_categories += bool(paths)
            title = " ".join(_texts(record.get("title")))
            writer.item(
                item,
                title=None if _SCRIPT_TITLE in title else title,
                description=" ".join(_texts(record.get("description"))),
                brand=" ".join(_texts(record.get(release.brand))),
                categories=paths,
                image=release.images(record),
            )
        if not fitting:
            raise ValueError(
                f"{path}: no line is an item of Amazon {self.release} (field {release.item}): "
                "check --release and the file"
            )
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
                reason = f"{path.name}: line cut short or not of the release's syntax"
                writer.skip(reason, example=shown(line))
                continue
            if isinstance(record, dict):
                yield record
            else:
                writer.skip(f"{path.name}: line is not a record")
        for sentence in lines.findings():
            writer.note(sentence)


def _texts(value: object) -> list[str]:
    """The non-blank texts of a field that holds one text, a list of them, or nothing."""
    parts: Sequence[object] = value if isinstance(value, (list, tuple)) else [value]
    return [part for part in parts if isinstance(part, str) and part.strip()]


def _paths(value: object) -> list[list[str]]:
    """Category paths of a field that holds one path or a list of paths."""
    if not isinstance(value, (list, tuple)):
        value = [value]
    if any(isinstance(part, (list, tuple)) for part in value):
        paths = [_texts(part) for part in value]
    else:
        paths = [_texts(value)]
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
