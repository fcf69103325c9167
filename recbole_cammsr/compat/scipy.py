"""Scipy: the private ``dok_matrix._update`` that seven graph models call.

``get_norm_adj_mat`` (``_get_norm_adj_mat`` in KGIN) of LightGCN, NGCF, NCL, GCMC, SpectralCF, KGIN
and MCCLK fills its adjacency matrix with ``A._update({(row, column): value})``. Newer scipy has no
such method.
"""

from __future__ import annotations

from types import ModuleType
from typing import Any

from recbole_cammsr.compat.import_hooks import when_imported
from recbole_cammsr.compat.module_proxy import ModuleProxy

#: the modules of RecBole 1.2.1 that call ``dok_matrix._update``, all through ``sp``
GRAPH_MODULES = (
    "recbole.model.general_recommender.gcmc",
    "recbole.model.general_recommender.lightgcn",
    "recbole.model.general_recommender.ncl",
    "recbole.model.general_recommender.ngcf",
    "recbole.model.general_recommender.spectralcf",
    "recbole.model.knowledge_aware_recommender.kgin",
    "recbole.model.knowledge_aware_recommender.mcclk",
)


def install() -> None:
    """Attach the shim to every RecBole module that fills a ``dok_matrix``."""
    for name in GRAPH_MODULES:
        when_imported(name, _offer_update)


def _offer_update(module: ModuleType) -> None:
    if not hasattr(module.sp.dok_matrix, "_update"):
        dok_matrix = _updatable(module.sp.dok_matrix)
        module.sp = ModuleProxy(module.sp, dok_matrix=dok_matrix)  # type: ignore[attr-defined]


def _updatable(matrix_class: type) -> type:
    class UpdatableDokMatrix(matrix_class):  # type: ignore[misc]
        def _update(self, entries: dict[tuple[int, int], Any]) -> None:
            store = getattr(self, "_dict", None)
            if isinstance(store, dict):  # what the removed method did: seconds on a large graph
                store.update(entries)
                return
            for (row, column), value in entries.items():
                self[row, column] = value

    return UpdatableDokMatrix
