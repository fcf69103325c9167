"""CAMMSR as a RecBole sequential recommender.

Reference: Xu et al., "CAMMSR: Category-Guided Attentive Mixture of Experts for Multimodal
Sequential Recommendation", ICDE 2026 (arXiv 2603.04320). The equations are this project's own
reading of the public description: docs/model.md.
"""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F

from recbole_cammsr.data.history_times import FIELD_OF_ENCODING
from recbole_cammsr.model.catalogue_recommender import CatalogueRecommender
from recbole_cammsr.model.encoder import HistoryEncoder
from recbole_cammsr.model.info_nce import symmetric_info_nce
from recbole_cammsr.model.item_encoder import ItemEncoder
from recbole_cammsr.model.item_table import Catalogue, ItemTable, RankingTable
from recbole_cammsr.model.losses import catalogue_cross_entropy
from recbole_cammsr.model.modality_swap import swapped_views
from recbole_cammsr.model.pick import pick
from recbole_cammsr.model.sampled_softmax import NegativeSampler, sampled_cross_entropy
from recbole_cammsr.model.temporal_experts import TemporalExperts, unit_warning
from recbole_cammsr.model.unused_settings import tell_of_unused_weight


class CAMMSR(CatalogueRecommender):
    """Category-guided attentive mixture of experts for multimodal sequential recommendation."""

    projection_key = "item_encoder.item_init.projections.{index}.weight"

    def __init__(self, config: Any, dataset: Any) -> None:
        super().__init__(config, dataset)
        tables = dataset.feature_tables
        categories = dataset.categories if config["category_weight"] else None
        self.category_weight = float(config["category_weight"] or 0.0)
        self.swap_weight = float(config["swap_weight"] or 0.0)
        self.swap_ratio = config["swap_ratio"]
        self.swap_temperature = config["swap_temperature"]
        self.cosine = config["scoring"] == "cosine"
        self.score_temperature = config["score_temperature"]
        self.item_block = config["item_block"]
        encoding = config["time_encoding"]
        self.time_list: str | None = None
        if encoding in FIELD_OF_ENCODING:
            self.time_list = FIELD_OF_ENCODING[encoding] + config["LIST_SUFFIX"]

        self.item_encoder = ItemEncoder(config, self.n_items, tables, categories)
        self.sampler: NegativeSampler | None = None
        if config["softmax_samples"]:
            counts = torch.bincount(dataset.inter_feat[self.ITEM_ID], minlength=self.n_items)
            self.sampler = NegativeSampler(counts, config["softmax_samples"])
        self.encoder = HistoryEncoder.of_config(
            config,
            self.max_seq_length,
            intervals=config["interval_buckets"] if encoding == "interval" else 0,
            norm=config["norm"],
            norm_first=bool(config["norm_first"]),
            position_encoding=config["position_encoding"],
            temporal_experts=self._temporal_experts(config, dataset),
            history_scale=float(config["history_scale"] or 0),
        )
        self.categorises = categories is not None
        self.swaps = self.swap_weight > 0 and self.item_encoder.n_modalities > 1
        if self.categorises:
            self.loss_names += ("category",)
        if self.swaps:
            self.loss_names += ("swap",)
        elif self.swap_weight:
            reason = "items have one modality, the ID counted, and nothing to swap it with."
            tell_of_unused_weight(config, "swap_weight", reason)
        self.reset_linear_and_embeddings(config["initializer_range"])
        self.item_encoder.reset_parameters(config["initializer_range"])

    def _temporal_experts(self, config: Any, dataset: Any) -> TemporalExperts | None:
        if config["time_encoding"] != "experts":
            return None
        if config["history_scale"]:
            self.logger.warning(
                "`history_scale` is not used: `time_encoding: experts` scales the items of the "
                "history in its place."
            )
        odd = unit_warning(dataset.time_span, config["time_unit"])
        if odd:
            self.logger.warning(odd)
        return TemporalExperts.of_config(config, dataset.longest_interval, dataset.first_time)

    # ---------------------------------------------------------------- items

    def item_table(self) -> ItemTable:
        """Every item's vectors, modality weights, expert attention and predicted categories.

        Returns:
            The table, rows indexed by item id; for analysis, it is made anew at every call.
        """
        return self.item_encoder.table()

    def make_ranking_table(self) -> RankingTable:
        """The vectors of all items, by blocks: CAMoE sees nothing but the item.

        Returns:
            The table, rows indexed by item id.
        """
        return self.item_encoder.ranking_table(self.item_block)

    # ---------------------------------------------------------------- users

    def _times(self, interaction: Any) -> torch.Tensor | None:
        return None if self.time_list is None else interaction[self.time_list]

    def history_fields(self) -> list[str]:
        """Fields of a row that :meth:`forward` reads."""
        fields = super().history_fields()
        return fields if self.time_list is None else [*fields, self.time_list]

    def user_vectors(self, states: torch.Tensor) -> torch.Tensor:
        """What candidates are compared with: ``u``, or ``u / (|u| temperature)`` for cosine.

        Args:
            states: ``(..., d)`` hidden states.

        Returns:
            ``(..., d)``.
        """
        return F.normalize(states, dim=-1) / self.score_temperature if self.cosine else states

    def forward(self, interaction: Any) -> torch.Tensor:
        """User vector of each row, from the state after its last item.

        Args:
            interaction: batch with history list and history length.

        Returns:
            ``(B, d)``.
        """
        states = self.encoder.last_states(
            self.ranking_table().items,
            interaction[self.ITEM_SEQ],
            interaction[self.ITEM_SEQ_LEN],
            self._times(interaction),
        )
        return self.user_vectors(states)

    # ---------------------------------------------------------------- training

    def calculate_loss(self, interaction: Any) -> tuple[torch.Tensor, ...]:
        """Losses of a batch of packed or of RecBole's classic rows, named by ``loss_names``.

        Args:
            interaction: batch with history list ``(B, L)``, length and next item; packed rows also
                carry how many of their last positions are trained (classic rows: one).

        Returns:
            Weighted scalars; the trainer adds them up.
        """
        interaction = self.trimmed(interaction)
        history = interaction[self.ITEM_SEQ]
        length = interaction[self.ITEM_SEQ_LEN]
        next_item = interaction[self.POS_ITEM_ID]
        negatives = self.sampler.draw() if self.sampler is not None else None
        known = self._items_of_step(history, next_item, negatives)
        views = self.item_encoder.views(known)

        def row(items: torch.Tensor) -> torch.Tensor:
            return items if known is None else torch.searchsorted(known, items)

        # the experts run once per distinct item of the histories
        distinct, where = history.unique(return_inverse=True)
        of_history = views.rows(row(distinct))
        encoded = [pick(self.item_encoder.fuse(of_history).items, where)]
        if self.swaps:
            encoded += swapped_views(
                pick(of_history.modalities, where),
                # padding has no modality, also where items without any count as having all
                pick(of_history.mask, where) & (history > 0).unsqueeze(2),
                self.swap_ratio,
            )
        # the views share the encoder pass of the rows
        times = self._times(interaction)
        if times is not None:
            times = times.repeat(len(encoded), 1)
        states = self.encoder(torch.cat(encoded), times).split(len(history))

        users, targets = self.trained(states[0], interaction)
        if self.sampler is not None and negatives is not None:
            candidates = self.item_encoder.candidates(views)
            recommendation = sampled_cross_entropy(
                users,
                pick(candidates, row(targets)),
                targets,
                pick(candidates, row(negatives)),
                negatives,
                self.sampler.log_expected[negatives],
                self.max_logits,
            )
        else:
            if known is None:
                catalogue = Catalogue(self.item_encoder.candidates(views), None)
            else:
                catalogue = self.item_encoder.catalogue(self.item_block)
            recommendation = catalogue_cross_entropy(
                users, catalogue.vectors, catalogue.rows(targets), self.max_logits
            )
        losses = [recommendation]
        if self.categorises:
            losses.append(self.category_weight * self.item_encoder.category_loss(views, known))
        if self.swaps:
            view_a, view_b = (self.gather_indexes(view, length - 1) for view in states[1:])
            losses.append(
                self.swap_weight
                * symmetric_info_nce(view_a, view_b, next_item, self.swap_temperature)
            )
        return tuple(losses)

    def _items_of_step(
        self, history: torch.Tensor, next_item: torch.Tensor, negatives: torch.Tensor | None
    ) -> torch.Tensor | None:
        """Ids, ascending, of the items whose views a step holds; None for the whole catalogue."""
        if negatives is None and self.n_items <= self.item_block:
            return None
        parts = [history.flatten(), next_item]
        if negatives is not None:
            parts.append(negatives)
        return torch.cat(parts).unique()
