"""Category levels from ``"title. categories. brand."`` where levels are only joined by blanks."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence

from .category_labels import Path
from .clean_text import clean_text, label_token

_BREAK = ". "


def split_item_text(text: str, root: str | None) -> tuple[str, str]:
    """Split an item text into title and category phrase.

    Args:
        text: ``"title. categories. brand."``.
        root: The category every item of the source stands under, e.g. ``"Office Products"``;
            the phrase starts behind its last occurrence at a sentence start.

    Returns:
        The title, and the phrase below the root; the phrase is empty where the root is not found
        or is None, and the title then ends at the first sentence break with an empty category.
    """
    line = clean_text(text)
    if root:
        title, found, rest = line.rpartition(f"{_BREAK}{root} ")
        if found:
            return title, rest.split(_BREAK)[0].removesuffix(".").strip()
    return line.split(". . ")[0].removesuffix("."), ""


def segment_phrases(phrases: Sequence[str], min_branches: int = 5) -> list[list[Path]]:
    """Find the levels inside phrases such as ``"Fasteners Screws Wood Screws"``.

    A level ends where some item's phrase ends, or where at least ``min_branches`` different words
    follow; never behind ``&`` or a comma. The rule needs no list of categories and gives the same
    levels for the same data.

    Args:
        phrases: One phrase per item; empty for an item without category.
        min_branches: Different next words that make a word a level's last.

    Returns:
        For each item no path, or one whose labels are the words of each level.
    """
    split = [phrase.split() for phrase in phrases]
    ends = Counter(tuple(words) for words in split)
    follow: dict[tuple[str, ...], set[str]] = defaultdict(set)
    for words in split:
        for n in range(1, len(words)):
            follow[tuple(words[:n])].add(words[n])

    def is_level(words: tuple[str, ...]) -> bool:
        open_ended = words[-1] == "&" or words[-1].endswith(",")
        return bool(ends[words]) or (len(follow[words]) >= min_branches and not open_ended)

    items: list[list[Path]] = []
    for words in split:
        labels: list[str] = []
        start = 0
        for n in range(1, len(words) + 1):
            if is_level(tuple(words[:n])):
                labels.append(label_token(" ".join(words[start:n])))
                start = n
        items.append([tuple(labels)] if labels else [])
    return items
