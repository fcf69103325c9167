"""KGAT is made without dgl, with the attention matrix that its definition asks for."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType
from typing import Any, Callable

import numpy as np
import pytest
import torch

from recbole_cammsr.compat import dgl as shim

EDGES = [("i1", "likes", "e1"), ("e1", "made", "e2"), ("e2", "made", "i1"), ("i2", "likes", "e2")]


@pytest.fixture
def kgat(toy_path: Path, make_data: Callable[..., Any]) -> Any:
    """A KGAT of the toy data and a small graph, its data set and its training data."""
    from recbole.utils import get_model

    items = [line.split("\t")[0] for line in (toy_path / "toy" / "toy.item").open()][1:3]
    link = ["item_id:token\tentity_id:token", f"{items[0]}\ti1", f"{items[1]}\ti2"]
    graph = ["head_id:token\trelation_id:token\ttail_id:token", *map("\t".join, EDGES)]
    (toy_path / "toy" / "toy.link").write_text("\n".join(link) + "\n", encoding="utf-8")
    (toy_path / "toy" / "toy.kg").write_text("\n".join(graph) + "\n", encoding="utf-8")
    sampling = {"distribution": "uniform", "sample_num": 1, "alpha": 1.0, "dynamic": False}
    config, _, (train, *_) = make_data(
        "KGAT", load_col=None, train_neg_sample_args={**sampling, "candidate_num": 0}
    )
    return get_model("KGAT")(config, train._dataset), train._dataset


def test_attention_starts_as_the_share_of_a_relations_edges(kgat: Any) -> None:
    model, dataset = kgat
    edges = dataset.ckg_graph(form="coo", value_field="relation_id")
    expected = np.zeros(edges.shape)
    for row, column, relation in zip(edges.row, edges.col, edges.data):
        of_its_kind = (edges.row == row) & (edges.data == relation)
        expected[row, column] += 1 / of_its_kind.sum()
    np.testing.assert_allclose(model.A_in.to_dense().numpy(), expected, rtol=1e-6)
    assert expected.any()


def test_only_edges_asked_for() -> None:
    graph = shim.EdgeList((torch.tensor([0, 2, 1]), torch.tensor([1, 0, 3])))
    graph.edata["kind"] = torch.tensor([1, 2, 1])
    chosen = graph.filter_edges(lambda edges: edges.data["kind"] == 1)
    part = shim.edge_subgraph(graph, chosen, preserve_nodes=True)
    matrix = part.adjacency_matrix(transpose=False, scipy_fmt="coo").toarray()
    expected = np.zeros((4, 4))
    expected[0, 1] = expected[1, 3] = 1
    np.testing.assert_array_equal(matrix, expected)


@pytest.mark.parametrize(("version", "used"), [("0.9.1", True), ("1.1.3", False), (None, False)])
def test_an_old_dgl_is_left_alone(
    version: str | None, used: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    def installed(name: str) -> str:
        if version is None:
            raise shim.metadata.PackageNotFoundError(name)
        return version

    class KGAT:
        pass

    stock = KGAT.__init__
    monkeypatch.setattr(shim.metadata, "version", installed)
    module = ModuleType("kgat")
    module.KGAT = KGAT  # type: ignore[attr-defined]
    shim._make_without_dgl(module)
    assert (KGAT.__init__ is stock) is used
