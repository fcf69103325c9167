"""The first levels of category paths, and the root that most items share."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from .category_labels import Path, as_paths


@dataclass(frozen=True)
class SharedRoot:
    """The first label that more than half of the items with paths have.

    Attributes:
        root: The label; empty where no label is shared by so many.
        items: Items with a path.
        without: Those of them without a path under the root.
    """

    root: str
    items: int
    without: int


def shared_root(items: Sequence[Sequence[Path]]) -> SharedRoot:
    """Find the root that most items share.

    Args:
        items: For each item its whole paths, possibly none.

    Returns:
        The root.
    """
    # In the order of the source, which decides between roots that are equally frequent.
    count = Counter(root for paths in items for root in dict.fromkeys(path[0] for path in paths))
    total = sum(map(bool, items))
    root, most = max(count.items(), key=lambda pair: pair[1], default=("", 0))
    return SharedRoot(root, total, total - most) if 2 * most > total else SharedRoot("", total, 0)


def below_roots(
    values: Sequence[object], skip_levels: int
) -> tuple[list[list[Path]], SharedRoot | None]:
    """Read the category fields of all items without the first levels of their paths.

    An item's paths under the root that most items share go first: of an item that is listed
    elsewhere as well, this path decides its one label. A text is a label in no path, of which
    nothing is dropped.

    Args:
        values: For each item its field; see ``category_labels.as_paths``.
        skip_levels: Levels to drop.

    Returns:
        For each item the paths that something is left of, and the root; None where no level is
        dropped.

    Raises:
        ValueError: See ``category_labels.as_paths``.
    """
    whole = [as_paths(value) for value in values]
    if not skip_levels:
        return whole, None
    in_paths = [[] if isinstance(v, str) else paths for v, paths in zip(values, whole)]
    shared = shared_root(in_paths)
    below = [
        paths if isinstance(value, str) else _below(paths, skip_levels, shared.root)
        for value, paths in zip(values, whole)
    ]
    return below, shared


def _below(paths: Sequence[Path], skip_levels: int, root: str) -> list[Path]:
    """An item's paths without their first levels, those under the root first."""
    ordered = sorted(paths, key=lambda path: path[0] != root) if root else paths
    return [path[skip_levels:] for path in ordered if len(path) > skip_levels]
