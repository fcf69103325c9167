"""Which interactions are kept, and what the engine that filters them may use."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from .category_rule import CategoryRule

DUPLICATES = ("first", "last", "all")
_MEMORY = re.compile(r"\s*\d+(\.\d+)?\s*([KMGT](i?B)?|B|%)\s*", re.IGNORECASE)


@dataclass(frozen=True)
class FilterRule:
    """What is kept, applied in the order of the attributes.

    Before all of them, rows without a timestamp go where other rows of the source have one: they
    have no place in a sequence, and RecBole would put them at the mean time.

    Attributes:
        min_time: Earliest timestamp in seconds, inclusive; None for no bound.
        max_time: Latest timestamp, exclusive; None for no bound.
        duplicates: Of several interactions of a user with an item keep the ``"first"``, the
            ``"last"`` (by time, then by order in the source) or ``"all"``.
        min_rating: Lowest rating kept; rows without rating stay out once it is given.
        only_described: Whether to keep only items that have a metadata record.
        min_per_user: k-core threshold of users, in interactions.
        min_per_item: k-core threshold of items, in interactions.
        categories: How category paths become labels.
    """

    min_time: float | None = None
    max_time: float | None = None
    duplicates: str = "first"
    min_rating: float | None = None
    only_described: bool = False
    min_per_user: int = 5
    min_per_item: int = 5
    categories: CategoryRule = field(default_factory=CategoryRule)

    def __post_init__(self) -> None:
        if self.duplicates not in DUPLICATES:
            raise ValueError(f"duplicates must be one of {DUPLICATES}, not {self.duplicates!r}")
        if self.min_per_user < 0 or self.min_per_item < 0:
            raise ValueError("the fewest interactions of a user or item cannot be negative")
        if None not in (self.min_time, self.max_time) and self.min_time >= self.max_time:  # type: ignore[operator]
            raise ValueError(
                f"no time is at least {self.min_time} and before {self.max_time}: exchange them"
            )


@dataclass(frozen=True)
class Engine:
    """What DuckDB may use; none of it changes a byte of the result.

    Attributes:
        memory_limit: E.g. ``"4GB"``; beyond it DuckDB works on disk.
        threads: Threads.
    """

    memory_limit: str = "4GB"
    threads: int = 2

    def __post_init__(self) -> None:
        """Refuse limits that DuckDB would refuse after the source has been staged."""
        if not _MEMORY.fullmatch(self.memory_limit):
            raise ValueError(
                f"the memory limit must be a size such as 4GB or 512MB, not {self.memory_limit!r}"
            )
        if self.threads < 1:
            raise ValueError(f"the number of threads must be at least 1, not {self.threads}")
