"""Causal Transformer over one modality of the histories."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

from recbole_cammsr.model.encoder import Block


class ModalityEncoder(nn.Module):
    """LayerNorm, dropout and causal blocks over one modality of the histories.

    Args:
        layers: number of blocks.
        block_options: arguments of :class:`~recbole_cammsr.model.encoder.Block`.
    """

    def __init__(self, layers: int, **block_options: Any) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(block_options["dimension"], eps=1e-12)
        self.dropout = nn.Dropout(block_options["hidden_dropout"])
        self.blocks = nn.ModuleList(Block(norm="layernorm", **block_options) for _ in range(layers))

    def forward(self, vectors: torch.Tensor, inside: torch.Tensor) -> torch.Tensor:
        """State after each prefix.

        Args:
            vectors: ``(P, d)`` of the positions that are not padding.
            inside: ``(B, L)`` bool, where they are; rows are left-aligned.

        Returns:
            ``(B, L, d)``.
        """
        normed = self.dropout(self.norm(vectors))
        x = normed.new_zeros(*inside.shape, normed.shape[1])
        x[inside] = normed
        for block in self.blocks:
            x = block(x)
        return x
