"""Means and softmaxes by group equal those counted group by group; an installed package stays."""

from __future__ import annotations

import importlib.util
from types import ModuleType

import pytest
import torch

from recbole_cammsr.compat import torch_scatter as shim

GROUPS = torch.tensor([3, 0, 3, 1, 0, 3])


def test_mean_of_each_group() -> None:
    rows = torch.randn(6, 4, requires_grad=True)
    found = shim.scatter_mean(src=rows, index=GROUPS, dim_size=5, dim=0)
    expected = torch.stack(
        [
            rows[group == GROUPS].mean(dim=0) if group in GROUPS else rows[0] * 0
            for group in range(5)
        ]
    )
    torch.testing.assert_close(found, expected)
    found.sum().backward()
    torch.testing.assert_close(rows.grad.sum(dim=0), torch.full((4,), 3.0))


@pytest.mark.parametrize("shift", [0.0, 1000.0])
def test_softmax_of_each_group(shift: float) -> None:
    rows = (torch.randn(6, 4) + shift).requires_grad_()
    found = shim.scatter_softmax(rows, index=GROUPS, dim=0)
    expected = torch.empty(6, 4)
    for group in GROUPS.unique():
        expected[group == GROUPS] = rows[group == GROUPS].softmax(dim=0)
    torch.testing.assert_close(found, expected)
    weights = torch.randn(6, 4)
    (gradient,) = torch.autograd.grad((found * weights).sum(), rows, retain_graph=True)
    (by_hand,) = torch.autograd.grad((expected * weights).sum(), rows)
    torch.testing.assert_close(gradient, by_hand)


@pytest.mark.parametrize("model", ["kgin", "mcclk"])
def test_aggregators_work_without_the_package(model: str) -> None:
    module = importlib.import_module(f"recbole.model.knowledge_aware_recommender.{model}")
    edges = torch.tensor([[1, 2, 1], [2, 0, 3]]), torch.tensor([0, 1, 0])
    seen, users = torch.eye(2, 4).to_sparse(), torch.randn(2, 8)
    entities, relations = torch.randn(4, 8), torch.randn(2, 8)
    if model == "kgin":
        given = (entities, users, torch.randn(2, 8), relations, *edges, seen, torch.randn(2, 2))
        found, _ = module.Aggregator()(*given)
    else:
        found, _ = module.Aggregator(item_only=False, attention=True)(
            entities, users, relations, *edges, seen
        )
    assert found.shape == entities.shape
    assert found[2].ne(0).all()
    assert found[[0, 3]].eq(0).all()  # entities without an edge of theirs


@pytest.mark.parametrize("installed", [True, False])
def test_an_installed_package_stays_in_use(
    installed: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Aggregator:
        def forward(self) -> None:
            """RecBole's."""

    stock = Aggregator.forward
    module = ModuleType("kgin")
    module.Aggregator = Aggregator  # type: ignore[attr-defined]
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: installed or None)
    shim._offer_scatter(module)
    assert (Aggregator.forward is stock) is installed
