"""The benchmark over growing catalogues: cost per target, memory, share of the softmax."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from recbole_cammsr.analysis import speed_floors, speed_report
from recbole_cammsr.analysis.generated_data import DataSize
from recbole_cammsr.analysis.speed_contenders import PACKED, Conditions, Contender
from recbole_cammsr.analysis.speed_rounds import Plan, Record, measure
from recbole_cammsr.analysis.speed_sources import generated_source

#: interactions per item where the catalogue is larger than the data given
_INTERACTIONS_PER_ITEM = 2

COLUMNS = {
    "items": "catalogue size",
    "ms_per_1000_targets": "milliseconds of training per 1,000 targets, median of the rounds",
    "ms_min": "the fastest round",
    "ms_max": "the slowest round",
    "softmax_share": "the bare fused softmax of the same size, as a share of the step (median)",
    "targets_per_step": "mean",
    "train_mib": "peak resident memory while training, above the process with its libraries",
    "startup_mib": "the same while the data set is created",
    "device_mib": "peak memory of the device while training",
    "startup_s": "seconds to create the data set and its loaders",
    "failure": "why a line is incomplete",
}


def size_for(items: int, base: DataSize) -> DataSize:
    """Data for one catalogue size: the base's, with more interactions where they are too few.

    Args:
        items: catalogue size.
        base: users and interactions, whose proportion is kept, and everything else.

    Returns:
        The size.
    """
    interactions = max(base.interactions, _INTERACTIONS_PER_ITEM * items)
    users = interactions * base.users // base.interactions
    return replace(base, items=items, users=users, interactions=interactions)


def series(
    items: Sequence[int],
    entries: Sequence[Contender],
    base: DataSize,
    folder: Path,
    conditions: Conditions,
    plan: Plan,
    say: Callable[[str], None],
    rows: list[dict[str, object]] | None = None,
) -> list[dict[str, object]]:
    """Measure every contender at every size.

    One contender at a time, so that a large catalogue has the memory to itself; its floors take
    turns with it.

    Args:
        items: catalogue sizes.
        entries: contenders.
        base: of the data.
        folder: for the data.
        conditions: what all share.
        plan: rounds and batches.
        say: receives progress.
        rows: an empty list that is filled and returned; who has it keeps what was measured before
            an interruption.

    Returns:
        Rows with the keys ``name`` and :data:`COLUMNS`, also of the floors.
    """
    rows = [] if rows is None else rows
    for count in items:
        size = size_for(count, base)
        say(f"data with {count} items, {size.interactions} interactions")
        source = generated_source(size, folder)
        for number, entry in enumerate(entries):
            floors = entry.name == PACKED or (
                number == 0 and all(other.name != PACKED for other in entries)
            )
            records: list[Record] = []
            try:
                measure([entry], source, conditions, replace(plan, floors=floors), say, records)
            finally:  # an interruption leaves the rounds before it
                fused = [record for record in records if record.name == speed_floors.SOFTMAX_FUSED]
                tried = [record for record in records if record.train or record.failure]
                rows += [_row(record, count, fused) for record in tried]
    return rows


def _row(record: Record, items: int, fused: Sequence[Record]) -> dict[str, object]:
    costs = [1e6 * stretch.seconds / stretch.targets for stretch in record.train]
    line = speed_report.row(record, whole=False)
    share = None
    if record.name == PACKED and fused:
        pairs = zip(fused[0].train, record.train)
        parts = [
            (floor.seconds / floor.targets) / (step.seconds / step.targets) for floor, step in pairs
        ]
        share = speed_report.median(parts)
    shapes = record.description.shapes if record.description else ()
    return {
        "name": record.name,
        "items": items,
        "ms_per_1000_targets": speed_report.median(costs),
        "ms_min": min(costs, default=None),
        "ms_max": max(costs, default=None),
        "softmax_share": share,
        "targets_per_step": sum(s[2] for s in shapes) / len(shapes) if shapes else None,
        **{
            key: line[key]
            for key in ("train_mib", "startup_mib", "device_mib", "startup_s", "failure")
        },
    }
