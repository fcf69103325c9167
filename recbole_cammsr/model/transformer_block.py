"""A block of the causal Transformer (docs/model.md eq. 7)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import nn

from recbole_cammsr.model.dropout import Dropout
from recbole_cammsr.model.dyt import make_norm
from recbole_cammsr.model.recency import RecencyBias

#: values of `hidden_act`
ACTIVATIONS: dict[str, Callable[[torch.Tensor], torch.Tensor]] = {
    "gelu": F.gelu,
    "relu": F.relu,
    "silu": F.silu,
}


def block_options(config: Any) -> dict[str, Any]:
    """Arguments of :class:`Block` that every model here has as settings.

    Args:
        config: RecBole's Config.

    Returns:
        All of its arguments but ``norm``.
    """
    return {
        "dimension": config["hidden_size"],
        "heads": config["n_heads"],
        "inner": config["inner_size"],
        "hidden_dropout": config["hidden_dropout_prob"],
        "attention_dropout": config["attn_dropout_prob"],
        "activation": config["hidden_act"],
    }


def at_positions(rows: torch.Tensor, positions: torch.Tensor) -> torch.Tensor:
    """One position of each row.

    Args:
        rows: ``(B, L, d)``.
        positions: ``(B,)``.

    Returns:
        ``(B, 1, d)``.
    """
    return rows[torch.arange(len(rows), device=rows.device), positions].unsqueeze(1)


class Block(nn.Module):
    """Attention and feed-forward, each with dropout, residual and norm.

    Source: docs/model.md eq. 7. With the norm after the residual it is SASRec's block; with
    the norm before, nothing stands on the residual path, and the caller norms the last state.

    Args:
        dimension: hidden size ``d``.
        heads: attention heads; must divide ``d``.
        inner: width of the feed-forward layer.
        hidden_dropout: after attention and feed-forward.
        attention_dropout: on attention weights.
        activation: ``gelu``, ``relu`` or ``silu``.
        norm: ``layernorm`` or ``dyt``.
        norm_first: norm what attention and feed-forward read, instead of the residual sum.
        recency: relative positions; None leaves attention to content alone.
    """

    def __init__(
        self,
        *,
        dimension: int,
        heads: int,
        inner: int,
        hidden_dropout: float,
        attention_dropout: float,
        activation: str,
        norm: str,
        norm_first: bool = False,
        recency: RecencyBias | None = None,
    ) -> None:
        super().__init__()
        self.norm_first = norm_first
        self.heads = heads
        self.recency = recency
        self.attention_dropout = attention_dropout
        self.activation = ACTIVATIONS[activation]
        self.query_key_value = nn.Linear(dimension, 3 * dimension)
        self.attention_out = nn.Linear(dimension, dimension)
        self.attention_norm = make_norm(norm, dimension)
        self.inner = nn.Linear(dimension, inner)
        self.outer = nn.Linear(inner, dimension)
        self.feed_forward_norm = make_norm(norm, dimension)
        self.dropout = Dropout(hidden_dropout)

    def forward(self, x: torch.Tensor, ends: torch.Tensor | None = None) -> torch.Tensor:
        """One block.

        Args:
            x: ``(B, L, d)``; rows are left-aligned, so causality alone keeps padding out.
            ends: ``(B,)`` the one position of each row whose state is asked for; None for all.
                Keys and values are all that the others are read for.

        Returns:
            ``(B, L, d)``, or ``(B, 1, d)`` with ``ends``.
        """
        state = x if ends is None else at_positions(x, ends)
        if self.norm_first:
            state = state + self.dropout(self._attend(self.attention_norm(x), ends))
            state = state + self.dropout(self._feed_forward(self.feed_forward_norm(state)))
        else:
            state = self.attention_norm(state + self.dropout(self._attend(x, ends)))
            state = self.feed_forward_norm(state + self.dropout(self._feed_forward(state)))
        return state

    def _feed_forward(self, x: torch.Tensor) -> torch.Tensor:
        outer: torch.Tensor = self.outer(self.activation(self.inner(x)))
        return outer

    def _attend(self, x: torch.Tensor, ends: torch.Tensor | None) -> torch.Tensor:
        query, key, value = (each.transpose(1, 2) for each in self._heads(x, ends))
        bias = self._bias(ends, x.shape[1], query.dtype)
        attended = F.scaled_dot_product_attention(
            query,
            key,
            value,
            attn_mask=bias,
            dropout_p=self.attention_dropout if self.training else 0.0,
            is_causal=bias is None,
        )
        out: torch.Tensor = self.attention_out(attended.transpose(1, 2).flatten(2))
        return out

    def _heads(self, x: torch.Tensor, ends: torch.Tensor | None) -> Sequence[torch.Tensor]:
        """Queries, keys and values, each ``(B, L, heads, d / heads)``; with ``ends`` one query."""
        if ends is None:
            return self.query_key_value(x).unflatten(2, (3, self.heads, -1)).unbind(2)
        parts = (x.shape[2], 2 * x.shape[2])
        weights, biases = (each.split(parts) for each in self.query_key_value.parameters())
        query = F.linear(at_positions(x, ends), weights[0], biases[0])
        both = F.linear(x, weights[1], biases[1]).unflatten(2, (2, self.heads, -1))
        return query.unflatten(2, (self.heads, -1)), *both.unbind(2)

    def _bias(
        self, ends: torch.Tensor | None, length: int, dtype: torch.dtype
    ) -> torch.Tensor | None:
        """What is added to the logits of attention; None where causality is all there is to it."""
        if self.recency is not None:
            bias = self.recency(length, ends).to(dtype)
            return bias.unsqueeze(0) if ends is None else bias.transpose(0, 1).unsqueeze(2)
        if ends is None:
            return None
        later = torch.arange(length, device=ends.device) > ends.unsqueeze(1)
        return torch.zeros_like(later, dtype=dtype).masked_fill(later, -torch.inf)[:, None, None]
