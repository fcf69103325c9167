"""Interactions from records: what cannot be read is counted with its reason, and left out."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any, NamedTuple

from recbole_cammsr.data.missing_cells import MISSING_CELLS

from .cells import as_id, as_number, as_seconds
from .record_file import RecordFile
from .source_folder import DamageSink, shown
from .time_range import TimeWatch

NO_IDS = "{}: record without user or item id"
NO_TIME = "{}: time that is neither a number nor an ISO date"
NO_RATING = "{}: rating that is no finite number"


class InteractionFields(NamedTuple):
    """Which field of a record plays which role.

    Attributes:
        user: Field of the user's id.
        item: Field of the item's id.
        time: Field of the time.
        rating: Field of the rating; None where there are none.
        units: Units of numeric times in a second, e.g. 1000.
        unit_option: The option that names this unit, where the command has one.
    """

    user: str
    item: str
    time: str
    rating: str | None = None
    units: int = 1
    unit_option: str = ""


class Interaction(NamedTuple):
    """One interaction.

    Attributes:
        user: Its user's id.
        item: Its item's id.
        rating: Its rating; None for none.
        time: Seconds since 1970; None for an empty cell.
    """

    user: str
    item: str
    rating: float | None
    time: float | None


def readable_interactions(
    file: RecordFile, fields: InteractionFields, sink: DamageSink
) -> Iterator[Interaction]:
    """Yield the interactions of a file.

    Args:
        file: The records.
        fields: Their fields.
        sink: Receives the count of damaged records, of those without ids, and of those whose time
            or rating cannot be read; at the end, a doubt about times of another unit.

    Yields:
        The others, in file order.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If the file is not of its format at all.
    """
    wanted = {fields.user, fields.item, fields.time, *([fields.rating] if fields.rating else [])}
    watch = TimeWatch(fields.units)
    for record in file.records(sink, wanted):
        user, item = as_id(record.get(fields.user)), as_id(record.get(fields.item))
        if not user or not item:
            sink.skip(NO_IDS.format(file.path.name), example=shown(dict(record)))
            continue
        spelled = record.get(fields.time)
        try:
            time = as_seconds(spelled, fields.units)
        except ValueError:
            example = (
                f"{shown(spelled)} in {fields.time!r}; write 2023-11-14 10:00 or seconds since 1970"
            )
            sink.skip(NO_TIME.format(file.path.name), example=example)
            continue
        rated = record.get(fields.rating) if fields.rating else None
        try:
            rating = _rating(rated)
        except ValueError:
            example = f"{shown(rated)} in {fields.rating!r}"
            sink.skip(NO_RATING.format(file.path.name), example=example)
            continue
        watch.see(spelled, time)
        yield Interaction(user, item, rating, time)
    doubt = watch.doubt(fields.time, fields.unit_option)
    if doubt:
        sink.doubt_times(f"{file.path.name}: {doubt}")


def _rating(value: Any) -> float | None:
    """A finite rating, None for a missing one; an infinite one would become a missing one."""
    if isinstance(value, str) and value.strip() in MISSING_CELLS:
        return None
    rating = as_number(value)
    if rating is None or math.isnan(rating):
        return None
    if math.isinf(rating):
        raise ValueError(f"{value!r:.100} is no finite number")
    return rating
