"""Images of items from URLs into a folder with a journal: what was fetched, and what not and why.

The folder can be used wherever a folder of images can (``open_images``). File names are digests of
URLs, so no id or link can name a path. A stopped run goes on with the items that have no final
entry in the journal.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO, Any

from recbole_cammsr.run.atomic_write import atomic_open

from .download_journal import JOURNAL, Entry, read_journal
from .downloaded_image import decodable, is_image
from .http_fetch import FetchError, Limits, fetch, open_session
from .image_opening import FORMATS

_NO_IMAGE = f"what came is not a sound file of {', '.join(FORMATS)}"


@dataclass
class DownloadCounts:
    """What a run did: images fetched, had from an earlier run, and not to be had.

    Attributes:
        fetched: Images fetched.
        kept: Images that an earlier run fetched.
        failed: Links without an image.
        passing: Those of them that the next run tries again.
    """

    fetched: int = 0
    kept: int = 0
    failed: int = 0
    passing: int = 0


def download_images(
    links: Iterable[tuple[str, str]],
    folder: str | Path,
    limits: Limits,
    advance: Callable[[int], object] | None = None,
    retry_all: bool = False,
) -> DownloadCounts:
    """Fetch the images of items; a link that does not work costs its item, never the run.

    Args:
        links: Distinct item tokens and their URLs.
        folder: Receives files and journal; an earlier run's are taken over, failures that may
            pass or were due to another limit are tried again.
        limits: Limits of time, size and number.
        advance: Called with 1 for each item.
        retry_all: Try every failure again, and every image that cannot be decoded.

    Returns:
        The counts.
    """
    target = Path(folder)
    target.mkdir(parents=True, exist_ok=True)
    done = read_journal(target)
    counts = DownloadCounts()
    due: list[tuple[str, str]] = []
    had: list[tuple[str, str, Path]] = []

    def count(has_file: bool) -> None:
        counts.kept += has_file
        counts.failed += not has_file
        if advance is not None:
            advance(1)

    for token, url in links:
        entry = done.get(token)
        if entry is None or entry.url != url or not _settled(entry, target, limits):
            due.append((token, url))
        elif not retry_all:
            count(entry.file is not None)
        elif entry.file is None:
            due.append((token, url))
        else:
            had.append((token, url, target / entry.file))
    # Before the requests, since they would run out of time while files are decoded. Without
    # retry_all nothing is: it would take as long as encoding.
    for (token, url, _), good in zip(had, decodable(path for *_, path in had)):
        if good:
            count(True)
        else:
            due.append((token, url))
    _end_torn_line(target / JOURNAL)
    with (target / JOURNAL).open("a", encoding="utf-8") as journal:
        asyncio.run(_download_all(iter(due), target, journal, limits, counts, advance))
    return counts


async def _download_all(
    links: Iterator[tuple[str, str]],
    folder: Path,
    journal: IO[str],
    limits: Limits,
    counts: DownloadCounts,
    advance: Callable[[int], object] | None,
) -> None:
    """Let a fixed number of workers take links one after the other."""

    async def work(session: Any) -> None:
        for token, url in links:
            entry = await _download(session, token, url, folder, limits)
            journal.write(json.dumps(asdict(entry)) + "\n")
            # What is handed to the system survives a kill of this process.
            journal.flush()
            counts.fetched += entry.file is not None
            counts.failed += entry.file is None
            counts.passing += entry.passing
            if advance is not None:
                advance(1)

    async with open_session(limits) as session:
        await asyncio.gather(*(work(session) for _ in range(limits.concurrency)))


async def _download(session: Any, token: str, url: str, folder: Path, limits: Limits) -> Entry:
    """Fetch one image and write it to its file."""
    try:
        data = await fetch(session, url, limits)
    except FetchError as error:
        limit = None if error.limit is None else _spelled(error.limit, limits)
        return Entry(token, url, None, None, str(error), error.passing, limit)
    if not is_image(data):
        # Servers answer so where they refuse a robot or are not well, without saying for how long.
        return Entry(token, url, None, None, _NO_IMAGE, True)
    # Long enough that no two URLs meet; the first two digits keep folders small.
    digest = hashlib.sha256(url.encode("utf-8", "surrogatepass")).hexdigest()[:40]
    name = f"{digest[:2]}/{digest}"
    with atomic_open(folder / name) as file:
        file.write(data)
    return Entry(token, url, name, hashlib.sha256(data).hexdigest(), None, False)


def _settled(entry: Entry, folder: Path, limits: Limits) -> bool:
    """Whether an entry needs no further try under these limits."""
    if entry.file is not None:
        return (folder / entry.file).is_file()
    same = entry.limit is None or entry.limit in (_spelled(name, limits) for name in vars(limits))
    return same and not entry.passing


def _spelled(name: str, limits: Limits) -> str:
    """A limit and its value, as the journal keeps it."""
    return f"{name}={getattr(limits, name)}"


def _end_torn_line(path: Path) -> None:
    """End the last line of a journal whose writer was killed in it."""
    if path.is_file() and path.stat().st_size:
        with path.open("rb+") as file:
            file.seek(-1, 2)
            if file.read(1) != b"\n":
                file.write(b"\n")
