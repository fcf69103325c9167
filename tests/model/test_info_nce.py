"""InfoNCE against its definition."""

from __future__ import annotations

import math

import pytest
import torch
import torch.nn.functional as F

from recbole_cammsr.model.info_nce import info_nce, symmetric_info_nce


@pytest.mark.parametrize("stands_in", [-math.inf, 0.0])
def test_false_negatives_are_left_out_or_count_as_similarity_0(stands_in):
    torch.manual_seed(0)
    anchors, candidates = torch.randn(6, 4), torch.randn(6, 4)
    targets = [3, 5, 3, 1, 5, 3]
    found = info_nce(anchors, candidates, torch.tensor(targets), 0.3, stands_in)
    total = 0.0
    for i in range(6):
        terms = []
        for j in range(6):
            cosine = float(torch.cosine_similarity(anchors[i], candidates[j], dim=0))
            same = i != j and targets[i] == targets[j]
            terms.append(math.exp(stands_in if same else cosine / 0.3))
        total -= math.log(terms[i] / sum(terms))
    assert float(found) == pytest.approx(total / 6, abs=1e-5)


def naive_info_nce(a, b, targets, temperature):
    def one_side(queries, keys):
        total = 0.0
        for i in range(len(queries)):

            def sim(j, i=i):
                return float(torch.cosine_similarity(queries[i], keys[j], dim=0)) / temperature

            others = [j for j in range(len(keys)) if j == i or targets[j] != targets[i]]
            total += math.log(sum(math.exp(sim(j)) for j in others)) - sim(i)
        return total / len(queries)

    return (one_side(a, b) + one_side(b, a)) / 2


def test_info_nce_equals_its_definition_with_false_negatives_left_out():
    torch.manual_seed(0)
    a, b = torch.randn(6, 4), torch.randn(6, 4)
    targets = torch.tensor([3, 1, 3, 2, 1, 5])
    ours = float(symmetric_info_nce(a, b, targets, 0.2))
    assert abs(ours - naive_info_nce(a, b, targets, 0.2)) < 1e-5
    assert abs(ours - naive_info_nce(a, b, torch.arange(6), 0.2)) > 1e-3


def test_info_nce_of_one_row_is_zero_and_finite_in_half_precision():
    one = torch.randn(1, 4)
    assert float(symmetric_info_nce(one, one, torch.tensor([1]), 0.1)) == 0
    half = torch.randn(8, 4).to(torch.bfloat16)
    loss = symmetric_info_nce(half, half, torch.ones(8).long(), 0.01)
    assert loss.dtype == torch.float32
    assert torch.isfinite(loss)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_both_directions_from_one_product_are_those_of_the_formula_to_the_last_bit(dtype):
    """Numbers that are published depend on it."""
    torch.manual_seed(0)
    views = [torch.randn(60, 16).to(dtype).requires_grad_() for _ in range(2)]
    targets = torch.randint(0, 20, (60,))
    ours = symmetric_info_nce(*views, targets, 0.2)
    a, b = (F.normalize(view.float(), dim=1) for view in views)
    others = (targets[None, :] == targets[:, None]) & ~torch.eye(60, dtype=torch.bool)
    logits = (a @ b.t() / 0.2).masked_fill(others, -math.inf)
    own = torch.arange(60)
    written = (F.cross_entropy(logits, own) + F.cross_entropy(logits.t(), own)) / 2
    assert torch.equal(ours, written)
    for found, expected in zip(*(torch.autograd.grad(loss, views) for loss in (ours, written))):
        assert torch.equal(found, expected)
