"""Causal Transformer over one modality of the histories."""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import nn

from recbole_cammsr.model.dropout import Dropout
from recbole_cammsr.model.length_order import in_order_of_length
from recbole_cammsr.model.transformer_block import Block

# rows encoded at a time: few enough to be of about one length, enough to keep a GPU busy
_ROWS = 256


class ModalityEncoder(nn.Module):
    """LayerNorm, dropout and causal blocks over one modality of the histories.

    Args:
        layers: number of blocks.
        block_options: arguments of :class:`~recbole_cammsr.model.transformer_block.Block`.
    """

    def __init__(self, layers: int, **block_options: Any) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(block_options["dimension"], eps=1e-12)
        self.dropout = Dropout(block_options["hidden_dropout"])
        self.blocks = nn.ModuleList(Block(norm="layernorm", **block_options) for _ in range(layers))

    def forward(
        self, vectors: torch.Tensor, inside: torch.Tensor, only_ends: bool = False
    ) -> torch.Tensor:
        """State after each prefix, or after the last item alone.

        Args:
            vectors: ``(P, d)`` of the positions that are not padding.
            inside: ``(B, L)`` bool, where they are; rows are left-aligned.
            only_ends: whether the states after the last items are all that is asked for, which
                spares most of the last block.

        Returns:
            ``(B, L, d)``, zero at padding beyond the longest of the rows encoded together; with
            ``only_ends`` ``(B, d)``.
        """
        normed = self.dropout(self.norm(vectors))
        width, length = inside.shape[1], inside.sum(dim=1)
        placed = normed.new_zeros(*inside.shape, normed.shape[1])
        placed[inside] = normed
        *first, last = self.blocks

        def encode(part: torch.Tensor, longest: int) -> torch.Tensor:
            x = placed[part, :longest]
            for block in first:
                x = block(x)
            if only_ends:
                ends: torch.Tensor = last(x, length[part] - 1).squeeze(1)
                return ends
            return F.pad(last(x), (0, 0, 0, width - longest))

        return in_order_of_length(length, _ROWS, encode)
