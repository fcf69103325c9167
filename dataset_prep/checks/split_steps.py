"""Checks of a split that was made outside: what training knows of the rows that it is tested on."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from .finding import Section, percent
from .interactions import MANY_UNSEEN

# Share of rows whose answer their user's training rows have, above which the split is at fault.
MANY_KNOWN = 0.05
# Steps of histories that are compared in one go.
_BLOCK = 1 << 22


@dataclass(frozen=True)
class PartRows:
    """Rows of one part, with users and items numbered alike in all parts.

    Attributes:
        users: User of each row, int64 (n,).
        targets: Item that each row asks for, int64 (n,).
        items: Items of all histories, one after another, oldest first, int64 (t,).
        lengths: Length of each history, at least 1, int64 (n,); they add up to t.
    """

    users: np.ndarray
    targets: np.ndarray
    items: np.ndarray
    lengths: np.ndarray

    @property
    def last(self) -> np.ndarray:
        """Last item of each history, int64 (n,)."""
        return self.items[np.cumsum(self.lengths) - 1]

    def steps(self) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
        """All steps from an item to the next, the item asked for being the last.

        Yields:
            Users, items and next items of some rows, int64 (s,) each.
        """
        ends = np.cumsum(self.lengths)
        start = 0
        while start < len(ends):
            before = ends[start] - self.lengths[start]
            stop = max(start + 1, int(np.searchsorted(ends, before + _BLOCK)))
            first = self.items[before : ends[stop - 1]]
            second = np.empty_like(first)
            second[:-1] = first[1:]
            second[ends[start:stop] - before - 1] = self.targets[start:stop]
            yield np.repeat(self.users[start:stop], self.lengths[start:stop]), first, second
            start = stop


def check_split(parts: dict[str, PartRows], n_items: int) -> Section:
    """Compare training, validation and test.

    Args:
        parts: Name to rows, in this order.
        n_items: Number of items.

    Returns:
        The section.
    """
    section = Section(f"split: {', '.join(parts)}")
    (training, train), *asked = parts.items()
    _check_prefixes(training, train, section)
    seen = np.zeros(n_items, dtype=bool)
    seen[train.items] = seen[train.targets] = True
    earlier = {training: train}
    for name, rows in asked:
        total = len(rows.targets)
        unseen = int((~seen[rows.targets]).sum())
        section.fact(f"{name} items never in {training}", f"{unseen:,} ({percent(unseen, total)})")
        if unseen > MANY_UNSEEN * total:
            section.warning(
                f"{percent(unseen, total)} of the items that {name} asks for never occur in "
                f"{training}: a model with item IDs only cannot rank them"
            )
        known = int(_known(rows, list(earlier.values()), n_items).sum())
        section.fact(
            f"{name} steps in {' or '.join(earlier)}", f"{known:,} ({percent(known, total)})"
        )
        if known > MANY_KNOWN * total:
            section.warning(
                f"{percent(known, total)} of the rows of {name} ask for a step, from the last item "
                f"of the history to the next, that {' or '.join(earlier)} has of the same user: "
                f"take it out there, unless users repeat themselves"
            )
        earlier[name] = rows
        again = _in_own_history(rows)
        if again:
            section.note(
                f"{again:,} items that {name} asks for ({percent(again, total)}) are already in "
                "the row's own history: repeating them is part of the task"
            )
    _check_ends(list(parts), list(parts.values()), n_items, section)
    return section


def _check_prefixes(name: str, train: PartRows, section: Section) -> None:
    """Tell of histories of which nobody made rows."""
    rows, users = len(train.users), len(np.unique(train.users))
    section.fact(f"{name} rows a user", f"{rows / users:.1f}")
    if rows == users and np.median(train.lengths) > 1:
        section.warning(
            f"{name} has one row a user, and RecBole makes no others of pre-split data: only the "
            f"last of a user's items is learned from, {rows:,} of {rows + len(train.items):,}; "
            "write a row for every item but the first"
        )


def _known(asked: PartRows, others: list[PartRows], n_items: int) -> np.ndarray:
    """Which rows' last step, to the item asked for, rows of the same user have.

    Args:
        asked: The rows.
        others: What is searched, histories included.
        n_items: Number of items.

    Returns:
        Bool (n,).
    """
    # In two stages, since user × item × item need not fit into 64 bits.
    pairs, pair = np.unique(asked.last * n_items + asked.targets, return_inverse=True)
    steps, step = np.unique(asked.users * len(pairs) + pair, return_inverse=True)
    found = np.zeros(len(steps), dtype=bool)
    for other in others:
        for users, first, second in other.steps():
            at, here = _places(pairs, first * n_items + second)
            at, here = _places(steps, users[here] * len(pairs) + at)
            found[at] = True
    return found[step]


def _places(sorted_values: np.ndarray, values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Where values stand among sorted ones; of those that do, and which they are."""
    at = np.searchsorted(sorted_values, values)
    at[at == len(sorted_values)] = 0
    here = np.flatnonzero(sorted_values[at] == values)
    return at[here], here


def _in_own_history(rows: PartRows) -> int:
    """Count rows whose history has the item asked for."""
    same = rows.items == np.repeat(rows.targets, rows.lengths)
    starts = np.cumsum(rows.lengths) - rows.lengths
    return int(np.logical_or.reduceat(same, starts).sum())


def _check_ends(names: list[str], parts: list[PartRows], n_items: int, section: Section) -> None:
    """Look whether histories of test go on to what validation asked for."""
    valid, test = parts[-2], parts[-1]
    ends = np.isin(
        test.users * n_items + test.last, np.unique(valid.users * n_items + valid.targets)
    )
    share = percent(int(ends.sum()), len(ends))
    section.fact(f"{names[-1]} histories that end with a {names[-2]} item", share)
    both = np.isin(test.users, valid.users)
    if both.any() and not ends[both].any():
        section.note(
            f"no history of {names[-1]} ends with the item that {names[-2]} asks for: rows of "
            f"{names[-1]} that come after those of {names[-2]} skip an item"
        )
