"""What models are told of times, against loops over the interactions."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from recbole_cammsr.data.history_times import (
    elapsed_times,
    interval_buckets,
    interval_warning,
    longest_interval,
)

DAY = 86_400
steps = st.lists(
    st.lists(st.sampled_from([0.0, 0.25, 0.5, 1.0, 2.0, 3.0, 6.5, 7.0, 100.0, 1e9]), max_size=5),
    max_size=5,
)


def interactions(steps_of_users: list[list[float]]) -> tuple[np.ndarray, np.ndarray]:
    """Users and times: of every user a first one, then one after each step.

    Users begin before and after the one before them.
    """
    pairs = []
    for user, own in enumerate(steps_of_users):
        time = 1.5e9 + 10 * DAY * (-1) ** user
        pairs.append((user, time))
        for step in own:
            time += step
            pairs.append((user, time))
    users, times = np.array([pair[0] for pair in pairs]), [pair[1] for pair in pairs]
    return users.astype(np.int64), np.array(times, dtype=np.float64)


@given(steps_of_users=steps, buckets=st.integers(2, 40))
def test_buckets_are_those_of_a_loop(steps_of_users: list[list[float]], buckets: int) -> None:
    users, times = interactions(steps_of_users)
    expected = []
    for own in steps_of_users:
        expected.append(0)
        # 1 for less than 1, 2 for less than 3, 3 for less than 7, and so on
        expected += [
            min(1 + next(k for k in range(99) if step < 2 ** (k + 1) - 1), buckets - 1)
            for step in own
        ]
    found = interval_buckets(users, times, buckets)
    assert found.dtype == np.int64
    assert found.tolist() == expected


def test_times_that_go_back_count_as_equal() -> None:
    assert interval_buckets(np.zeros(2), np.array([9.0, 5.0]), 8).tolist() == [0, 1]


@given(steps_of_users=steps)
def test_times_begin_with_the_first_of_the_data_set(steps_of_users: list[list[float]]) -> None:
    users, times = interactions(steps_of_users)
    first = min(times, default=0.0)
    assert elapsed_times(times).tolist() == [time - first for time in times]
    assert elapsed_times(times).dtype == np.float64
    longest = max((step for own in steps_of_users for step in own), default=0.0)
    assert longest_interval(users, times) == pytest.approx(longest, abs=1e-6)


def test_a_few_intervals_at_either_end_are_no_reason_to_warn() -> None:
    """Of 100 intervals; the zeros are of first interactions, which have none."""
    first = np.zeros(1000, dtype=np.int64)

    def warned(in_first: int, in_last: int, buckets: int = 8) -> str | None:
        between = [3] * (100 - in_first - in_last)
        found = np.array([1] * in_first + between + [buckets - 1] * in_last)
        return interval_warning(np.concatenate([first, found]), buckets)

    assert warned(95, 5) is None
    says = warned(96, 0)
    assert says is not None
    assert "96 of 100 intervals share the first bucket" in says
    says = warned(0, 6)
    assert says is not None
    assert "6 of 100 intervals share the last of the 8 buckets" in says
    assert "which takes all of 2^6 and more" in says
    assert interval_warning(first, 8) is None
