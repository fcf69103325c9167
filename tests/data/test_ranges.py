"""Joined ranges are what a loop over the ranges gives."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from recbole_cammsr.data.ranges import joined_ranges


@given(st.lists(st.tuples(st.integers(0, 50), st.integers(0, 6)), max_size=9))
def test_ranges_come_one_after_the_other(ranges):
    starts = np.array([start for start, _ in ranges], dtype=np.int64)
    sizes = np.array([size for _, size in ranges], dtype=np.int64)
    expected = [start + place for start, size in ranges for place in range(size)]
    assert joined_ranges(starts, sizes).tolist() == expected
