"""Relative positions against their definition."""

from __future__ import annotations

import math

import pytest
import torch

from recbole_cammsr.model.recency import RecencyBias


def test_starts_as_a_line_for_each_head():
    bias = RecencyBias(heads=3, max_length=5, slope=0.8)(4)
    assert bias.shape == (3, 4, 4)
    for head in range(3):
        for query in range(4):
            for key in range(4):
                expected = -0.8 / 4**head * (query - key) if key <= query else -math.inf
                assert bias[head, query, key].item() == pytest.approx(expected)


def test_every_distance_is_learned_by_the_pairs_that_have_it():
    recency = RecencyBias(heads=2, max_length=6, slope=0.0)
    bias = recency(4)
    bias.masked_fill(torch.isinf(bias), 0.0).sum().backward()
    # of 4 x 4 pairs four have distance 0, three distance 1, …
    assert recency.by_distance.grad.tolist() == [[4.0, 3.0, 2.0, 1.0, 0.0, 0.0]] * 2


def test_slope_zero_is_flat():
    bias = RecencyBias(heads=1, max_length=3, slope=0.0)(3)
    assert torch.equal(bias[0].exp(), torch.ones(3, 3).tril())
