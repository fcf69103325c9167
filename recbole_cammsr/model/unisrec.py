"""UniSRec: item texts through a mixture-of-experts adaptor, then a causal Transformer.

Reference: Hou et al., "Towards Universal Sequence Representation Learning for Recommender
Systems" (KDD 2022), trained on one data set from scratch: inductive (texts only, ``use_id:
False``) or transductive (texts and item IDs). Their pre-training on other data sets is not part
of it.

What differs from the authors' public code (docs/baselines.md has the figures):

- features are matched by token, not by taking the token for a row number; their dimension is read
  from the file; they are held once, in `feature_dtype`, and never in a checkpoint;
- the padding item is no candidate of the softmax. In the authors' code it is, and in the inductive
  setting its vector starts as exactly zero, where the gradient of normalising it is 1e12 times
  that of the other items; `original_defects: True` brings it back;
- an item without text is a learned vector (for the same reason, not a zero row);
- ``predict`` works, so that sampled evaluation does.

The contrastive mask that counts false negatives belongs to the pre-training.
"""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import nn

from recbole_cammsr.model.encoder import HistoryEncoder
from recbole_cammsr.model.frozen_features import ItemSelection
from recbole_cammsr.model.item_init import embedding_rows
from recbole_cammsr.model.item_table import RankingTable
from recbole_cammsr.model.text_recommender import TextRecommender


class UniSRec(TextRecommender):
    """Universal sequence representations from item texts, and item IDs if wanted."""

    def __init__(self, config: Any, dataset: Any) -> None:
        super().__init__(config, dataset)
        dimension, std = config["hidden_size"], config["initializer_range"]
        self.id_embedding: nn.Embedding | None = None
        if config["use_id"]:
            self.id_embedding = nn.Embedding(self.n_items, dimension, padding_idx=0)
        self.missing: nn.Parameter | None = None
        if not self.original_defects:
            self.missing = nn.Parameter(torch.empty(dimension))
            nn.init.normal_(self.missing, std=std)
        self.encoder = HistoryEncoder.of_config(config, self.max_seq_length)
        self.reset_linear_and_embeddings(std)
        self.adaptor.reset_parameters(std)
        if self.original_defects and self.id_embedding is not None:
            nn.init.normal_(self.id_embedding.weight[0].detach(), std=std)

    def item_rows(self, items: ItemSelection) -> torch.Tensor:
        """Adapted text, and ID embedding if used, of some items.

        Args:
            items: ``(n,)`` ids, a range of ids as a slice, or None for all.

        Returns:
            ``(n, d)``.
        """
        features = self.text_features(items)
        vectors = self.adaptor(features)
        if self.missing is not None:
            has_text = features.any(dim=1, keepdim=True)
            vectors = torch.where(has_text, vectors, self.missing.to(vectors.dtype))
        if self.id_embedding is None:
            return vectors
        return vectors + embedding_rows(self.id_embedding, items)

    def make_ranking_table(self) -> RankingTable:
        """Vectors of all items, and the same at unit length to be ranked.

        Returns:
            The table, rows indexed by item id.
        """
        items = self.rows_by_block()
        return RankingTable(items, F.normalize(items, dim=1))

    def forward(self, interaction: Any) -> torch.Tensor:
        """User vector of each row, from the state after its last item.

        Args:
            interaction: batch with history list and history length.

        Returns:
            ``(B, d)``, of unit length.
        """
        states = self.encoder.last_states(
            self.ranking_table().items, interaction[self.ITEM_SEQ], interaction[self.ITEM_SEQ_LEN]
        )
        return F.normalize(states, dim=1)

    def calculate_loss(self, interaction: Any) -> tuple[torch.Tensor, ...]:
        """Cross-entropy over the catalogue of a batch of packed or classic rows.

        Noise and dropout of the adaptor are drawn for the histories (see `adaptor_draws`) and,
        apart from them, for the candidates.

        Args:
            interaction: batch with history list ``(B, L)``, length and next item.

        Returns:
            One scalar, named by ``loss_names``.
        """
        interaction = self.trimmed(interaction)
        history = interaction[self.ITEM_SEQ]
        states = self.encoder(self.history_rows(history, history > 0))
        candidates = F.normalize(self.rows_by_block(), dim=1)
        return (self.recommendation_loss(states, interaction, candidates),)
