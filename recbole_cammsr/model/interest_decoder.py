"""A history read together with the interests that it shows: MISSRec's encoder and decoder."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

from recbole_cammsr.model.dropout import Dropout, use_fast_dropout
from recbole_cammsr.model.transformer_block import ACTIVATIONS, at_positions

# of all norms, as in the authors' code and as RecBole has it
_EPS = 1e-12


class InterestDecoder(nn.Module):
    """Transformer encoder over a history's interests, decoder over its items.

    Source: Wang et al., MISSRec (ACM MM 2023). The encoder sees a set: interests have no
    positions. The decoder is not causal: an item attends to the whole history, and to all of its
    interests, so a row can have one target only, the item after all of them.

    Args:
        dimension: hidden size ``d``.
        layers: blocks, half of them in the encoder, half in the decoder.
        heads: attention heads; must divide ``d``.
        inner: width of the feed-forward layers.
        dropout: of embeddings, attention weights, attention output and feed-forward.
        activation: a value of `hidden_act`.
        positions: longest history.

    Raises:
        ValueError: ``layers`` is odd.
    """

    def __init__(
        self,
        *,
        dimension: int,
        layers: int,
        heads: int,
        inner: int,
        dropout: float,
        activation: str,
        positions: int,
    ) -> None:
        super().__init__()
        if layers % 2:
            raise ValueError(
                f"`n_layers` is {layers}; MISSRec has as many blocks for interests as for items: "
                f"take an even number."
            )
        options = {
            "d_model": dimension,
            "nhead": heads,
            "dim_feedforward": inner,
            "dropout": dropout,
            "activation": ACTIVATIONS[activation],
            "layer_norm_eps": _EPS,
            "batch_first": True,
        }
        self.position = nn.Embedding(positions, dimension)
        self.embedding_norm = nn.LayerNorm(dimension, _EPS)
        self.dropout = Dropout(dropout)
        self.encoder = nn.TransformerEncoder(
            nn.TransformerEncoderLayer(**options),  # type: ignore[arg-type]
            layers // 2,
            nn.LayerNorm(dimension, _EPS),
            enable_nested_tensor=False,
        )
        self.decoder = nn.TransformerDecoder(
            nn.TransformerDecoderLayer(**options),  # type: ignore[arg-type]
            layers // 2,
            nn.LayerNorm(dimension, _EPS),
        )
        use_fast_dropout(self)
        for parameter in [*self.encoder.parameters(), *self.decoder.parameters()]:
            if parameter.dim() > 1:
                nn.init.xavier_uniform_(parameter)

    def forward(
        self,
        items: torch.Tensor,
        known: torch.Tensor,
        interests: torch.Tensor,
        held: torch.Tensor,
        ends: torch.Tensor,
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """States of the last items of histories, and of all their interests.

        Args:
            items: ``(B, L, d)``.
            known: ``(B, L)`` bool, False where padded.
            interests: ``(B, W, d)``, zero where padded.
            held: ``(B, W)`` bool, False where padded; a row may hold none.
            ends: ``(B,)`` positions of the last items.

        Returns:
            ``(B, d)`` and ``(B, W, d)``.
        """
        # attention over nothing is not a number: who holds no interest is given one for it, which
        # says nothing and from which nothing is learned
        without = ~held.any(dim=1, keepdim=True)
        held = held | (without & (torch.arange(held.shape[1], device=held.device) == 0))
        memory = self.encoder(interests, src_key_padding_mask=~held)
        memory = memory.masked_fill(without.unsqueeze(2), 0.0)
        rows = self.dropout(
            self.embedding_norm(items + self.position.weight[: items.shape[1]].to(items.dtype))
        )
        *first, last = self.decoder.layers
        for layer in first:
            rows = layer(rows, memory, tgt_key_padding_mask=~known, memory_key_padding_mask=~held)
        state = _state_at(last, rows, memory, ends, ~known, ~held)
        norm: Any = self.decoder.norm
        return norm(state).squeeze(1), memory


def _state_at(
    layer: Any,
    rows: torch.Tensor,
    memory: torch.Tensor,
    ends: torch.Tensor,
    padded: torch.Tensor,
    not_held: torch.Tensor,
) -> torch.Tensor:
    """What a decoder layer of torch's makes of one position of each row, and of that alone.

    Args:
        layer: an ``nn.TransformerDecoderLayer`` with its norms after the sums.
        rows: ``(B, L, d)``.
        memory: ``(B, W, d)``.
        ends: ``(B,)`` positions.
        padded: ``(B, L)`` bool.
        not_held: ``(B, W)`` bool.

    Returns:
        ``(B, 1, d)``.
    """
    state = at_positions(rows, ends)
    read = layer.self_attn(state, rows, rows, key_padding_mask=padded, need_weights=False)[0]
    state = layer.norm1(state + layer.dropout1(read))
    read = layer.multihead_attn(
        state, memory, memory, key_padding_mask=not_held, need_weights=False
    )[0]
    state = layer.norm2(state + layer.dropout2(read))
    inner = layer.dropout(layer.activation(layer.linear1(state)))
    normed: torch.Tensor = layer.norm3(state + layer.dropout3(layer.linear2(inner)))
    return normed
