"""dgl: the graph that KGAT makes its first attention matrix of.

``KGAT.__init__`` and ``KGAT.init_graph`` (``recbole/model/knowledge_aware_recommender/kgat.py``)
take the graph from dgl, and the edges of each relation as a scipy matrix, by
``dgl.edge_subgraph(…, preserve_nodes=True)``. dgl 1.0 dropped that argument, and Python 3.11 cannot
install dgl 0.9, with which RecBole is tested. Nothing else of dgl is used, so while a KGAT is made
it gets a stand-in that keeps the edges and gives the same matrices. dgl 0.9 stays in use.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib import metadata
from types import ModuleType, SimpleNamespace
from typing import Any

from recbole_cammsr.compat.import_hooks import when_imported
from recbole_cammsr.compat.stand_in import stand_in


def install() -> None:
    """Attach the shim to KGAT."""
    when_imported("recbole.model.knowledge_aware_recommender.kgat", _make_without_dgl)


class EdgeList:
    """What KGAT asks of a ``dgl.DGLGraph``.

    Args:
        ends: the nodes that the edges leave, and those that they reach.
    """

    def __init__(self, ends: tuple[Any, Any]) -> None:
        self.source, self.target = ends
        self.nodes = int(max(self.source.max(), self.target.max())) + 1
        self.edata: dict[str, Any] = {}

    def filter_edges(self, holds: Callable[[Any], Any]) -> Any:
        """The numbers of the edges for which ``holds``, given all edges, is true."""
        return holds(SimpleNamespace(data=self.edata)).nonzero().view(-1)


def edge_subgraph(graph: EdgeList, edges: Any, preserve_nodes: bool) -> Any:
    """The edges with these numbers between all nodes of ``graph``, to be had as a matrix."""
    from scipy.sparse import coo_matrix

    rows, columns = graph.source[edges].numpy(), graph.target[edges].numpy()

    def adjacency_matrix(transpose: bool, scipy_fmt: str) -> Any:
        ones = [1] * len(rows)
        return coo_matrix((ones, (rows, columns)), shape=(graph.nodes, graph.nodes))

    return SimpleNamespace(adjacency_matrix=adjacency_matrix)


def _serves_kgat() -> bool:
    """Whether the dgl is installed that RecBole is tested with."""
    try:
        return metadata.version("dgl").startswith("0.9.")
    except metadata.PackageNotFoundError:
        return False


def _make_without_dgl(module: ModuleType) -> None:
    if not _serves_kgat():
        offered = stand_in("dgl", graph=EdgeList, edge_subgraph=edge_subgraph)
        module.KGAT.__init__ = offered(module.KGAT.__init__)
