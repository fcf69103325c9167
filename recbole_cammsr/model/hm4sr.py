"""HM4SR: two levels of experts, the second of them told the time, and three more tasks.

Reference: Zhang et al., "Hierarchical Time-Aware Mixture of Experts for Multi-Modal Sequential
Recommendation", WWW 2025 (arXiv 2501.14269). The equations, and which settings of ours are which
of theirs: docs/baselines.md, "HM4SR". tests/model/test_hm4sr.py compares vectors, scores, losses
and gradients with the authors' public code (SStarCCat/HM4SR, commit f1c0a15).

That code departs from what it describes in these points. They are mended here unless
``original_defects: True`` asks for them, for comparison:

* the temporal experts stand in a plain list: no optimiser trains them, no checkpoint holds them;
* in the contrastive losses the similarity of a false negative is set to 0 before the exponential,
  so that it counts as a candidate of similarity 0 instead of not at all;
* the category task takes positions of the batch for numbers of items and labels, so that it
  learns a few labels of a few items, and items without a label count as having none of them;
* absolute times are seconds since 1970 in float32: one step of Adam turns every phase of their
  embedding by a hundred radians or more, and intervals are multiples of 128 seconds;
* the padding item takes part in the softmax.

Mended in either case: device, feature dimension and paths are hard-coded; there is exactly one
text and one image encoder; ``predict`` returns ``(B, B)``; a row's padding makes the index of an
interval NaN, which a CPU refuses; features are aligned by row number alone; a Python loop over
rows draws the placeholders; time vectors are computed twice and padding is encoded.
"""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import nn

from recbole_cammsr.data.history_times import ELAPSED_FIELD
from recbole_cammsr.model.catalogue_recommender import CatalogueRecommender
from recbole_cammsr.model.hm4sr_experts import InteractiveMixture
from recbole_cammsr.model.hm4sr_tasks import (
    Placeholders,
    misindexed_category_loss,
    prefixes_of_positions,
    weighted_category_loss,
)
from recbole_cammsr.model.info_nce import info_nce
from recbole_cammsr.model.item_init import ItemInit
from recbole_cammsr.model.item_table import RankingTable
from recbole_cammsr.model.length_order import in_order_of_length
from recbole_cammsr.model.modality_encoder import ModalityEncoder
from recbole_cammsr.model.pick import pick
from recbole_cammsr.model.settings import refuse_without_id
from recbole_cammsr.model.temporal_experts import TemporalMixture, TimeEmbedding, unit_warning
from recbole_cammsr.model.transformer_block import block_options
from recbole_cammsr.model.unused_settings import tell_of_unused_weight

# histories encoded at a time in ranking: bounds what the experts hold
_ROWS = 256


class HM4SR(CatalogueRecommender):
    """Hierarchical time-aware mixture of experts for multimodal sequential recommendation.

    Args:
        config: RecBole's Config.
        dataset: a :class:`~recbole_cammsr.data.dataset.AlwaysTimedDataset`.

    Raises:
        ValueError: `original_defects` together with `train_packing`, which the authors' code does
            not know.
    """

    projection_key = "item_init.projections.{index}.weight"
    labels: torch.Tensor

    def __init__(self, config: Any, dataset: Any) -> None:
        refuse_without_id(config)
        super().__init__(config, dataset)
        self.original_defects = self.padding_competes = bool(config["original_defects"])
        if self.original_defects and config["train_packing"]:
            raise ValueError(
                "`original_defects: True` reproduces code that knows RecBole's classic rows only; "
                "set `train_packing: False`."
            )
        dimension = config["hidden_size"]
        self.id_contrast_weight = float(config["id_contrast_weight"] or 0.0)
        self.id_contrast_temperature = config["id_contrast_temperature"]
        self.placeholder_weight = float(config["placeholder_weight"] or 0.0)
        self.false_negative_logit = 0.0 if self.original_defects else -torch.inf
        time_field = config["TIME_FIELD"] if self.original_defects else ELAPSED_FIELD
        self.time_list = time_field + config["LIST_SUFFIX"]

        self.item_init = ItemInit.of_tables(self.tables, self.n_items, dimension)
        modalities = self.item_init.n_modalities
        self.position = nn.Embedding(self.max_seq_length, dimension)
        self.encoders = nn.ModuleList(
            ModalityEncoder(config["n_layers"], **block_options(config)) for _ in range(modalities)
        )
        self.time = TimeEmbedding(
            dimension=dimension,
            interval_scale=config["interval_scale"],
            longest_interval=dataset.longest_interval,
            unit=1.0 if self.original_defects else config["time_unit"],
            first_time=0.0 if self.original_defects else dataset.first_time,
        )
        odd = unit_warning(dataset.time_span, config["time_unit"])
        if odd and not self.original_defects:
            self.logger.warning(odd)
        self.temporal = TemporalMixture(
            modalities=modalities,
            dimension=dimension,
            experts=config["temporal_experts"],
            trained=not self.original_defects,
        )
        self.reset_linear_and_embeddings(config["initializer_range"])
        self.item_init.reset_parameters(config["initializer_range"])

        # made after the reset: as in the authors' code these start as torch starts linear layers
        self.interactive = InteractiveMixture(
            modalities=modalities,
            dimension=dimension,
            experts=config["interactive_experts"],
            id_scale=config["id_expert_scale"],
            content_scale=config["content_expert_scale"],
        )
        if self.id_contrast_weight:
            self.loss_names += ("id_contrast",)
        self._make_category_head(config, dataset, modalities * dimension)
        self.placeholders = Placeholders(
            modalities=len(self.tables) if self.placeholder_weight else 0,
            dimension=dimension,
            share=config["placeholder_share"],
            temperature=config["placeholder_temperature"],
            false_negative_logit=self.false_negative_logit,
        )
        if self.placeholders:
            self.loss_names += ("placeholder",)
        elif self.placeholder_weight:
            reason = "`modalities` is empty, and placeholders stand for content."
            tell_of_unused_weight(config, "placeholder_weight", reason)

    def _make_category_head(self, config: Any, dataset: Any, width: int) -> None:
        self.category_weight = float(config["category_weight"] or 0.0)
        self.category_head: nn.Linear | None = None
        if not self.category_weight:
            return
        labels = dataset.categories.targets
        if self.original_defects:
            # positions of a row are columns of the labels there: it needs as many
            labels = F.pad(labels, (0, max(0, self.max_seq_length - labels.shape[1])))
        self.register_buffer("labels", labels, persistent=False)
        self.category_head = nn.Linear(width, labels.shape[1])
        self.loss_names += ("category",)

    # ---------------------------------------------------------------- items and users

    def make_ranking_table(self) -> RankingTable:
        """Concatenated modality vectors of all items: scores of the modalities add up.

        Returns:
            The table, rows indexed by item id.
        """
        items = self.item_init.catalogue().flatten(1)
        return RankingTable(items, items)

    def history_fields(self) -> list[str]:
        """Fields of a row that :meth:`forward` reads."""
        return [*super().history_fields(), self.time_list]

    def forward(self, interaction: Any) -> torch.Tensor:
        """User vector of each row, from the states after its last item.

        Args:
            interaction: batch with history list, history length and times.

        Returns:
            ``(B, M d)``, the states of the modalities.
        """
        items = self.ranking_table().items
        length = interaction[self.ITEM_SEQ_LEN]

        def encode(part: torch.Tensor, longest: int) -> torch.Tensor:
            history = interaction[self.ITEM_SEQ][part, :longest]
            inside = history > 0
            time = self.time(interaction[self.time_list][part, :longest])[inside]
            return self._states(self._mixed(history, items, time), inside, only_ends=True)

        return in_order_of_length(length, _ROWS, encode)

    def _mixed(
        self, history: torch.Tensor, items: torch.Tensor, time: torch.Tensor
    ) -> torch.Tensor:
        """Both mixtures, over the positions that are not padding.

        Args:
            history: ``(B, L)`` item ids.
            items: ``(n_items, M d)``.
            time: ``(P, 2 d)``.

        Returns:
            ``(P, M, d)``.
        """
        inside = history > 0
        position = self.position(inside.nonzero()[:, 1]).unsqueeze(1)
        vectors = (
            pick(items, history[inside]).view(len(position), len(self.encoders), -1) + position
        )
        return self.temporal(self.interactive(vectors), time)

    def _states(
        self, vectors: torch.Tensor, inside: torch.Tensor, only_ends: bool = False
    ) -> torch.Tensor:
        """States of all modalities after each prefix, ``(B, L, M d)``; ends are ``(B, M d)``."""
        parts = zip(self.encoders, vectors.unbind(1))
        return torch.cat([encoder(each, inside, only_ends) for encoder, each in parts], dim=-1)

    # ---------------------------------------------------------------- training

    def calculate_loss(self, interaction: Any) -> tuple[torch.Tensor, ...]:
        """Losses of a batch of classic or of packed rows, named by ``loss_names``.

        Args:
            interaction: batch with history list ``(B, L)``, length, times and next item.

        Returns:
            Weighted scalars; the trainer adds them up.
        """
        rows = self.trimmed(interaction)
        history = rows[self.ITEM_SEQ]
        inside = history > 0
        items, candidates = self.ranking_table()
        time = self.time(rows[self.time_list])[inside]
        vectors = self._mixed(history, items, time)
        states = self._states(vectors, inside)
        users, targets = self.trained(states, rows)

        losses = [self.catalogue_loss(users, targets, candidates)]
        if self.id_contrast_weight:
            width = self.position.embedding_dim
            contrast = info_nce(
                users[:, :width],
                pick(items[:, :width], targets),
                targets,
                self.id_contrast_temperature,
                self.false_negative_logit,
            )
            losses.append(self.id_contrast_weight * contrast)
        if self.category_head is not None:
            # not the trimmed histories: the authors' task depends on the width of the batch
            of_history = interaction if self.original_defects else rows
            losses.append(self.category_weight * self._category_loss(of_history, items))
        if self.placeholders:
            length = rows[self.ITEM_SEQ_LEN]
            ends = self.gather_indexes(states, length - 1)
            of_taken = self.placeholders(
                inside, length, rows[self.POS_ITEM_ID], vectors, time, ends, self.encoders
            )
            losses.append(self.placeholder_weight * of_taken)
        return tuple(losses)

    def _category_loss(self, rows: Any, items: torch.Tensor) -> torch.Tensor:
        """Which labels the items of the histories have, read off their modalities."""
        head: Any = self.category_head
        history = rows[self.ITEM_SEQ]
        if self.original_defects:
            first = history.flatten()[: len(history)]
            return misindexed_category_loss(
                head(pick(items, first)), self.labels[first], history > 0
            )
        times_seen = prefixes_of_positions(
            rows[self.ITEM_SEQ_LEN], self._target_count(rows), history.shape[1]
        )
        weight = torch.zeros(self.n_items, device=items.device)
        weight.index_add_(0, history.flatten(), times_seen.flatten().to(weight.dtype))
        # the task is computed once per distinct item of the histories
        known = weight.nonzero().squeeze(1)
        return weighted_category_loss(head(pick(items, known)), self.labels[known], weight[known])
