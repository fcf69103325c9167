"""Rows of a tensor by number, with a gradient that is the same whatever the threads do."""

from __future__ import annotations

import torch


def pick(values: torch.Tensor, index: torch.Tensor, dim: int = 0) -> torch.Tensor:
    """Entries along a dimension, as ``values[index]`` has them.

    On a CPU the gradient of ``values[index]`` adds up the rows that are picked more than once in
    whatever order the threads come, and two runs of one seed drift apart
    (docs/results/ml-100k.md). That of ``index_select`` is added up in order, and both directions
    are about as fast or faster (docs/performance.md). On a GPU it is the other way round.

    Args:
        values: ``(..., n, ...)``, ``n`` of them along ``dim``.
        index: integers from 0 to ``n - 1``, of any shape.
        dim: counted from the front.

    Returns:
        ``values`` with the shape of ``index`` in place of ``n``.
    """
    if values.device.type != "cpu":
        return values[(slice(None),) * dim + (index,)]
    chosen = values.index_select(dim, index.flatten())
    return chosen.reshape(*values.shape[:dim], *index.shape, *values.shape[dim + 1 :])
