"""Relative positions: attention falls with distance, at a learned rate (docs/model.md eq. 7).

The start is that of ALiBi (Press et al., "Train Short, Test Long: Attention with Linear Biases
Enables Input Length Extrapolation", ICLR 2022), which falls linearly and is never trained; from
there every distance has a number of its own to learn.
"""

from __future__ import annotations

import torch
from torch import nn

from recbole_cammsr.model.pick import pick

#: each head starts with this share of the slope of the head before it
_NEXT_HEAD = 0.25


class RecencyBias(nn.Module):
    """What attention adds to its logits: a learned number for each head and distance.

    Args:
        heads: attention heads; head ``k`` starts with ``-slope / 4^k`` times the distance, so one
            head looks at the last few items and the others further and further back.
        max_length: longest history ``L``; distances are 0 to ``L - 1``.
        slope: of the first head at the start, in logits per step; 0 starts flat.
    """

    def __init__(self, *, heads: int, max_length: int, slope: float) -> None:
        super().__init__()
        slopes = slope * _NEXT_HEAD ** torch.arange(heads)
        distance = torch.arange(max_length)
        self.by_distance = nn.Parameter(-slopes.unsqueeze(1) * distance)

    def forward(self, length: int, queries: torch.Tensor | None = None) -> torch.Tensor:
        """Bias of queries and every key of a row.

        Args:
            length: of the row, at most ``max_length``.
            queries: ``(Q,)`` their positions; None for all.

        Returns:
            ``(heads, Q, length)``; -inf where the key comes later.
        """
        place = torch.arange(length, device=self.by_distance.device)
        distance = (place if queries is None else queries).unsqueeze(1) - place
        bias = pick(self.by_distance, distance.clamp(min=0), dim=1)
        return bias.masked_fill(distance < 0, -torch.inf)
