"""Checks of the ``.inter`` file: fields, times, sequences, and hints of leakage."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path

import numpy as np
import pandas as pd

from .atomic_table import AtomicTable, check_tokens, numbers, read_atomic_table
from .distribution import power_bars, spread
from .finding import Bars, Section, percent

# Share of adjacent interactions at the same time above which their order deserves a warning.
MANY_TIES = 0.1
# Leave-one-out needs a test, a validation and at least one training interaction.
SHORTEST_SEQUENCE = 3
# Share of validation items without any training interaction that deserves a warning.
MANY_UNSEEN = 0.05
_FIRST_PLAUSIBLE = 631_152_000  # 1990
_LAST_PLAUSIBLE = 4_102_444_800  # 2100


@dataclass(frozen=True)
class FieldNames:
    """Names of the fields that RecBole is told to use."""

    user: str = "user_id"
    item: str = "item_id"
    time: str = "timestamp"


@dataclass(frozen=True)
class Interactions:
    """Which items there are, and how often.

    Attributes:
        item_tokens: Distinct item tokens.
        items: Index into ``item_tokens`` of each interaction, int64 (n,).
    """

    item_tokens: np.ndarray
    items: np.ndarray


@dataclass(frozen=True)
class _Sequences(Interactions):
    """The interactions in the order of users, then time, then file.

    Attributes:
        users: User number of each interaction, int64 (n,).
        from_end: Position in the user's sequence counted from its end, 0 is the last, int64 (n,).
    """

    users: np.ndarray
    from_end: np.ndarray


def check_interactions(path: Path, fields: FieldNames) -> tuple[Section, Interactions | None]:
    """Check an ``.inter`` file.

    Args:
        path: The file.
        fields: Names of the user, item and time fields.

    Returns:
        The section, and the interactions where the file is sound enough to read them.
    """
    section = Section(f"interactions: {path.name}")
    table = read_atomic_table(path, section)
    if table is None:
        return section, None
    wanted = {fields.user: "token", fields.item: "token", fields.time: "float"}
    for name, kind in wanted.items():
        if table.types.get(name) != kind:
            section.error(
                f"{path.name}: no field {name}:{kind}; the header has "
                f"{', '.join(f'{n}:{t}' for n, t in table.types.items())}: name the fields with "
                "--user-field, --item-field and --time-field, or write the file with them"
            )
    if section.findings:
        return section, None
    for name in (fields.user, fields.item):
        check_tokens(table, name, section)
    times = numbers(table, fields.time, section)
    if times is None:
        return section, None
    return section, _examine(table, fields, times, section)


def _examine(
    table: AtomicTable, fields: FieldNames, times: np.ndarray, section: Section
) -> Interactions:
    """Add facts and findings of a readable file."""
    users, user_tokens = pd.factorize(table.cells[fields.user])
    items, item_tokens = pd.factorize(table.cells[fields.item])
    order = np.lexsort((times, users))  # stable: ties keep the order of the file, as in training
    users, items, times = users[order], items[order], times[order]
    lengths = np.bincount(users)
    ends = np.cumsum(lengths)
    from_end = np.repeat(ends, lengths) - 1 - np.arange(len(users))
    data = _Sequences(np.asarray(item_tokens), items, users, from_end)

    section.fact("users", len(user_tokens))
    section.fact("items", len(item_tokens))
    section.fact("interactions", len(users))
    section.fact("density", f"{len(users) / len(user_tokens) / len(item_tokens):.5f}")
    _check_repeats(users, items, times, section)
    _check_times(users, times, section)
    _check_lengths(lengths, section)
    _check_popularity(np.bincount(items), section)
    _check_leakage(data, times, section)
    return data


def _check_repeats(
    users: np.ndarray, items: np.ndarray, times: np.ndarray, section: Section
) -> None:
    """Count interactions that stand more than once."""
    frame = pd.DataFrame({"user": users, "item": items, "time": times})
    section.fact("repeated user-item pairs", int(frame.duplicated(["user", "item"]).sum()))
    same = int(frame.duplicated().sum())
    if same:
        section.warning(
            f"{same:,} interactions stand more than once with the same user, item and time: drop "
            "the repeats unless they were separate events"
        )


def _check_times(users: np.ndarray, times: np.ndarray, section: Section) -> None:
    """Judge the time field: its range, ties, and whether it is a time at all."""
    same_user = users[1:] == users[:-1]
    ties = int((same_user & (times[1:] == times[:-1])).sum())
    pairs = int(same_user.sum())
    section.fact("adjacent interactions at the same time", percent(ties, pairs))
    if ties > MANY_TIES * pairs:
        section.warning(
            f"{percent(ties, pairs)} of adjacent interactions have the same time: their order is "
            "that of the file, so rows of one user must stand in their true order, and the last "
            "items that are predicted may be arbitrary"
        )
    first, last = float(times.min()), float(times.max())
    step_one = pairs > 0 and bool((np.diff(times)[same_user] == 1).all())
    if step_one:
        section.fact("times", "positions 1, 2, 3, ...")
        section.note("times are positions in the sequence: settings that use time say nothing here")
        return
    if first >= _FIRST_PLAUSIBLE and last <= _LAST_PLAUSIBLE:
        days = [datetime.fromtimestamp(time, timezone.utc).date() for time in (first, last)]
        section.fact("times", f"{days[0]} to {days[1]}")
        years = pd.to_datetime(times, unit="s", utc=True).year
        counts = pd.Series(years).value_counts().sort_index()
        if len(counts) > 1:
            section.figures.append(
                Bars("interactions by year", tuple(map(str, counts.index)), tuple(counts))
            )
    else:
        section.fact("times", f"{first:g} to {last:g}")
        if last > _LAST_PLAUSIBLE and _FIRST_PLAUSIBLE <= last / 1000 <= _LAST_PLAUSIBLE:
            section.note("times look like milliseconds; settings in seconds need them divided")


def _check_lengths(lengths: np.ndarray, section: Section) -> None:
    """Judge the lengths of the users' sequences."""
    section.fact("sequence length", spread(lengths))
    short = int((lengths < SHORTEST_SEQUENCE).sum())
    if short:
        level = section.error if short == len(lengths) else section.warning
        level(
            f"{short:,} of {len(lengths):,} users have fewer than {SHORTEST_SEQUENCE} "
            "interactions: leave-one-out has no training item for them; drop them (k-core) or set "
            "user_inter_num_interval"
        )
    section.figures.append(power_bars("users by sequence length", lengths))


def _check_popularity(counts: np.ndarray, section: Section) -> None:
    """Judge how interactions spread over items."""
    section.fact("interactions an item", spread(counts))
    rare = int((counts < 5).sum())
    section.fact("items with fewer than 5 interactions", f"{rare:,} ({percent(rare, len(counts))})")
    section.figures.append(power_bars("items by number of interactions", counts))


def _check_leakage(data: _Sequences, times: np.ndarray, section: Section) -> None:
    """Look at a leave-one-out split: unseen and repeated targets, training after validation."""
    train, valid, test = data.from_end > 1, data.from_end == 1, data.from_end == 0
    if not (train.any() and valid.any()):
        return
    seen = np.zeros(len(data.item_tokens), dtype=bool)
    seen[data.items[train]] = True
    for name, rows in (("validation", valid), ("test", test)):
        unseen = int((~seen[data.items[rows]]).sum())
        total = int(rows.sum())
        section.fact(f"{name} items never in training", f"{unseen:,} ({percent(unseen, total)})")
        if unseen > MANY_UNSEEN * total:
            section.warning(
                f"{percent(unseen, total)} of the {name} items of leave-one-out never occur in "
                "training: a model with item IDs only cannot rank them"
            )
    pairs = pd.DataFrame({"user": data.users, "item": data.items})
    again = int(pairs.duplicated().to_numpy()[test].sum())
    if again:
        section.note(
            f"{again:,} test items ({percent(again, int(test.sum()))}) are already in their "
            "user's own history: repeating it is part of the task"
        )
    later = int((times[train] > np.median(times[valid])).sum())
    section.fact("training later than the median validation", percent(later, int(train.sum())))
