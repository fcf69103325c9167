"""SASRecMM: SASRec over items whose modalities are added up or concatenated.

The simple baseline that a multimodal model has to beat. The encoder is that of SASRec (Kang and
McAuley, "Self-Attentive Sequential Recommendation", ICDM 2018) with cross-entropy over the
catalogue, as RecBole trains it. With ``modalities: []`` it is SASRec in packed training.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

from recbole_cammsr.model.catalogue_recommender import CatalogueRecommender
from recbole_cammsr.model.encoder import HistoryEncoder
from recbole_cammsr.model.item_init import ItemInit
from recbole_cammsr.model.item_table import RankingTable
from recbole_cammsr.model.pick import pick


class SASRecMM(CatalogueRecommender):
    """SASRec with ID embedding and projected features, summed or concatenated."""

    projection_key = "item_init.projections.{index}.weight"

    def __init__(self, config: Any, dataset: Any) -> None:
        super().__init__(config, dataset)
        dimension = config["hidden_size"]
        self.item_init = ItemInit.of_tables(
            self.tables, self.n_items, dimension, use_id=config["use_id"]
        )
        self.concatenated: nn.Linear | None = None
        if config["multimodal_fusion"] == "concat":
            self.concatenated = nn.Linear(self.item_init.n_modalities * dimension, dimension)
        self.encoder = HistoryEncoder.of_config(
            config,
            self.max_seq_length,
            norm_first=bool(config["norm_first"]),
            position_encoding=config["position_encoding"],
        )
        self.reset_linear_and_embeddings(config["initializer_range"])
        self.item_init.reset_parameters(config["initializer_range"])

    def make_ranking_table(self) -> RankingTable:
        """Fused vectors of all items: what the encoder reads and users are compared with.

        Returns:
            The table, rows indexed by item id.
        """
        modalities = self.item_init.catalogue()
        if self.concatenated is None:
            items = modalities.sum(dim=1)
        else:
            items = self.concatenated(modalities.flatten(start_dim=1))
        return RankingTable(items, items)

    def forward(self, interaction: Any) -> torch.Tensor:
        """User vector of each row, from the state after its last item.

        Args:
            interaction: batch with history list and history length.

        Returns:
            ``(B, d)``.
        """
        return self.encoder.last_states(
            self.ranking_table().items, interaction[self.ITEM_SEQ], interaction[self.ITEM_SEQ_LEN]
        )

    def calculate_loss(self, interaction: Any) -> tuple[torch.Tensor, ...]:
        """Cross-entropy over the catalogue of a batch of packed or classic rows.

        Args:
            interaction: batch with history list ``(B, L)``, length and next item.

        Returns:
            One scalar, named by ``loss_names``.
        """
        interaction = self.trimmed(interaction)
        table = self.ranking_table()
        states = self.encoder(pick(table.items, interaction[self.ITEM_SEQ]))
        return (self.recommendation_loss(states, interaction, table.candidates),)
