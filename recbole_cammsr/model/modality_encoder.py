"""Causal Transformer over one modality of the histories."""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import nn

from recbole_cammsr.model.dropout import Dropout
from recbole_cammsr.model.encoder import Block
from recbole_cammsr.model.length_order import in_order_of_length

# rows encoded at a time: few enough to be of about one length, enough to keep a GPU busy
_ROWS = 256


class ModalityEncoder(nn.Module):
    """LayerNorm, dropout and causal blocks over one modality of the histories.

    Args:
        layers: number of blocks.
        block_options: arguments of :class:`~recbole_cammsr.model.encoder.Block`.
    """

    def __init__(self, layers: int, **block_options: Any) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(block_options["dimension"], eps=1e-12)
        self.dropout = Dropout(block_options["hidden_dropout"])
        self.blocks = nn.ModuleList(Block(norm="layernorm", **block_options) for _ in range(layers))

    def forward(self, vectors: torch.Tensor, inside: torch.Tensor) -> torch.Tensor:
        """State after each prefix.

        Args:
            vectors: ``(P, d)`` of the positions that are not padding.
            inside: ``(B, L)`` bool, where they are; rows are left-aligned.

        Returns:
            ``(B, L, d)``, zero at padding beyond the longest of the rows encoded together.
        """
        normed = self.dropout(self.norm(vectors))
        width = inside.shape[1]
        placed = normed.new_zeros(*inside.shape, normed.shape[1])
        placed[inside] = normed

        def encode(part: torch.Tensor, longest: int) -> torch.Tensor:
            x = placed[part, :longest]
            for block in self.blocks:
                x = block(x)
            return F.pad(x, (0, 0, 0, width - longest))

        return in_order_of_length(inside.sum(dim=1), _ROWS, encode)
