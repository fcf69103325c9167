"""Rows of about one length go through an encoder together: most of a batch is padding."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import torch

# What another lot costs on a CPU, in positions: calls of some hundred operations and their
# gradients. Between 30 and 300 it makes little difference (docs/performance.md).
_POSITIONS_A_LOT = 100


def by_length(length: torch.Tensor, rows: int) -> list[tuple[torch.Tensor, int]]:
    """Rows some at a time, shortest first.

    On a CPU they are parted where that leaves the least padding, if it is more than another lot
    costs. A GPU, which waits for calls rather than for padding, has as many rows in all lots.

    Args:
        length: ``(B,)`` of the rows, at least one of them.
        rows: in a lot at most.

    Returns:
        The row numbers ``(n,)`` of each lot, and the length of its longest row.
    """
    order = length.argsort()
    if length.device.type == "cpu":
        lots = order.split(_least_padding(length[order].numpy(), rows))
    else:
        lots = order.split(rows)
    return [(part, int(length[part[-1]])) for part in lots]


def _least_padding(lengths: np.ndarray, rows: int) -> list[int]:
    """Sizes of lots that cost the least; where a lot would be too large it is parted afterwards.

    Args:
        lengths: ``(B,)``, rising.
        rows: in a lot at most.
    """
    distinct, first = np.unique(lengths, return_index=True)
    ends = np.append(first[1:], len(lengths))
    cheapest = np.zeros(len(distinct) + 1)  # of all rows before the n-th length
    start = np.zeros(len(distinct), dtype=np.int64)  # of the last lot's lengths in that
    for last, longest in enumerate(distinct):
        count = ends[last] - first[: last + 1]
        lots = -(-count // rows)
        cost = cheapest[: last + 1] + count * longest + lots * _POSITIONS_A_LOT
        start[last] = cost.argmin()
        cheapest[last + 1] = cost[start[last]]
    sizes: list[int] = []
    end = len(distinct)
    while end:
        begin = int(start[end - 1])
        full, rest = divmod(int(ends[end - 1] - first[begin]), rows)
        sizes += [rest] * (rest > 0) + [rows] * full
        end = begin
    return sizes[::-1]


def in_order_of_length(
    length: torch.Tensor, rows: int, encode: Callable[[torch.Tensor, int], torch.Tensor]
) -> torch.Tensor:
    """Encode rows some at a time, shortest first, and give the results in the rows' own order.

    Args:
        length: ``(B,)`` of the rows, at least one of them.
        rows: encoded at a time.
        encode: takes row numbers ``(n,)`` and the length of the longest of these rows, and returns
            ``(n, ...)``, of the same shape but for n at every call.

    Returns:
        ``(B, ...)``, in the order of ``length``.
    """
    lots = by_length(length, rows)
    return in_their_order(lots, [encode(part, longest) for part, longest in lots])


def in_their_order(
    lots: Sequence[tuple[torch.Tensor, int]], results: Sequence[torch.Tensor]
) -> torch.Tensor:
    """What was made of lots, in the order of the rows.

    Args:
        lots: of :func:`by_length`.
        results: ``(n, ...)`` for each.

    Returns:
        ``(B, ...)``.
    """
    encoded = torch.cat(list(results))
    order = torch.cat([part for part, _ in lots])
    return torch.empty_like(encoded).index_copy_(0, order, encoded)
