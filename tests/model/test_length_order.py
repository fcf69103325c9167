"""Encoding by length gives what encoding row by row gives, and hands out every row once."""

from __future__ import annotations

import torch
from hypothesis import given
from hypothesis import strategies as st

from recbole_cammsr.model.length_order import in_order_of_length


@given(st.lists(st.integers(1, 9), min_size=1, max_size=30), st.integers(1, 40))
def test_results_stand_in_the_rows_own_order(lengths, rows):
    length = torch.tensor(lengths)
    seen = []

    def encode(part: torch.Tensor, longest: int) -> torch.Tensor:
        assert len(part) <= rows
        assert longest == max(lengths[row] for row in part.tolist())
        seen.extend(part.tolist())
        return torch.stack([part, 10 * length[part]], dim=1)

    result = in_order_of_length(length, rows, encode)
    assert result.tolist() == [[row, 10 * lengths[row]] for row in range(len(lengths))]
    assert sorted(seen) == list(range(len(lengths)))
