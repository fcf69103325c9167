"""torch_scatter: the means and softmaxes by group that KGIN and MCCLK compute.

``Aggregator.forward`` of both (``kgin.py`` and ``mcclk.py`` in
``recbole/model/knowledge_aware_recommender/``) imports ``scatter_mean`` and ``scatter_softmax``.
The package comes as source only, which is compiled against the installed torch for minutes; the
ready-made ones lie elsewhere, for some versions of torch. Torch computes both by itself by now.
Where torch_scatter is installed it stays in use.
"""

from __future__ import annotations

import importlib.util
from types import ModuleType
from typing import Any

from recbole_cammsr.compat.import_hooks import when_imported
from recbole_cammsr.compat.stand_in import stand_in

#: the modules of RecBole 1.2.1 that import torch_scatter, each in its ``Aggregator.forward``
AGGREGATING_MODULES = (
    "recbole.model.knowledge_aware_recommender.kgin",
    "recbole.model.knowledge_aware_recommender.mcclk",
)


def install() -> None:
    """Attach the shim to the models that import torch_scatter."""
    for name in AGGREGATING_MODULES:
        when_imported(name, _offer_scatter)


def scatter_mean(src: Any, index: Any, dim: int, dim_size: int) -> Any:
    """The mean of the rows of each group, zeros for a group without one.

    Args:
        src: ``(rows, columns)``.
        index: the group of each row.
        dim: 0, along the rows.
        dim_size: how many groups there are.

    Returns:
        ``(groups, columns)``.
    """
    sums = src.new_zeros(dim_size, src.shape[1]).index_add(dim, index, src)
    counts = src.new_zeros(dim_size).index_add(dim, index, src.new_ones(len(index)))
    return sums / counts.clamp(min=1).unsqueeze(1)


def scatter_softmax(src: Any, index: Any, dim: int) -> Any:
    """The softmax of each column over the rows of a group.

    Args:
        src: ``(rows, columns)``.
        index: the group of each row.
        dim: 0, along the rows.

    Returns:
        As ``src``.
    """
    groups = int(index.max()) + 1
    of_rows = index.unsqueeze(1).expand_as(src)
    lowest = src.new_full((groups, src.shape[1]), -float("inf"))
    highest = lowest.scatter_reduce(dim, of_rows, src.detach(), "amax")
    exponentials = (src - highest[index]).exp()
    sums = src.new_zeros(groups, src.shape[1]).index_add(dim, index, exponentials)
    return exponentials / sums[index]


def _offer_scatter(module: ModuleType) -> None:
    if importlib.util.find_spec("torch_scatter") is None:
        offered = stand_in(
            "torch_scatter", scatter_mean=scatter_mean, scatter_softmax=scatter_softmax
        )
        module.Aggregator.forward = offered(module.Aggregator.forward)
