"""Which positions of a row are trained, and on what."""

from __future__ import annotations

import torch


def trained_positions(
    states: torch.Tensor,
    history: torch.Tensor,
    length: torch.Tensor,
    next_item: torch.Tensor,
    count: torch.Tensor,
) -> tuple[torch.Tensor, torch.Tensor]:
    """States and targets of the last ``count`` positions of each row.

    The target of position k is item k + 1 of the row, and ``next_item`` after the last.

    Args:
        states: ``(B, L, d)``.
        history: ``(B, L)`` item ids.
        length: ``(B,)``.
        next_item: ``(B,)``.
        count: ``(B,)``, at most ``length``.

    Returns:
        ``(T, d)`` states and ``(T,)`` targets, T the sum of ``count``.
    """
    position = torch.arange(history.shape[1], device=history.device)
    end = length.unsqueeze(1)
    trained = (position < end) & (position >= end - count.unsqueeze(1))
    following = torch.cat([history[:, 1:], torch.zeros_like(history[:, :1])], dim=1)
    targets = following.scatter(1, end - 1, next_item.unsqueeze(1))
    return states[trained], targets[trained]
