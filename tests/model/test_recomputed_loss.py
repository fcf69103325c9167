"""Cross-entropy in parts is that of the whole, with the same gradients."""

from __future__ import annotations

import torch

from recbole_cammsr.model.recomputed_loss import recomputed_cross_entropy


def test_parts_change_neither_loss_nor_gradients():
    torch.manual_seed(0)
    users, items = torch.randn(7, 4), torch.randn(5, 4)
    classes = torch.randint(5, (7,))
    held = []

    def logits_of(some: torch.Tensor) -> torch.Tensor:
        held.append(len(some))
        return some @ weights.t()

    results = []
    for at_a_time in (7, 3):
        weights = items.clone().requires_grad_()
        loss = recomputed_cross_entropy(logits_of, users, classes, at_a_time)
        loss.backward()
        results.append((loss.detach(), weights.grad))
    expected = torch.nn.functional.cross_entropy(users @ items.t(), classes)
    for loss, gradient in results:
        assert torch.allclose(loss, expected)
        assert torch.allclose(gradient, results[0][1], atol=1e-6)
    assert held == [7, 3, 3, 1, *held[4:]]
    assert sorted(held[4:]) == [1, 3, 3]  # once more in the backward pass
