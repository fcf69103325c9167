"""The journal of a download folder: one JSON line an item, the last one of an item counts."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, fields
from pathlib import Path

JOURNAL = "journal.jsonl"
_FILE = re.compile(r"[0-9a-f]{2}/[0-9a-f]{40}")


@dataclass(frozen=True)
class Entry:
    """What became of one item's link.

    Attributes:
        item_id: Item token.
        url: Its link.
        file: Path of the image below the folder, None where there is none.
        sha256: Digest of the image, None where there is none.
        reason: Why there is none.
        passing: Whether a later try may succeed.
        limit: The limit that refused it and might not with another value, e.g.
            ``"max_bytes=100"``; None for another reason, and in journals of earlier versions.
    """

    item_id: str
    url: str
    file: str | None
    sha256: str | None
    reason: str | None
    passing: bool
    limit: str | None = None


def read_journal(folder: Path) -> dict[str, Entry]:
    """Read the journal of a download folder.

    Args:
        folder: The folder.

    Returns:
        Item token to its last entry; empty where there is no journal. Lines that were cut short
        by a kill, or that name a file outside the folder, are left out: the item counts as not
        downloaded yet.
    """
    path = folder / JOURNAL
    entries: dict[str, Entry] = {}
    if not path.is_file():
        return entries
    names = {field.name for field in fields(Entry)}
    with path.open(encoding="utf-8", errors="replace") as file:
        for line in file:
            try:
                values = json.loads(line)
            except json.JSONDecodeError:
                continue
            if not isinstance(values, dict) or {*values, "limit"} != names:
                continue
            entry = Entry(**values)
            if entry.file is None or _FILE.fullmatch(entry.file):
                entries[entry.item_id] = entry
    return entries
