"""Picked entries are those of plain indexing; their gradient is added up in order."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from recbole_cammsr.model.pick import pick


@given(
    st.integers(0, 2),
    st.lists(st.integers(0, 4), max_size=3),
    st.integers(0, 2**32 - 1),
    st.sampled_from([torch.float32, torch.bfloat16, torch.bool, torch.int64]),
)
def test_plain_indexing_gives_the_same(dim, shape, seed, dtype):
    values = torch.arange(5 * 3 * 4).remainder(7).to(dtype).view(5, 3, 4)
    generator = torch.Generator().manual_seed(seed)
    index = torch.randint(values.shape[dim], shape, generator=generator)
    expected = values[(slice(None),) * dim + (index,)]
    assert torch.equal(pick(values, index, dim), expected)


@pytest.mark.parametrize("dim", [0, 1])
def test_two_threads_add_the_gradient_up_in_order(dim, two_threads):
    rng = np.random.default_rng(0)
    index = rng.integers(0, 40, size=(200, 30))
    slopes = rng.normal(size=(200, 30, 64)).astype(np.float32)
    expected = np.zeros((40, 64), dtype=np.float32)
    for number, slope in zip(index.reshape(-1), slopes.reshape(-1, 64)):
        expected[number] += slope
    gradient = torch.as_tensor(slopes)
    values = torch.zeros(40, 64)
    if dim == 1:
        values, gradient = values.t().contiguous(), gradient.permute(2, 0, 1).contiguous()
    for _ in range(10):  # threads that come in their own order are seen in about half of them
        values = values.detach().requires_grad_()
        pick(values, torch.as_tensor(index), dim).backward(gradient)
        found = values.grad if dim == 0 else values.grad.t()
        assert np.array_equal(found.numpy(), expected)
