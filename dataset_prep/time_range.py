"""Ranges of times as dates, and times that must be in another unit than the one given."""

from __future__ import annotations

import re
from collections import Counter
from datetime import datetime, timezone
from typing import Any

from .source_folder import shown

#: parts of a second
TIME_UNITS = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}
# What a time in seconds can be: from 1980 on and before 2100. In milliseconds, micro- or
# nanoseconds the same dates are numbers that no such date in another of these units has.
FIRST_DATE = 315_532_800
_LAST_DATE = 4_102_444_800
_DAY = 86_400
# a day, and perhaps hour, minute and second
_OF_DAY = r"(?:[01]\d|2[0-3])[0-5]\d(?:[0-5]\d)?"
_COMPACT = re.compile(rf"(?:19|20)\d\d(\d\d)(\d\d)(?:{_OF_DAY})?(?:\.0+)?")


def time_span(first: float, last: float) -> str:
    """Write a range of times.

    Args:
        first: Earliest time, in seconds since 1970.
        last: Latest time.

    Returns:
        Two dates in UTC; the numbers themselves where these can hardly be dates, such as positions.
    """
    if first >= FIRST_DATE and last < _LAST_DATE:
        return f"{_date(first)} to {_date(last)}"
    numbers = (f"{x:,.0f}" if x == int(x) else f"{x:,}" for x in (first, last))
    return f"{' to '.join(numbers)} (as seconds since 1970)"


def refuse_number_as_date(option: str, bound: float | None, span: str) -> None:
    """Refuse a bound before 1980 where times are dates since: a year or 20210101 is no seconds.

    Args:
        option: Name of the bound.
        bound: Seconds since 1970; None for no bound.
        span: The range of the times.

    Raises:
        ValueError: If the bound is positive, before 1980, and not the start of a day, which was
            written as a date.
    """
    if bound is not None and 0 < bound < FIRST_DATE and bound % _DAY:
        raise ValueError(
            f"{option} {bound:.15g} is read as seconds since 1970, that is {_date(bound)}, but the "
            f"times are {span}: write a date, e.g. {option} 2014-01-01"
        )


class TimeWatch:
    """Looks at the times of one file for those that cannot be in the unit that was given.

    Args:
        units: Units of the numbers in a second, e.g. 1000.
    """

    def __init__(self, units: int = 1) -> None:
        self._units = units
        self._seen = self._dates = self._compact = 0
        self._beyond: Counter[int] = Counter()
        self._examples: dict[int, tuple[Any, float]] = {}
        self._example: Any = None

    def see(self, value: Any, seconds: float | None) -> None:
        """Look at one time.

        Args:
            value: As the file spells it.
            seconds: As it was read; None for an empty cell.
        """
        if seconds is None:
            return
        # One time that is no such day settles it, so that few are looked at.
        if self._compact == self._seen and _is_compact_date(value):
            self._example = value if self._example is None else self._example
            self._compact += 1
        self._seen += 1
        if seconds < FIRST_DATE:
            return
        if seconds < _LAST_DATE:
            self._dates += 1
            return
        for factor in list(TIME_UNITS.values())[1:]:
            if FIRST_DATE <= seconds / factor < _LAST_DATE:
                self._beyond[factor] += 1
                self._examples.setdefault(factor, (value, seconds / factor))

    def doubt(self, field: str, option: str = "") -> str | None:
        """Say what is wrong with the times.

        Args:
            field: Name of their field.
            option: The option that names the unit, where the command has one.

        Returns:
            A clause with the way out, or None where the times can be what they are said to be.
        """
        if self._seen and self._compact == self._seen:
            return (
                f"all {self._seen:,} times in {field!r} look like days, e.g. "
                f"{shown(self._example)}, and are read as {_unit(self._units)}: write them as "
                "2023-01-05"
            )
        if not self._beyond:
            return None
        factor = self._beyond.most_common(1)[0][0]
        value, seconds = self._examples[factor]
        given, fitting = _unit(self._units), _unit(self._units * factor)
        clause = (
            f"{sum(self._beyond.values()):,} of {self._seen:,} times in {field!r} cannot be "
            f"{given}, e.g. {shown(value)}, which in {fitting} is {_date(seconds)}"
        )
        if self._dates or len(self._beyond) > 1:
            return f"{clause}, and the file mixes units: write all of its times in one unit"
        if option and fitting in TIME_UNITS:
            return f"{clause}: add `{option} {fitting}`"
        return f"{clause}: divide them by {factor:,} in the file"


def _date(seconds: float) -> str:
    """The day in UTC."""
    return datetime.fromtimestamp(seconds, timezone.utc).date().isoformat()


def _is_compact_date(value: Any) -> bool:
    """Whether a number is spelled like a day, e.g. 20230105, or a moment, 20230105123000."""
    match = _COMPACT.fullmatch(str(value).strip())
    return match is not None and 1 <= int(match[1]) <= 12 and 1 <= int(match[2]) <= 31


def _unit(units: int) -> str:
    """Name of a unit of which a second has so many."""
    names = {number: name for name, number in TIME_UNITS.items()}
    return "seconds" if units == 1 else names.get(units, f"1/{units:,} s")
