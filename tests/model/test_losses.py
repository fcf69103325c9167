"""The catalogue cross-entropy equals the plain one, in value and gradient."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F

from recbole_cammsr.model import losses
from recbole_cammsr.model.losses import catalogue_cross_entropy


@pytest.mark.parametrize("max_logits", [1, 700, 1 << 20])
@pytest.mark.parametrize("targets", [1, 37])
def test_value_and_gradients_equal_the_plain_softmax(max_logits, targets):
    torch.manual_seed(0)
    users = torch.randn(targets, 8, dtype=torch.float64, requires_grad=True)
    items = torch.randn(91, 8, dtype=torch.float64, requires_grad=True)
    label = torch.randint(1, 91, (targets,))
    plain = F.cross_entropy((users @ items.t())[:, 1:], label - 1)
    ours = catalogue_cross_entropy(users, items, label, max_logits)
    assert abs(float(plain.detach() - ours.detach())) < 1e-9
    # an upstream factor must reach the gradients
    expected = torch.autograd.grad(3 * plain, (users, items))
    actual = torch.autograd.grad(3 * ours, (users, items))
    for a, b in zip(expected, actual):
        assert torch.allclose(a, b, atol=1e-9, rtol=0)
    assert not actual[1][0].any()  # padding is no candidate


def test_gradcheck():
    torch.manual_seed(1)
    users = torch.randn(5, 3, dtype=torch.float64, requires_grad=True)
    items = torch.randn(7, 3, dtype=torch.float64, requires_grad=True)
    label = torch.tensor([1, 6, 3, 3, 2])
    assert torch.autograd.gradcheck(
        lambda u, i: catalogue_cross_entropy(u, i, label, 14), (users, items)
    )


def test_no_block_is_larger_than_asked(monkeypatch):
    sizes = []
    original = torch.logsumexp

    def spy(logits, **kwargs):
        sizes.append(logits.numel())
        return original(logits, **kwargs)

    monkeypatch.setattr(losses.torch, "logsumexp", spy)
    catalogue_cross_entropy(torch.randn(100, 4), torch.randn(51, 4), torch.ones(100).long(), 1000)
    assert max(sizes) <= 1000
    assert sum(sizes) == 100 * 50


def test_large_logits_stay_finite_and_without_gradient_none_is_made():
    users, items = torch.full((2, 4), 1e4), torch.eye(5, 4)
    loss = catalogue_cross_entropy(users, items, torch.tensor([1, 2]))
    assert torch.isfinite(loss)
    assert not loss.requires_grad


def test_autocast_computes_in_bfloat16_and_returns_float32():
    torch.manual_seed(2)
    users = torch.randn(64, 16, requires_grad=True)
    items = torch.randn(300, 16, requires_grad=True)
    label = torch.randint(1, 300, (64,))
    exact = catalogue_cross_entropy(users, items, label)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        rough = catalogue_cross_entropy(users, items, label)
    assert rough.dtype == torch.float32
    assert 0 < abs(float(rough.detach() - exact.detach())) < 0.05
    expected = torch.autograd.grad(exact, items)[0]
    actual = torch.autograd.grad(rough, items)[0]
    assert F.cosine_similarity(actual.flatten(), expected.flatten(), dim=0) > 0.99
