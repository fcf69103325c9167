"""Rows of about one length go through an encoder together: most of a batch is padding."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch


def by_length(length: torch.Tensor, rows: int) -> list[tuple[torch.Tensor, int]]:
    """Rows some at a time, shortest first.

    Args:
        length: ``(B,)`` of the rows, at least one of them.
        rows: in a lot.

    Returns:
        The row numbers ``(n,)`` of each lot, and the length of its longest row.
    """
    return [(part, int(length[part[-1]])) for part in length.argsort().split(rows)]


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
