"""Causal Transformer over a user's history (docs/model.md eq. 7)."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

from recbole_cammsr.model.dropout import Dropout
from recbole_cammsr.model.dyt import make_norm
from recbole_cammsr.model.history_scale import HistoryScale
from recbole_cammsr.model.length_order import in_order_of_length
from recbole_cammsr.model.pick import pick
from recbole_cammsr.model.recency import RecencyBias
from recbole_cammsr.model.temporal_experts import TemporalExperts
from recbole_cammsr.model.transformer_block import Block, block_options

#: values of `position_encoding`
POSITION_ENCODINGS = ("absolute", "relative")


class HistoryEncoder(nn.Module):
    """Items scaled and told their times and absolute positions, where used; then causal blocks.

    Args:
        dimension: hidden size ``d``.
        max_length: longest history.
        layers: number of blocks.
        intervals: number of interval buckets, 0 without interval encoding.
        hidden_dropout: also applied to the embedding sum.
        norm: of the blocks; the embedding sum always has a LayerNorm, see DyT.
        norm_first: of the blocks; the last block's states are then normed as well.
        position_encoding: ``absolute``: a vector per position, added to the item's; ``relative``:
            a bias per distance in the attention of every block.
        position_slope: of relative positions, see :class:`RecencyBias`.
        temporal_experts: what times do to the items; None without them.
        history_scale: start of :class:`HistoryScale`; 0 without. Temporal experts scale the items
            themselves and take its place.
        block_options: the rest of :class:`Block`'s arguments.
    """

    def __init__(
        self,
        *,
        dimension: int,
        max_length: int,
        layers: int,
        intervals: int,
        hidden_dropout: float,
        norm: str,
        heads: int,
        norm_first: bool = False,
        position_encoding: str = "absolute",
        position_slope: float = 0.5,
        temporal_experts: TemporalExperts | None = None,
        history_scale: float = 0.0,
        **block_options: object,
    ) -> None:
        super().__init__()
        relative = position_encoding == "relative"
        self.position = None if relative else nn.Embedding(max_length, dimension)
        self.interval = nn.Embedding(intervals, dimension) if intervals else None
        self.temporal_experts = temporal_experts
        self.scale: HistoryScale | None = None
        if history_scale and temporal_experts is None:
            self.scale = HistoryScale(dimension, history_scale)
        self.embedding_norm = make_norm("layernorm", dimension)
        self.dropout = Dropout(hidden_dropout)
        self.blocks = nn.ModuleList(
            Block(
                dimension=dimension,
                heads=heads,
                hidden_dropout=hidden_dropout,
                norm=norm,
                norm_first=norm_first,
                recency=RecencyBias(heads=heads, max_length=max_length, slope=position_slope)
                if relative
                else None,
                **block_options,  # type: ignore[arg-type]
            )
            for _ in range(layers)
        )
        self.last_norm = make_norm(norm, dimension) if norm_first else None

    @classmethod
    def of_config(
        cls,
        config: Any,
        max_length: int,
        intervals: int = 0,
        norm: str = "layernorm",
        norm_first: bool = False,
        position_encoding: str = "absolute",
        temporal_experts: TemporalExperts | None = None,
        history_scale: float = 0.0,
    ) -> HistoryEncoder:
        """An encoder of the sizes and dropouts that the settings name.

        Args:
            config: RecBole's Config.
            max_length: longest history.
            intervals: see the class.
            norm: see the class.
            norm_first: see the class.
            position_encoding: see the class; the slope is a setting.
            temporal_experts: see the class.
            history_scale: see the class.
        """
        relative = position_encoding == "relative"
        encoder = cls(
            max_length=max_length,
            layers=config["n_layers"],
            intervals=intervals,
            norm=norm,
            norm_first=norm_first,
            position_encoding=position_encoding,
            position_slope=float(config["position_slope"] or 0) if relative else 0.0,
            temporal_experts=temporal_experts,
            history_scale=history_scale,
            **block_options(config),
        )
        if config["compile_encoder"]:
            # the encoder alone: the item side's shapes depend on which items a batch holds, and it
            # would be compiled anew again and again (docs/performance.md)
            encoder.compile(dynamic=True)
        return encoder

    def forward(
        self,
        items: torch.Tensor,
        times: torch.Tensor | None = None,
        ends: torch.Tensor | None = None,
    ) -> torch.Tensor:
        """Hidden state after each prefix, or after one of each row.

        Args:
            items: ``(B, L, d)`` item vectors, left-aligned.
            times: ``(B, L)``, needed where times are used: interval buckets, or exact times for
                temporal experts.
            ends: ``(B,)`` the one position of each row whose state is asked for, which spares most
                of the last block; None for all.

        Returns:
            ``(B, L, d)``; position k has seen items 0..k. With ``ends`` ``(B, d)``.
        """
        x = items
        if self.temporal_experts is not None:
            x = self.temporal_experts(x, times)
        if self.scale is not None:
            x = self.scale(x)
        if self.position is not None:
            x = x + self.position.weight[: items.shape[1]]
        if self.interval is not None:
            x = x + self.interval(times)
        x = self.dropout(self.embedding_norm(x))
        *first, last = self.blocks
        for block in first:
            x = block(x)
        states = last(x) if ends is None else last(x, ends).squeeze(1)
        return states if self.last_norm is None else self.last_norm(states)

    def last_states(
        self,
        table: torch.Tensor,
        history: torch.Tensor,
        length: torch.Tensor,
        times: torch.Tensor | None = None,
        rows: int = 256,
    ) -> torch.Tensor:
        """State after the last item of each row.

        Rows go through in order of length, some at a time and each part trimmed to its longest:
        most of the positions of a ranking batch are padding.

        Args:
            table: ``(n_items, d)`` item vectors.
            history: ``(B, L)`` item ids, left-aligned.
            length: ``(B,)``, at least 1.
            times: ``(B, L)``, as in :meth:`forward`.
            rows: encoded at a time.

        Returns:
            ``(B, d)``, in the order of the rows.
        """

        def encode(part: torch.Tensor, longest: int) -> torch.Tensor:
            of_part = None if times is None else times[part, :longest]
            items = pick(table, history[part, :longest])
            ends: torch.Tensor = self(items, of_part, length[part] - 1)
            return ends

        return in_order_of_length(length, rows, encode)
