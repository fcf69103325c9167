"""Rows of about one length go through an encoder together: most of a batch is padding."""

from __future__ import annotations

from collections.abc import Callable

import torch


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
    order = length.argsort()
    encoded = torch.cat([encode(part, int(length[part[-1]])) for part in order.split(rows)])
    return torch.empty_like(encoded).index_copy_(0, order, encoded)
