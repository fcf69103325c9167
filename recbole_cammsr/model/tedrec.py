"""TedRec: texts and item IDs of a history fused in the frequency domain.

Reference: Xu et al., "Sequence-level Semantic Representation Fusion for Recommender Systems"
(CIKM 2024).

The fusion is a circular convolution over the whole history, so a position's vector depends on the
items after it. That is no leak where a row has one target, the item after all of them; a packed
row, with a target at every position, would show the model what it is to predict. It is refused.

What differs from the authors' public code (docs/baselines.md has the figures):

- features are matched by token, not by taking the token for a row number; their dimension is read
  from the file; they are held once, in `feature_dtype`, and never in a checkpoint;
- padding is nothing: zeros in the fusion, and no candidate of the softmax. In the authors' code
  its random vector and the shifts of the text adaptor stand at every padded position and are
  convolved into the items, and it is a candidate; `original_defects: True` brings it back;
- ``predict`` works, so that sampled evaluation does.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import nn

from recbole_cammsr.model.encoder import HistoryEncoder
from recbole_cammsr.model.frequency_fusion import FrequencyFusion
from recbole_cammsr.model.frozen_features import ItemSelection
from recbole_cammsr.model.item_init import embedding_rows
from recbole_cammsr.model.item_table import RankingTable
from recbole_cammsr.model.length_order import by_length, in_their_order
from recbole_cammsr.model.pick import pick
from recbole_cammsr.model.settings import refuse_without_id
from recbole_cammsr.model.text_recommender import TextRecommender

# rows fused and encoded at a time at most, of about one length, in ranking and in training
_RANKED_ROWS = 256
_TRAINED_ROWS = 128


class TedRec(TextRecommender):
    """Text-ID fusion of whole sequences for sequential recommendation."""

    def __init__(self, config: Any, dataset: Any) -> None:
        if config["train_packing"]:
            raise ValueError(
                "`train_packing` is True, but TedRec convolves the whole history, so the positions "
                "of a packed row would see the items they are to predict; set `train_packing: "
                "False`."
            )
        refuse_without_id(config)
        super().__init__(config, dataset, positions=config["MAX_ITEM_LIST_LENGTH"])
        self.dimension, std = config["hidden_size"], config["initializer_range"]
        self.id_embedding = nn.Embedding(self.n_items, self.dimension, padding_idx=0)
        self.fusion = FrequencyFusion(self.dimension, self.max_seq_length)
        self.encoder = HistoryEncoder.of_config(config, self.max_seq_length)
        self.reset_linear_and_embeddings(std)
        self.adaptor.reset_parameters(std)
        self.fusion.reset_parameters(std)
        if self.original_defects:
            nn.init.normal_(self.id_embedding.weight[0].detach(), std=std)

    # ---------------------------------------------------------------- items

    def item_rows(self, items: ItemSelection) -> torch.Tensor:
        """What the fusion needs of some items, side by side: ID, text and gates of its experts.

        Args:
            items: ``(n,)`` ids, a range of ids as a slice, or None for all.

        Returns:
            ``(n, d + d + K)``; the text without the shifts of the positions.
        """
        ids = embedding_rows(self.id_embedding, items)
        mixture, gates = self.adaptor.mixture(self.text_features(items))
        return torch.cat([ids, mixture.to(ids.dtype), gates.to(ids.dtype)], dim=1)

    def make_ranking_table(self) -> RankingTable:
        """:meth:`item_rows` of all items, and their ID embeddings at unit length to be ranked.

        Returns:
            The table, rows indexed by item id.
        """
        rows = self.rows_by_block()
        if not self.original_defects:
            rows = torch.cat([torch.zeros_like(rows[:1]), rows[1:]])
        return RankingTable(rows, F.normalize(self.id_embedding.weight, dim=1))

    # ---------------------------------------------------------------- users

    def fuse(self, rows: torch.Tensor) -> torch.Tensor:
        """Histories in which every position has read the others.

        Args:
            rows: ``(B, L, d + d + K)``, see :meth:`item_rows`; zero at padded positions.

        Returns:
            ``(B, L, d)``.
        """
        ids, mixture, gates = rows.split(
            [self.dimension, self.dimension, rows.shape[2] - 2 * self.dimension], dim=2
        )
        return self.fusion(ids, mixture - self.adaptor.shifted(gates))

    def forward(self, interaction: Any) -> torch.Tensor:
        """User vector of each row, from the state after its last item.

        Args:
            interaction: batch with history list and history length.

        Returns:
            ``(B, d)``, of unit length.
        """
        table = self.ranking_table().items
        history = self._padded(interaction[self.ITEM_SEQ])
        lots = by_length(interaction[self.ITEM_SEQ_LEN], _RANKED_ROWS)
        rows = (pick(table, history[part, : self._read(longest)]) for part, longest in lots)
        return F.normalize(self._last_states(interaction, lots, rows), dim=1)

    def _read(self, longest: int) -> int:
        """How many positions are fused of rows of which the longest has so many items."""
        # the encoder is causal, so what it reads can be trimmed; what is fused cannot be where
        # padding takes part
        return self.max_seq_length if self.original_defects else longest

    def _last_states(
        self,
        interaction: Any,
        lots: Sequence[tuple[torch.Tensor, int]],
        rows: Iterable[torch.Tensor],
    ) -> torch.Tensor:
        """States after the last items; most of a batch is padding, which is not encoded.

        Args:
            interaction: batch with history list ``(B, L)`` and length.
            lots: rows fused and encoded together, see :func:`by_length`.
            rows: :meth:`item_rows` of the positions read, of each lot.

        Returns:
            ``(B, d)``.
        """
        length = interaction[self.ITEM_SEQ_LEN]
        ends = []
        for (part, longest), positions in zip(lots, rows):
            fused = self.fuse(positions)[:, :longest]
            ends.append(self.encoder(fused, None, length[part] - 1))
        return in_their_order(lots, ends)

    def _padded(self, history: torch.Tensor) -> torch.Tensor:
        """Histories of the width of the fusion, where the padding takes part in it."""
        missing = self.max_seq_length - history.shape[1] if self.original_defects else 0
        return F.pad(history, (0, missing))

    # ---------------------------------------------------------------- training

    def calculate_loss(self, interaction: Any) -> tuple[torch.Tensor, ...]:
        """Cross-entropy over the catalogue of a batch of RecBole's classic rows.

        Args:
            interaction: batch with history list ``(B, L)``, length and next item.

        Returns:
            One scalar, named by ``loss_names``.
        """
        history = self._padded(interaction[self.ITEM_SEQ])
        known = torch.ones_like(history, dtype=torch.bool) if self.original_defects else history > 0
        items, where = self.numbered_rows(history, known)
        lots = by_length(interaction[self.ITEM_SEQ_LEN], _TRAINED_ROWS)
        numbers = [where[part, : self._read(longest)] for part, longest in lots]
        # all at once: each embedding has a gradient of the size of all items
        rows = F.embedding(torch.cat([number.flatten() for number in numbers]), items)
        split = rows.split([number.numel() for number in numbers])
        shaped = (each.view(*number.shape, -1) for each, number in zip(split, numbers))
        users = self.user_vectors(self._last_states(interaction, lots, shaped))
        candidates = F.normalize(self.id_embedding.weight, dim=1)
        return (self.catalogue_loss(users, interaction[self.POS_ITEM_ID], candidates),)
