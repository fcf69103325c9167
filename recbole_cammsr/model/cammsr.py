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

from recbole_cammsr.model.camoe import CAMoE
from recbole_cammsr.model.category_head import CategoryHead, category_loss, label_prior
from recbole_cammsr.model.encoder import HistoryEncoder
from recbole_cammsr.model.item_init import ItemInit
from recbole_cammsr.model.item_table import Catalogue, ItemTable
from recbole_cammsr.model.losses import catalogue_cross_entropy
from recbole_cammsr.model.modality_swap import contrastive_loss, swapped_views
from recbole_cammsr.model.provenance import Provenance
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
        dimension = config["hidden_size"]
        self.category_weight = float(config["category_weight"] or 0.0)
        self.swap_weight = float(config["swap_weight"] or 0.0)
        self.swap_ratio = config["swap_ratio"]
        self.swap_temperature = config["swap_temperature"]
        self.cosine = config["scoring"] == "cosine"
        self.score_temperature = config["score_temperature"]
        self.max_logits = config["max_logits"]
        self.interval_list = _INTERVAL_FIELD + config["LIST_SUFFIX"]
        self.uses_intervals = config["time_encoding"] == "interval"
        self.provenance = Provenance.of(tables, categories)

        self.item_init = ItemInit(
            n_items=self.n_items,
            dimension=dimension,
            features=[table.values for table in tables],
            present=[table.present for table in tables],
            use_id=config["use_id"],
        )
        n_modalities = self.item_init.n_modalities
        self.camoe: CAMoE | None = None
        self.category_head: CategoryHead | None = None
        prior = None
        if categories is not None:
            self.category_head = CategoryHead(
                n_modalities=n_modalities,
                dimension=dimension,
                n_categories=len(categories.labels),
                multi_label=categories.multi_label,
                guides=config["fusion"] == "camoe" and n_modalities > 1,
            )
            self.register_buffer("category_targets", categories.targets, persistent=False)
            prior = label_prior(categories.targets)
        self.context: nn.Parameter | None = None
        if config["fusion"] == "camoe":
            self.camoe = CAMoE(
                n_modalities=n_modalities,
                dimension=dimension,
                inner=config["expert_size"],
                prior=prior,
                copies=config["experts_per_view"],
                dropout=config["expert_dropout"],
                gamma=config["expert_scale"],
                gate_scale=config["gate_scale"],
            )
            if categories is None and self.camoe.attends:
                self.context = nn.Parameter(torch.empty(1, dimension))
        self.encoder = HistoryEncoder(
            dimension=dimension,
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
        self.swaps = self.swap_weight > 0 and n_modalities > 1
        self.loss_names: tuple[str, ...] = ("recommendation",)
        if self.category_head is not None:
            self.loss_names += ("category",)
        if self.swaps:
            self.loss_names += ("swap",)
        self._table: ItemTable | None = None
        self._reset_parameters(config["initializer_range"])

    def _reset_parameters(self, std: float) -> None:
        for module in self.modules():
            if isinstance(module, (nn.Linear, nn.Embedding)):
                nn.init.normal_(module.weight, std=std)
            if isinstance(module, nn.Linear) and module.bias is not None:
                nn.init.zeros_(module.bias)
        if self.context is not None:
            nn.init.normal_(self.context, std=1.0)
        self.item_init.reset_parameters(std)

    # ---------------------------------------------------------------- items

    def item_table(self) -> ItemTable:
        """Every item's vectors.

        CAMoE sees nothing but the item, so it runs once per item. In eval mode without gradients
        the table is kept until the model is trained, loaded or moved.

        Returns:
            The table, rows indexed by item id.
        """
        keep = not self.training and not torch.is_grad_enabled()
        if keep and self._table is not None:
            return self._table
        catalogue = self._catalogue()
        items, attention = self._fuse(catalogue, None)
        table = ItemTable(
            catalogue.modalities,
            items,
            self._candidates(catalogue),
            catalogue.weights,
            attention,
            catalogue.category_logits,
        )
        if keep:
            self._table = table
        return table

    def _catalogue(self) -> Catalogue:
        """What the softmax over the catalogue needs of all items: everything but the experts."""
        modalities, mask = self.item_init()
        context, probability, logits = self.context, None, None
        if self.category_head is not None:
            context, probability, logits = self.category_head(modalities)
        if self.camoe is None:
            return Catalogue(modalities, mask, context, modalities.sum(dim=1), None, logits)
        residual, weights = self.camoe.residual(modalities, mask, probability)
        return Catalogue(modalities, mask, context, residual, weights, logits)

    def _fuse(
        self, catalogue: Catalogue, items: torch.Tensor | None
    ) -> tuple[torch.Tensor, torch.Tensor | None]:
        """Fused vectors ``(n, d)`` and expert attention of some items, or of all (None)."""

        def rows(values: torch.Tensor) -> torch.Tensor:
            return values if items is None else values[items]

        if self.camoe is None:
            return rows(catalogue.residual), None
        context = catalogue.context
        if context is not None and len(context) > 1:
            context = rows(context)
        mixture = self.camoe.mixture(rows(catalogue.modalities), rows(catalogue.mask), context)
        return rows(catalogue.residual) + mixture.items, mixture.attention

    def _candidates(self, catalogue: Catalogue) -> torch.Tensor:
        # the residual alone: the experts would have to run over the catalogue in every step, and
        # validation saw no gain from it
        residual = catalogue.residual
        return F.normalize(residual, dim=1) if self.cosine else residual

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
        states = self.hidden_states(interaction, self.item_table().items)
        return self.user_vectors(self.gather_indexes(states, interaction[self.ITEM_SEQ_LEN] - 1))

    # ---------------------------------------------------------------- training

    def calculate_loss(self, interaction: Any) -> tuple[torch.Tensor, ...]:
        """Losses of a batch of packed or of RecBole's classic rows, named by ``loss_names``.

        Args:
            interaction: batch with history list ``(B, L)``, length and next item; packed rows also
                carry how many of their last positions are trained (classic rows: one).

        Returns:
            Weighted scalars; the trainer adds them up.
        """
        catalogue = self._catalogue()
        history = interaction[self.ITEM_SEQ]
        length = interaction[self.ITEM_SEQ_LEN]
        next_item = interaction[self.POS_ITEM_ID]
        # the experts run once per distinct item of the batch
        distinct, where = history.unique(return_inverse=True)
        items, _ = self._fuse(catalogue, distinct)
        encoded = [items[where]]
        if self.swaps:
            encoded += swapped_views(
                catalogue.modalities[history], catalogue.mask[history], self.swap_ratio
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
        losses = [
            catalogue_cross_entropy(users, self._candidates(catalogue), targets, self.max_logits)
        ]
        if self.category_head is not None and catalogue.category_logits is not None:
            losses.append(
                self.category_weight
                * category_loss(
                    catalogue.category_logits, self.category_targets, self.category_head.multi_label
                )
            )
        if self.swaps:
            view_a, view_b = (self.gather_indexes(view, length - 1) for view in states[1:])
            losses.append(
                self.swap_weight
                * contrastive_loss(view_a, view_b, next_item, self.swap_temperature)
            )
        return tuple(losses)

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
        candidates = self.item_table().candidates[interaction[self.ITEM_ID]]
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
        scores = self.forward(interaction) @ self.item_table().candidates.t()
        scores[:, 0] = -torch.inf
        return scores
