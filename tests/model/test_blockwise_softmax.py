"""The blockwise cross-entropy equals the plain one, in value and gradient."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F

from recbole_cammsr.model.blockwise_softmax import blockwise_cross_entropy


@pytest.mark.parametrize("size", [1, 7, 40, 100])
def test_value_and_gradients_equal_the_plain_softmax(size):
    torch.manual_seed(0)
    users = torch.randn(9, 4, dtype=torch.float64, requires_grad=True)
    features = torch.randn(41, 6, dtype=torch.float64)
    weight = torch.randn(4, 6, dtype=torch.float64, requires_grad=True)
    targets = torch.randint(1, 41, (9,))
    items = features @ weight.t()
    plain = F.cross_entropy((users @ items.t())[:, 1:], targets - 1)

    ours = blockwise_cross_entropy(
        users,
        features[targets] @ weight.t(),
        lambda block: features[block] @ weight.t(),
        [slice(start, min(start + size, 41)) for start in range(1, 41, size)],
    )
    assert abs(float(plain.detach() - ours.detach())) < 1e-9
    expected = torch.autograd.grad(3 * plain, (users, weight))
    actual = torch.autograd.grad(3 * ours, (users, weight))
    for a, b in zip(expected, actual):
        assert torch.allclose(a, b, atol=1e-9, rtol=0)


def test_no_block_outlives_its_turn():
    users = torch.randn(3, 4, requires_grad=True)
    weight = torch.randn(50, 4, requires_grad=True)
    kept = []
    with torch.autograd.graph.saved_tensors_hooks(
        lambda t: kept.append(t.numel()) or t, lambda t: t
    ):
        blockwise_cross_entropy(
            users,
            weight[1:4],
            lambda block: weight[block] * 2.0,
            [slice(start, start + 10) for start in range(0, 50, 10)],
        )
    assert max(kept) <= 3 * 5  # logits of a block would be 30, its vectors 40
