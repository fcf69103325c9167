"""The catalogue cross-entropy equals the plain one, in value and gradient."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F

from recbole_cammsr.model import losses
from recbole_cammsr.model.losses import catalogue_cross_entropy


@pytest.mark.parametrize("tile", [(256, 2048), (5, 7), (8, 90)])
@pytest.mark.parametrize("max_logits", [1, 700, 1 << 20])
@pytest.mark.parametrize("targets", [1, 37])
def test_value_and_gradients_equal_the_plain_softmax(monkeypatch, max_logits, targets, tile):
    monkeypatch.setattr(losses, "_CPU_ROWS", tile[0])
    monkeypatch.setattr(losses, "_CPU_COLUMNS", tile[1])
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


@pytest.mark.parametrize("learns", ["users", "items"])
def test_one_side_can_be_frozen(learns):
    torch.manual_seed(0)
    users, items = torch.randn(6, 4), torch.randn(9, 4)
    label = torch.tensor([1, 8, 3, 3, 2, 5])
    alone = {"users": users, "items": items}[learns].requires_grad_()
    (expected,) = torch.autograd.grad(F.cross_entropy((users @ items.t())[:, 1:], label - 1), alone)
    catalogue_cross_entropy(users, items, label).backward()
    assert torch.allclose(alone.grad, expected, atol=1e-6)


def test_gradcheck():
    torch.manual_seed(1)
    users = torch.randn(5, 3, dtype=torch.float64, requires_grad=True)
    items = torch.randn(7, 3, dtype=torch.float64, requires_grad=True)
    label = torch.tensor([1, 6, 3, 3, 2])
    assert torch.autograd.gradcheck(
        lambda u, i: catalogue_cross_entropy(u, i, label, 14), (users, items)
    )


@pytest.mark.parametrize("columns", [2048, 16])
def test_every_logit_is_made_once_and_no_more_are_held_than_asked(monkeypatch, columns):
    monkeypatch.setattr(losses, "_CPU_COLUMNS", columns)
    made, held = [], []
    product, room = torch.mm, torch.empty

    def multiply(a, b, **kwargs):
        made.append(len(a) * b.shape[1])
        return product(a, b, **kwargs)

    def reserve(*args, **kwargs):
        result = room(*args, **kwargs)
        held.append(result.numel())
        return result

    monkeypatch.setattr(losses.torch, "mm", multiply)
    monkeypatch.setattr(losses.torch, "empty", reserve)
    catalogue_cross_entropy(torch.randn(100, 4), torch.randn(51, 4), torch.ones(100).long(), 1000)
    assert held == [1000]
    assert max(made) <= 20 * min(columns, 50)
    assert sum(made) == 100 * 50


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


@pytest.mark.parametrize("size", [20.0, 100.0])
def test_rounded_logits_of_sure_targets_make_no_negative_loss(size):
    """The target's own logit has to be rounded as the one in the normaliser is."""
    torch.manual_seed(0)
    items = F.normalize(torch.randn(50, 64), dim=1)
    targets = torch.arange(1, 50)
    for target in targets:
        with torch.autocast("cpu", dtype=torch.bfloat16):
            loss = catalogue_cross_entropy(size * items[target, None], items, target[None])
        exact = F.cross_entropy(size * items[target, None] @ items[1:].t(), target[None] - 1)
        assert 0 <= float(loss) <= 1.2 * float(exact) + 1e-6


def test_autocast_with_tiles_of_items_is_what_one_tile_gives(monkeypatch):
    torch.manual_seed(3)
    users = torch.randn(20, 16, requires_grad=True)
    items = torch.randn(300, 16, requires_grad=True)
    label = torch.randint(1, 300, (20,))
    results = []
    for columns in (2048, 40):
        monkeypatch.setattr(losses, "_CPU_COLUMNS", columns)
        with torch.autocast("cpu", dtype=torch.bfloat16):
            loss = catalogue_cross_entropy(users, items, label)
        results.append((loss.detach(), *torch.autograd.grad(loss, (users, items))))
    for one, many in zip(*results):
        assert torch.allclose(one, many, rtol=0.02, atol=1e-3)


@pytest.mark.parametrize("one_by_one", ["targets", "items"])
def test_autocast_gradients_are_summed_up_in_full_precision(monkeypatch, one_by_one):
    """Two thousand chunks or tiles: a sum in bfloat16 would soon stand still."""
    monkeypatch.setattr(losses, "_CPU_ROWS", 1 if one_by_one == "targets" else 2048)
    monkeypatch.setattr(losses, "_CPU_COLUMNS", 2048 if one_by_one == "targets" else 1)
    torch.manual_seed(4)
    few, many = (torch.rand(count, 4, requires_grad=True) for count in (3, 2000))
    users, items = (many, few) if one_by_one == "targets" else (few, many)
    label = torch.ones(len(users)).long()  # of one sign, sums grow
    exact = catalogue_cross_entropy(users, items, label)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        rough = catalogue_cross_entropy(users, items, label)
    expected, actual = (torch.autograd.grad(loss, few)[0] for loss in (exact, rough))
    assert torch.allclose(actual, expected, rtol=0.02, atol=2e-3)


def test_a_second_derivative_is_refused_rather_than_wrong():
    users, items = torch.randn(4, 3, requires_grad=True), torch.randn(6, 3, requires_grad=True)
    loss = catalogue_cross_entropy(users, items, torch.tensor([1, 2, 3, 4]))
    (gradient,) = torch.autograd.grad(loss.square(), users, create_graph=True)
    with pytest.raises(RuntimeError, match="once_differentiable"):
        gradient.sum().backward()


@pytest.mark.parametrize("operand", ["users", "items"])
def test_small_gradients_of_sixteen_bits_outlive_the_scale_of_the_loss(operand):
    """GradScaler multiplies the loss: what is rounded to 16 bits before that is lost."""
    torch.manual_seed(0)
    scale, label = 2.0**15, torch.randint(1, 5000, (512,))
    users, items = torch.randn(512, 8), 0.05 * torch.randn(5000, 8)
    if operand == "users":
        users = 1e-2 * users  # many targets a user vector: each has a small share
        items = 1e-3 * items
    gradients = []
    for dtype in (torch.float32, torch.float16):
        pair = [part.half().to(dtype).requires_grad_() for part in (users, items)]
        loss = scale * catalogue_cross_entropy(*pair, label)
        gradient = torch.autograd.grad(loss, pair[operand == "items"])[0]
        assert gradient.dtype == dtype
        gradients.append(gradient.float())
    exact, got = gradients
    assert (got - exact).norm() / exact.norm() < 2e-3
    assert ((got == 0) == (exact.half() == 0)).float().mean() > 0.999
