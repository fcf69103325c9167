"""K-core filtering against a naive loop; against RecBole's in test_regular_table.py."""

from __future__ import annotations

from collections import Counter

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from recbole_cammsr.data.core_filter import rows_of_core


@given(
    pairs=st.lists(st.tuples(st.integers(0, 5), st.integers(0, 5)), max_size=30),
    least=st.tuples(st.integers(0, 4), st.integers(0, 4)),
    most=st.tuples(st.integers(2, 9), st.integers(2, 9)),
)
def test_kept_rows_are_those_of_a_naive_loop(pairs, least, most):
    users = np.array([user for user, _ in pairs], dtype=np.int64)
    items = np.array([item for _, item in pairs], dtype=np.int64)
    ours = rows_of_core(
        users,
        items,
        lambda n: (n >= least[0]) & (n <= most[0]),
        lambda n: (n >= least[1]) & (n <= most[1]),
    )
    rows = list(range(len(pairs)))
    while True:
        by_user = Counter(pairs[row][0] for row in rows)
        by_item = Counter(pairs[row][1] for row in rows)
        left = [
            row
            for row in rows
            if least[0] <= by_user[pairs[row][0]] <= most[0]
            and least[1] <= by_item[pairs[row][1]] <= most[1]
        ]
        if left == rows:
            break
        rows = left
    assert np.flatnonzero(ours).tolist() == rows
