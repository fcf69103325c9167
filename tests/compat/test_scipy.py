"""Graph models get the adjacency matrix that their definition asks for."""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import scipy.sparse as sp

from recbole_cammsr.compat import scipy as shim

_ENTRIES = {(0, 2): 1, (2, 0): 1, (1, 3): 2}


@pytest.mark.parametrize("has_store", [True, False])
def test_update_fills_the_matrix(has_store: bool) -> None:
    class Entries(sp.dok_matrix):  # type: ignore[misc]
        pass

    if not has_store:

        class Entries(sp.dok_matrix):  # type: ignore[misc, no-redef]
            def __getattribute__(self, name: str) -> Any:
                value = super().__getattribute__(name)
                import sys

                asked_by_shim = sys._getframe(1).f_code.co_name == "_update"
                return None if name == "_dict" and asked_by_shim else value

    matrix = shim._updatable(Entries)((4, 4), dtype=np.float32)
    matrix._update(_ENTRIES)
    expected = np.zeros((4, 4), dtype=np.float32)
    for position, value in _ENTRIES.items():
        expected[position] = value
    np.testing.assert_array_equal(matrix.toarray(), expected)
    assert (matrix > 0).sum() == len(_ENTRIES)


def test_every_model_that_asks_for_the_method_is_offered_it(
    recbole_modules: Callable[[str], set[str]],
) -> None:
    assert set(shim.GRAPH_MODULES) == recbole_modules(r"\._update\(")


def test_left_alone_where_scipy_has_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sp.dok_matrix, "_update", lambda *_: None, raising=False)
    module = ModuleType("lightgcn")
    module.sp = sp  # type: ignore[attr-defined]
    shim._offer_update(module)
    assert module.sp is sp


def test_lightgcn_adjacency(make_data: Any) -> None:
    from recbole.utils import get_model

    config, dataset, loaders = make_data(
        "LightGCN",
        train_neg_sample_args={
            "distribution": "uniform",
            "sample_num": 1,
            "alpha": 1.0,
            "dynamic": False,
            "candidate_num": 0,
        },
    )
    train = loaders[0]._dataset
    model = get_model("LightGCN")(config, train)
    users, items = dataset.user_num, dataset.item_num
    adjacency = np.zeros((users + items, users + items))
    for user, item in zip(train.inter_feat["user_id"], train.inter_feat["item_id"]):
        adjacency[int(user), users + int(item)] = adjacency[users + int(item), int(user)] = 1
    scale = (adjacency.sum(axis=1) + 1e-7) ** -0.5
    expected = scale[:, None] * adjacency * scale[None, :]
    found = model.norm_adj_matrix.to_dense().numpy()
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-7)
