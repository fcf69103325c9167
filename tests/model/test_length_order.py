"""Encoding by length gives what encoding row by row gives, and hands out every row once."""

from __future__ import annotations

from itertools import combinations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from recbole_cammsr.model import length_order
from recbole_cammsr.model.length_order import by_length, in_order_of_length


@given(st.lists(st.integers(1, 9), min_size=1, max_size=30), st.integers(1, 40))
def test_results_stand_in_the_rows_own_order(lengths, rows):
    length = torch.tensor(lengths)
    seen = []

    def encode(part: torch.Tensor, longest: int) -> torch.Tensor:
        assert 1 <= len(part) <= rows
        assert longest == max(lengths[row] for row in part.tolist())
        seen.extend(part.tolist())
        return torch.stack([part, 10 * length[part]], dim=1)

    result = in_order_of_length(length, rows, encode)
    assert result.tolist() == [[row, 10 * lengths[row]] for row in range(len(lengths))]
    assert sorted(seen) == list(range(len(lengths)))


@given(st.lists(st.integers(1, 40), min_size=1, max_size=12), st.integers(0, 60))
def test_no_other_lots_cost_less(lengths, of_a_lot):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(length_order, "_POSITIONS_A_LOT", of_a_lot)
        found = by_length(torch.tensor(lengths), rows=12)
    rising = sorted(lengths)
    # every way to part the sorted rows
    inner = range(1, len(rising))
    best = min(
        sum(
            (after - before) * rising[after - 1] + of_a_lot for before, after in zip(ends, ends[1:])
        )
        for count in range(len(rising))
        for cuts in combinations(inner, count)
        for ends in [(0, *cuts, len(rising))]
    )
    assert sum(len(part) * longest + of_a_lot for part, longest in found) == best


def test_long_rows_do_not_pad_short_ones():
    length = torch.tensor([2] * 90 + [50] * 10)
    assert [(len(part), longest) for part, longest in by_length(length, 128)] == [(90, 2), (10, 50)]
    # a few longer rows do not pay for lots of their own
    length = torch.tensor([2] * 90 + [3] * 10)
    assert [(len(part), longest) for part, longest in by_length(length, 128)] == [(100, 3)]


def test_more_rows_than_a_lot_takes_are_parted():
    sizes = [len(part) for part, _ in by_length(torch.full((300,), 7), 128)]
    assert sizes == [128, 128, 44]
