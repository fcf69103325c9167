"""History scale: what sets a history's items apart from the same items as candidates (eq. 7)."""

from __future__ import annotations

import torch
from torch import nn


class HistoryScale(nn.Module):
    """A learned factor for each dimension, of the items of histories alone.

    Scores compare users with items in the very vectors that the encoder reads, and on its residual
    path a history's items come through to the score almost as they went in. So a user is close to
    the items that she has, which is where they are never needed. Factors of random sign take that
    closeness away: ``h * s`` and ``h`` are no more alike than two items that have nothing to do
    with each other, and what should be close to what is left to be learned.

    Args:
        dimension: hidden size ``d``.
        std: of the factors at the start, normal around zero.
    """

    def __init__(self, dimension: int, std: float) -> None:
        super().__init__()
        self.factor = nn.Parameter(torch.randn(dimension) * std)

    def forward(self, items: torch.Tensor) -> torch.Tensor:
        """The items as histories hold them.

        Args:
            items: ``(..., d)``.

        Returns:
            The same shape.
        """
        return items * self.factor
