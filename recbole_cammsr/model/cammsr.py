"""CAMMSR as a RecBole sequential recommender.

Reference: Xu et al., "CAMMSR: Category-Guided Attentive Mixture of Experts for Multimodal
Sequential Recommendation", ICDE 2026 (arXiv 2603.04320). The equations are this project's own
reading of the public description: docs/model.md.
"""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from recbole.model.abstract_recommender import SequentialRecommender
from recbole.utils import InputType
from torch import nn

from recbole_cammsr.model.blockwise_softmax import blockwise_cross_entropy
from recbole_cammsr.model.encoder import HistoryEncoder
from recbole_cammsr.model.item_encoder import ItemEncoder
from recbole_cammsr.model.item_table import ItemTable, RankingTable
from recbole_cammsr.model.losses import catalogue_cross_entropy
from recbole_cammsr.model.modality_swap import contrastive_loss, swapped_views
from recbole_cammsr.model.provenance import Provenance
from recbole_cammsr.model.sampled_softmax import NegativeSampler, sampled_cross_entropy
from recbole_cammsr.model.settings import check_settings
from recbole_cammsr.model.targets import trained_positions

_INTERVAL_FIELD = "interval_bucket"
_TARGET_COUNT_FIELD = "target_count"


class CAMMSR(SequentialRecommender):
    """Category-guided attentive mixture of experts for multimodal sequential recommendation."""

    input_type = InputType.POINTWISE

    def __init__(self, config: Any, dataset: Any) -> None:
        super().__init__(config, dataset)
        check_settings(config)
        tables = dataset.feature_tables
        categories = dataset.categories if config["category_weight"] else None
        self.category_weight = float(config["category_weight"] or 0.0)
        self.swap_weight = float(config["swap_weight"] or 0.0)
        self.swap_ratio = config["swap_ratio"]
        self.swap_temperature = config["swap_temperature"]
        self.cosine = config["scoring"] == "cosine"
        self.score_temperature = config["score_temperature"]
        self.max_logits = config["max_logits"]
        self.item_block = config["item_block"]
        self.interval_list = _INTERVAL_FIELD + config["LIST_SUFFIX"]
        self.uses_intervals = config["time_encoding"] == "interval"
        self.provenance = Provenance.of(tables, categories)

        self.item_encoder = ItemEncoder(config, self.n_items, tables, categories)
        self.sampler: NegativeSampler | None = None
        if config["softmax_samples"]:
            counts = torch.bincount(dataset.inter_feat[self.ITEM_ID], minlength=self.n_items)
            self.sampler = NegativeSampler(counts, config["softmax_samples"])
        self.encoder = HistoryEncoder(
            dimension=config["hidden_size"],
            max_length=self.max_seq_length,
            layers=config["n_layers"],
            intervals=config["interval_buckets"] if self.uses_intervals else 0,
            hidden_dropout=config["hidden_dropout_prob"],
            norm=config["norm"],
            heads=config["n_heads"],
            inner=config["inner_size"],
            attention_dropout=config["attn_dropout_prob"],
            activation=config["hidden_act"],
        )
        self.categorises = categories is not None
        self.swaps = self.swap_weight > 0 and self.item_encoder.n_modalities > 1
        self.loss_names: tuple[str, ...] = ("recommendation",)
        if self.categorises:
            self.loss_names += ("category",)
        if self.swaps:
            self.loss_names += ("swap",)
        self._table: RankingTable | None = None
        self._reset_parameters(config["initializer_range"])

    def _reset_parameters(self, std: float) -> None:
        for module in self.modules():
            if isinstance(module, (nn.Linear, nn.Embedding)):
                nn.init.normal_(module.weight, std=std)
            if isinstance(module, nn.Linear) and module.bias is not None:
                nn.init.zeros_(module.bias)
        self.item_encoder.reset_parameters(std)

    # ---------------------------------------------------------------- items

    def item_table(self) -> ItemTable:
        """Every item's vectors, modality weights, expert attention and predicted categories.

        Returns:
            The table, rows indexed by item id; for analysis, it is made anew at every call.
        """
        return self.item_encoder.table()

    def ranking_table(self) -> RankingTable:
        """The vectors that ranking needs of every item.

        CAMoE sees nothing but the item, so it runs once per item. In eval mode without gradients
        the table is kept until the model is trained, loaded or moved.

        Returns:
            The table, rows indexed by item id.
        """
        keep = not self.training and not torch.is_grad_enabled()
        if keep and self._table is not None:
            return self._table
        table = self.item_encoder.ranking_table(self.item_block)
        if keep:
            self._table = table
        return table

    def train(self, mode: bool = True) -> CAMMSR:
        """Switch mode; drops the kept item table."""
        self._table = None
        super().train(mode)
        return self

    def load_state_dict(self, state_dict: Any, *args: Any, **kwargs: Any) -> Any:
        """Load parameters; drops the kept item table.

        Raises:
            ValueError: the checkpoint was trained with features of another dimension.
        """
        self._table = None
        self.provenance.check_dimensions(state_dict)
        return super().load_state_dict(state_dict, *args, **kwargs)

    def other_parameter(self) -> dict[str, Any]:
        """What RecBole stores beside the parameters: where the frozen features came from."""
        return {"item_side": self.provenance.digests}

    def load_other_parameter(self, para: dict[str, Any] | None) -> None:
        """Refuse a checkpoint whose features or categories are not those in memory.

        Raises:
            ValueError: names the file that changed.
        """
        if para is not None:
            self.provenance.check_digests(para.get("item_side"))

    def _apply(self, *args: Any, **kwargs: Any) -> Any:
        self._table = None
        return super()._apply(*args, **kwargs)

    # ---------------------------------------------------------------- users

    def hidden_states(self, interaction: Any, items: torch.Tensor) -> torch.Tensor:
        """State after every prefix of the histories.

        Args:
            interaction: batch with history list ``(B, L)``.
            items: ``(n_items, d)``.

        Returns:
            ``(B, L, d)``.
        """
        return self.encoder(items[interaction[self.ITEM_SEQ]], self._intervals(interaction))

    def _intervals(self, interaction: Any) -> torch.Tensor | None:
        return interaction[self.interval_list] if self.uses_intervals else None

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
            self._intervals(interaction),
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
        encoded = [self.item_encoder.fuse(of_history).items[where]]
        if self.swaps:
            encoded += swapped_views(
                of_history.modalities[where], of_history.mask[where], self.swap_ratio
            )
        # the views share the encoder pass of the rows
        intervals = self._intervals(interaction)
        if intervals is not None:
            intervals = intervals.repeat(len(encoded), 1)
        states = self.encoder(torch.cat(encoded), intervals).split(len(history))

        users, targets = trained_positions(
            states[0], history, length, next_item, self._target_count(interaction)
        )
        users = self.user_vectors(users)
        candidates = self.item_encoder.candidates(views)
        if self.sampler is not None and negatives is not None:
            recommendation = sampled_cross_entropy(
                users,
                candidates[row(targets)],
                targets,
                candidates[row(negatives)],
                negatives,
                self.sampler.log_expected[negatives],
            )
        elif known is None:
            recommendation = catalogue_cross_entropy(users, candidates, targets, self.max_logits)
        else:
            block = max(1, min(self.item_block, self.max_logits // max(len(users), 1)))
            recommendation = blockwise_cross_entropy(
                users,
                candidates[row(targets)],
                lambda items: self.item_encoder.candidates(self.item_encoder.views(items)),
                self.item_encoder.blocks(block),
            )
        losses = [recommendation]
        if self.categorises:
            losses.append(self.category_weight * self.item_encoder.category_loss(views, known))
        if self.swaps:
            view_a, view_b = (self.gather_indexes(view, length - 1) for view in states[1:])
            losses.append(
                self.swap_weight
                * contrastive_loss(view_a, view_b, next_item, self.swap_temperature)
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

    def _target_count(self, interaction: Any) -> torch.Tensor:
        if _TARGET_COUNT_FIELD in interaction:
            count: torch.Tensor = interaction[_TARGET_COUNT_FIELD]
            return count
        return torch.ones_like(interaction[self.ITEM_SEQ_LEN])

    # ---------------------------------------------------------------- scoring

    def predict(self, interaction: Any) -> torch.Tensor:
        """Score of one item per row.

        Args:
            interaction: batch with history list, length and item id.

        Returns:
            ``(B,)``.
        """
        candidates = self.ranking_table().candidates[interaction[self.ITEM_ID]]
        # sampled evaluation repeats a history for each of its candidates: encode it once
        fields = [self.ITEM_SEQ, self.ITEM_SEQ_LEN]
        if self.uses_intervals:
            fields.append(self.interval_list)
        columns = [interaction[field].reshape(len(candidates), -1) for field in fields]
        rows, where = torch.unique(torch.cat(columns, dim=1), dim=0, return_inverse=True)
        parts = rows.split([column.shape[1] for column in columns], dim=1)
        distinct = dict(zip(fields, parts))
        distinct[self.ITEM_SEQ_LEN] = distinct[self.ITEM_SEQ_LEN].squeeze(1)
        return (self.forward(distinct)[where] * candidates).sum(dim=1)

    def full_sort_predict(self, interaction: Any) -> torch.Tensor:
        """Scores of the whole catalogue.

        Args:
            interaction: batch with history list and length.

        Returns:
            ``(B, n_items)``; padding (id 0) has -inf.
        """
        scores = self.forward(interaction) @ self.ranking_table().candidates.t()
        scores[:, 0] = -torch.inf
        return scores
