"""MicroLens as a source: ``*_pairs.csv``, a file of titles, video tags, and covers by item id."""

from __future__ import annotations

import os
import re
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .line_files import LineFile
from .source_folder import MALFORMED, noted_lines, noted_rows, require_files, shown
from .staging import StagingWriter

PAIRS_SUFFIX = "_pairs.csv"
#: what follows the release's prefix in the file of titles: 50k and 100k differ
TITLE_SUFFIXES = ("_titles.csv", "_title_en.csv")
TAGS = "tags_to_summary.csv"
# The id of a record; all are numbers.
_ID = re.compile(r"\s*\d+\s*,")
# More lines than a text has: a quote that none of so many closes was not meant to open one.
_MOST_LINES = 100
_HEADER_IDS = frozenset({"item", "itemid", "item_id", "video", "videoid", "video_id"})
# The releases count milliseconds; as seconds such a number would lie after the year 5000.
_FIRST_MILLISECONDS = 1e11


@dataclass(frozen=True)
class MicroLens:
    """One downloaded MicroLens release.

    Attributes:
        folder: Folder of the files, e.g. of ``MicroLens-50k_pairs.csv``.
        covers: Folder of the cover images below ``folder``; None takes ``<prefix>_covers``.
        progress: Whether to show progress bars.
    """

    folder: str | os.PathLike[str]
    covers: str | None = None
    progress: bool = False

    @property
    def name(self) -> str:
        """``microlens``."""
        return "microlens"

    def settings(self) -> dict[str, Any]:
        """The name of the cover folder stands in the image references."""
        return {"covers": self.covers}

    def inputs(self) -> list[Path]:
        """List the pairs, the titles and, where there are any, the tags.

        Raises:
            FileNotFoundError: If the pairs or the titles are missing.
            ValueError: If the folder holds the pairs of several releases.
        """
        pairs, titles, tags = self._files()
        return [pairs, titles, *([tags] if tags else [])]

    def stage(self, writer: StagingWriter) -> None:
        """Stage items in the order of the titles, then those without title, then the pairs.

        Args:
            writer: Receives them; malformed lines are counted as skipped.

        Raises:
            FileNotFoundError: If a file is missing.
            ValueError: If the pairs are not of this format.
        """
        pairs, titles, tag_file = self._files()
        covers = self.covers or f"{pairs.name[: -len(PAIRS_SUFFIX)]}_covers"
        tags = {} if tag_file is None else dict(self._id_and_text(tag_file, writer))
        titled: dict[str, bool] = {}
        for item, title in self._id_and_text(titles, writer):
            # Of repeated items the first record counts.
            titled.setdefault(item, bool(title.strip()))
            self._item(writer, covers, item, title, tags.get(item))
        untitled: dict[str, None] = {}
        for user, item, seconds in self._pairs(pairs, writer):
            if not titled.get(item):
                untitled[item] = None
            writer.interaction(user, item, None, seconds)
        for item in untitled:
            if item not in titled:
                self._item(writer, covers, item, None, tags.get(item))
        if untitled:
            writer.note(f"{titles.name}: {len(untitled)} items of the pairs have no title")

    def _item(
        self, writer: StagingWriter, covers: str, item: str, title: str | None, tag: str | None
    ) -> None:
        """Hand one item to the writer; its cover is named by its id."""
        labels = [[label.strip()] for label in (tag or "").split(",") if label.strip()]
        writer.item(item, title=title, categories=labels, image=f"{covers}/{item}.jpg")

    def _files(self) -> tuple[Path, Path, Path | None]:
        """Find pairs, titles and tags by the names they are released under."""
        require_files(self.folder)
        folder = Path(self.folder)
        found = sorted(folder.glob(f"*{PAIRS_SUFFIX}"))
        if not found:
            raise FileNotFoundError(
                f"{folder}: no *{PAIRS_SUFFIX}; give the folder of a MicroLens release"
            )
        if len(found) > 1:
            raise ValueError(
                f"{folder}: pairs of several releases {[path.name for path in found]}: give each "
                "release a folder of its own"
            )
        prefix = found[0].name[: -len(PAIRS_SUFFIX)]
        titles = [folder / f"{prefix}{suffix}" for suffix in TITLE_SUFFIXES]
        title = next((path for path in titles if path.is_file()), None)
        if title is None:
            raise FileNotFoundError(f"{titles[0]}: no such file, and no {titles[1].name}")
        tags = folder / TAGS
        return found[0], title, tags if tags.is_file() else None

    def _pairs(self, path: Path, writer: StagingWriter) -> Iterator[tuple[str, str, float]]:
        """Yield user, item and seconds of each interaction."""
        rows = noted_rows(LineFile(path, progress=self.progress), writer)
        header = [cell.strip().lower() for cell in next(rows, [])]
        if len(header) != 3 or header[2] != "timestamp":
            raise ValueError(
                f"{path}: the header is {header}, not user,item,timestamp: it is no file of "
                "MicroLens pairs"
            )
        for row in rows:
            try:
                user, item, time = row
                value = float(time)
            except ValueError:
                writer.skip(MALFORMED.format(path.name), example=shown(row))
                continue
            yield user, item, value / 1000 if value >= _FIRST_MILLISECONDS else value

    def _id_and_text(self, path: Path, writer: StagingWriter) -> Iterator[tuple[str, str]]:
        """Yield item and text; the header is optional and commas in a text need no quotes."""
        lines = noted_lines(LineFile(path, progress=self.progress), writer)
        for number, line in enumerate(_joined(lines)):
            item, comma, text = line.partition(",")
            item = item.strip()
            if number == 0 and item.lower() in _HEADER_IDS:
                continue
            if not comma:
                writer.skip(MALFORMED.format(path.name))
                continue
            text = text.strip()
            if len(text) > 1 and text[0] == text[-1] == '"':
                text = text[1:-1].replace('""', '"')
            yield item, text


def _joined(lines: Iterator[str]) -> Iterator[str]:
    """Join the lines of each text that stands in quotes and holds line breaks."""
    ahead: deque[str] = deque()
    while True:
        line = ahead.popleft() if ahead else next(lines, None)
        if line is None:
            return
        parts = [line]
        for _ in range(_lines_to_quote(line, ahead, lines)):
            parts.append(ahead.popleft())
        yield "\n".join(parts)


def _lines_to_quote(line: str, ahead: deque[str], lines: Iterator[str]) -> int:
    """Count the lines behind one up to the quote that closes its text; 0 where none is to join.

    Args:
        line: The line of an id and the beginning of its text.
        ahead: Lines behind it; gets those of ``lines`` that must be looked at.
        lines: The lines behind these.
    """
    text = line.partition(",")[2].strip()
    quotes = text.count('"')
    # Those within a quoted text are doubled, so an even number leaves none open.
    if not text.startswith('"') or quotes % 2 == 0:
        return 0
    for number in range(_MOST_LINES):
        if number == len(ahead):
            line = next(lines, "")
            if not line:
                return 0
            ahead.append(line)
        # The files hold bare quotes too; these end with their record.
        if _ID.match(ahead[number]):
            return 0
        quotes += ahead[number].count('"')
        if quotes % 2 == 0 and ahead[number].rstrip().endswith('"'):
            return number + 1
    return 0
