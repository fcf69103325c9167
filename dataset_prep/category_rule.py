"""How a source's category field becomes labels, and the command-line options that say so."""

from __future__ import annotations

import argparse
from dataclasses import dataclass

from .category_labels import check_level_and_count


@dataclass(frozen=True)
class CategoryRule:
    """How the category field becomes labels; see ``category_labels``.

    Attributes:
        kind: ``"path"`` (ordered levels) or ``"flat"`` (unordered tags).
        skip_levels: Leading levels of a path to drop.
        level: Depth of the single label, None for the deepest.
        min_count: Fewest items a label may have.
    """

    kind: str = "path"
    skip_levels: int = 0
    level: int | None = None
    min_count: int = 1

    def __post_init__(self) -> None:
        """Refuse a rule before a source is read for it."""
        if self.kind not in ("path", "flat"):
            raise ValueError(f"categories are 'path' or 'flat', not {self.kind!r}")
        if self.skip_levels < 0:
            raise ValueError(f"the levels to drop cannot be negative ({self.skip_levels})")
        check_level_and_count(self.level, self.min_count)


def add_category_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of ``CategoryRule``.

    Args:
        parser: The command's parser.
    """
    group = parser.add_argument_group(
        "categories: one label per item (category) and all of its labels (categories)"
    )
    group.add_argument(
        "--category-kind",
        choices=("path", "flat"),
        default="path",
        help="levels of a path, or unordered tags such as genres, of which the rarest is the one "
        "label (default path; flat where a source has tags)",
    )
    group.add_argument(
        "--category-skip-levels",
        type=int,
        default=0,
        metavar="LEVELS",
        help="leading levels to drop, e.g. 1 for a root that all items share (default 0)",
    )
    group.add_argument(
        "--category-level",
        type=int,
        metavar="LEVEL",
        help="depth of the one label below them, from 1 (default: the deepest)",
    )
    group.add_argument(
        "--category-min-count",
        type=int,
        default=20,
        metavar="ITEMS",
        help="labels of fewer items join their parent, or Other (default 20)",
    )
