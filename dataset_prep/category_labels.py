"""Category paths to label tokens: one label per item, or all labels of its path."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from .clean_text import label_token

# A path below the root, most general label first, e.g. ("Skin Care", "Face").
Path = tuple[str, ...]
SEPARATOR = ">"
OTHER = "Other"


@dataclass(frozen=True)
class ItemLabels:
    """The two category columns of one item; both empty for an item without category."""

    category: str
    categories: tuple[str, ...]


def as_paths(value: object) -> list[Path]:
    """Read the nested category field of an item.

    Args:
        value: None, one label, a list of labels (one path) or a list of such lists.

    Returns:
        The non-empty paths, in the order of the source.

    Raises:
        ValueError: If the value is none of these.
    """
    if value is None or value != value or value in ("", []):
        return []
    nested: list[object] = list(value) if isinstance(value, (list, tuple)) else [value]
    if not any(isinstance(part, (list, tuple)) for part in nested):
        nested = [nested]
    paths = []
    for path in nested:
        if not isinstance(path, (list, tuple)) or not all(isinstance(x, str) for x in path):
            raise ValueError(
                f"a category must be a label, a path or a list of paths, not {value!r:.100}"
            )
        tokens = tuple(token for token in map(label_token, path) if token)
        if tokens:
            paths.append(tokens)
    return paths


def path_labels(
    items: Sequence[Sequence[Path]], level: int | None = None, min_count: int = 1
) -> list[ItemLabels]:
    """Label items from hierarchical paths; a label is its whole path, ``Skin_Care>Face``.

    The single label is the first path's deepest label (or that at ``level``). Labels carried by
    fewer than ``min_count`` items are merged into their parent, deepest first; a top label that
    stays too small becomes ``Other``. The label list holds every level of every path, without
    labels under ``min_count``.

    Args:
        items: For each item its paths below the root, possibly none.
        level: Depth of the single label counted from 1; None for the deepest.
        min_count: Fewest items a label may have.

    Returns:
        One ``ItemLabels`` per item, in order.

    Raises:
        ValueError: If ``level`` or ``min_count`` is below 1.
    """
    check_level_and_count(level, min_count)
    single = [paths[0][:level] if paths else () for paths in items]
    single = _merge_small(single, min_count)
    every = [
        tuple(dict.fromkeys(path[:n] for path in paths for n in range(1, len(path) + 1)))
        for paths in items
    ]
    count = Counter(label for labels in every for label in labels)
    return [
        ItemLabels(
            # An item whose only label was too small still has a category: Other.
            category=SEPARATOR.join(one) if one else (OTHER if paths else ""),
            categories=tuple(SEPARATOR.join(x) for x in labels if count[x] >= min_count)
            or ((OTHER,) if paths else ()),
        )
        for paths, one, labels in zip(items, single, every)
    ]


def flat_labels(items: Sequence[Sequence[Path]], min_count: int = 1) -> list[ItemLabels]:
    """Label items from unordered tags such as genres; the single label is the rarest kept tag.

    Args:
        items: For each item its tags, as paths of any length.
        min_count: Fewest items a label may have; rarer tags become ``Other``.

    Returns:
        One ``ItemLabels`` per item, in order.

    Raises:
        ValueError: If ``min_count`` is below 1.
    """
    check_level_and_count(None, min_count)
    tags = [tuple(dict.fromkeys(tag for path in paths for tag in path)) for paths in items]
    count = Counter(tag for item in tags for tag in item)
    labels = []
    for item in tags:
        kept = tuple(tag for tag in item if count[tag] >= min_count)
        if item and not kept:
            kept = (OTHER,)
        # The rarest tag says most about the item; the tag itself breaks ties.
        one = min(kept, key=lambda tag: (count[tag], tag)) if kept else ""
        labels.append(ItemLabels(one, kept))
    return labels


def _merge_small(labels: list[Path], min_count: int) -> list[Path]:
    """Move items of labels under ``min_count`` to the parent label, deepest labels first."""
    labels = list(labels)
    for depth in range(max(map(len, labels), default=0), 0, -1):
        count = Counter(labels)
        labels = [
            label[:-1] if len(label) == depth and count[label] < min_count else label
            for label in labels
        ]
    return labels


def check_level_and_count(level: int | None, min_count: int) -> None:
    """Refuse a level or count below 1.

    Args:
        level: Depth of the single label, None for the deepest.
        min_count: Fewest items a label may have.

    Raises:
        ValueError: If one of them is.
    """
    if level is not None and level < 1:
        raise ValueError(f"the category level must be at least 1, not {level}")
    if min_count < 1:
        raise ValueError(f"the fewest items of a category must be at least 1, not {min_count}")
