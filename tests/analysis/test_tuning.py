"""Trials of a grid: all of it, or a repeatable draw without repetition."""

from __future__ import annotations

import itertools

from hypothesis import given
from hypothesis import strategies as st

from recbole_cammsr.analysis.tuning import grid_size, trials

GRIDS = st.dictionaries(
    st.sampled_from(["a", "b", "c"]), st.lists(st.integers(), min_size=1, max_size=4, unique=True)
)


@given(GRIDS)
def test_a_large_budget_tries_everything_in_order(grid):
    expected = [dict(zip(grid, values)) for values in itertools.product(*grid.values())]
    assert trials(grid, 100, 0) == expected
    assert grid_size(grid) == len(expected)


@given(GRIDS, st.integers(1, 20), st.integers(0, 5))
def test_a_budget_is_kept_and_the_default_is_among_the_trials(grid, budget, seed):
    tried = trials(grid, budget, seed)
    assert len(tried) == min(budget, grid_size(grid))
    assert len({tuple(one.items()) for one in tried}) == len(tried)
    assert tried[0] == {name: values[0] for name, values in grid.items()}
    assert tried == trials(grid, budget, seed)


def test_another_seed_draws_others():
    grid = {"a": list(range(50)), "b": list(range(50))}
    assert trials(grid, 5, 1)[1:] != trials(grid, 5, 2)[1:]
