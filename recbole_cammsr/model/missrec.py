"""MISSRec: histories read together with the interests that their content shows.

Reference: Wang et al., "MISSRec: Pre-training and Transferring Multi-modal Interest-aware Sequence
Representation for Recommendation" (ACM MM 2023), trained on one data set from scratch: inductive
(content only, ``use_id: False``) or transductive (content and item IDs). Their pre-training on
other data sets, and the frozen encoder that follows it, are not part of it.

An item attends to the whole history, so a position's state depends on the items after it. That is
no leak where a row has one target, the item after all of them; a packed row, with a target at
every position, would show the model what it is to predict. It is refused.

What differs from the authors' public code (gimpong/MM23-MISSRec, commit c3167c5; docs/baselines.md
has the list):

- features are matched by token, their dimensions read from the files, any number of modalities;
- content that an item lacks does not count, in histories, candidates or clusters. In the authors'
  code a row of zeros, that is the projection's bias, stands for it;
- the padding item is no candidate of the softmax. In the authors' code it is;
  `original_defects: True` brings both back;
- the penalty takes the mean over a history's interests, not a sum over padded places as well;
- interests are a function of the parameters: found anew at the start of every epoch and of every
  evaluation, by the density peaks of the paper (the code runs mini-batch k-means in its place, and
  evaluates with the clusters of the epoch's start).
"""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import nn

from recbole_cammsr.model.candidate_fusion import CandidateFusion, unit_vectors
from recbole_cammsr.model.catalogue_recommender import CatalogueRecommender
from recbole_cammsr.model.frozen_features import FrozenFeatures
from recbole_cammsr.model.interest_decoder import InterestDecoder
from recbole_cammsr.model.interest_discovery import Interests, discover
from recbole_cammsr.model.item_table import RankingTable
from recbole_cammsr.model.length_order import in_order_of_length
from recbole_cammsr.model.pick import pick
from recbole_cammsr.model.recomputed_loss import recomputed_cross_entropy

# rows read at a time at most, of about one length, in ranking and in training
_RANKED_ROWS = 256
_TRAINED_ROWS = 128


class MISSRec(CatalogueRecommender):
    """Multi-modal interest-aware sequence representation for sequential recommendation.

    Args:
        config: RecBole's Config.
        dataset: a :class:`~recbole_cammsr.data.dataset.CAMMSRDataset`.

    Raises:
        ValueError: packed training, no modality, or an odd number of layers.
    """

    projection_key = "adaptors.{index}.weight"
    present: torch.Tensor

    def __init__(self, config: Any, dataset: Any) -> None:
        if config["train_packing"]:
            raise ValueError(
                "`train_packing` is True, but an item of MISSRec attends to the whole history, so "
                "the positions of a packed row would see the items they are to predict; set "
                "`train_packing: False`."
            )
        super().__init__(config, dataset)
        if not self.tables:
            raise ValueError(
                "`modalities` is empty, but the interests of MISSRec are clusters of content; name "
                "a modality that has a feature file."
            )
        dimension = config["hidden_size"]
        self.original_defects = self.padding_competes = bool(config["original_defects"])
        self.temperature = config["temperature"]
        self.interest_weight = float(config["interest_weight"] or 0.0)
        self.shares = config["interest_share"], config["neighbour_share"]
        if self.interest_weight:
            self.loss_names += ("interests",)
        present = torch.stack([table.present for table in self.tables], dim=1)
        if self.original_defects:
            present = torch.ones_like(present)
        self.register_buffer("present", present, persistent=False)
        self.features = nn.ModuleList(
            FrozenFeatures(table, config["feature_scaling"] == "standardise")
            for table in self.tables
        )
        self.id_embedding: nn.Embedding | None = None
        if config["use_id"]:
            self.id_embedding = nn.Embedding(self.n_items, dimension, padding_idx=0)
        self.decoder = InterestDecoder(
            dimension=dimension,
            layers=config["n_layers"],
            heads=config["n_heads"],
            inner=config["inner_size"],
            dropout=config["hidden_dropout_prob"],
            activation=config["hidden_act"],
            positions=self.max_seq_length,
        )
        self.reset_linear_and_embeddings(config["initializer_range"])
        # made after the reset: as in the authors' code these start as torch starts linear layers
        self.adaptors = nn.ModuleList(
            nn.Linear(table.dimension, dimension) for table in self.tables
        )
        self.fusion: CandidateFusion | None = None
        if len(self.tables) > 1:
            self.fusion = CandidateFusion(config["candidate_fusion"], self.n_items)
        self._interests: Interests | None = None

    # ---------------------------------------------------------------- items

    def contents(self) -> torch.Tensor:
        """Projected features of all items.

        Returns:
            ``(n_items, M, d)``; what a missing modality has there is not to be read.
        """
        parts: Any = zip(self.adaptors, self.features)
        return torch.stack([features.projected(adaptor) for adaptor, features in parts], dim=1)

    def interests(self) -> Interests:
        """Interests that the content of the items forms.

        Found once, and kept until the mode is switched: RecBole's trainer does so at the start of
        every epoch and of every evaluation.
        """
        if self._interests is None:
            with torch.no_grad():
                items = torch.arange(self.n_items, device=self.present.device)
                held = self.present & (items > 0).unsqueeze(1)
                self._interests = discover(self.contents(), held, *self.shares)
        return self._interests

    def forget_items(self) -> None:
        """Drop what is kept of items."""
        super().forget_items()
        self._interests = None

    def make_ranking_table(self) -> RankingTable:
        """Vectors of all items as histories have them, and as candidates.

        Returns:
            ``(n_items, d)`` sums of ID and content; ``(n_items, K, d)`` of unit length: with one
            modality the sums (K = 1), with several the ID, if used, and every modality by itself.
        """
        contents = self.contents()
        held = contents * self.present.unsqueeze(2)
        items = held.sum(dim=1)
        if self.id_embedding is not None:
            items = items + self.id_embedding.weight
        if self.fusion is None:
            known = self.present if self.id_embedding is None else torch.ones_like(self.present)
            return RankingTable(items, unit_vectors(items, known[:, 0]).unsqueeze(1))
        candidates = [unit_vectors(held, self.present)]
        if self.id_embedding is not None:
            candidates.insert(0, F.normalize(self.id_embedding.weight, dim=1).unsqueeze(1))
        return RankingTable(items, torch.cat(candidates, dim=1))

    # ---------------------------------------------------------------- users

    def forward(self, interaction: Any) -> torch.Tensor:
        """User vector of each row, from the state of its last item.

        Args:
            interaction: batch with history list and history length.

        Returns:
            ``(B, d)``, of unit length.
        """
        return self._read(interaction, self.ranking_table().items, _RANKED_ROWS)[0]

    def _read(
        self, interaction: Any, rows: torch.Tensor, at_a_time: int
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Users, and the size of their mean interests.

        Args:
            interaction: batch with history list ``(B, L)`` and length.
            rows: ``(n_items, d)``.
            at_a_time: histories read together.

        Returns:
            ``(B, d)`` of unit length, and ``(B,)`` mean squares.
        """
        history, length = interaction[self.ITEM_SEQ], interaction[self.ITEM_SEQ_LEN]
        interests = self.interests()
        # found in float32, whatever the parameters are
        vectors = interests.vectors.to(next(self.adaptors.parameters()).dtype)

        def encode(part: torch.Tensor, longest: int) -> torch.Tensor:
            items = history[part, :longest]
            numbers = interests.of_histories(items)
            held = numbers > 0
            ends, memory = self.decoder(
                pick(rows, items), items > 0, pick(vectors, numbers), held, length[part] - 1
            )
            mean = (memory * held.unsqueeze(2)).sum(dim=1) / held.sum(dim=1, keepdim=True).clamp(1)
            return torch.cat([ends, mean.square().mean(dim=1, keepdim=True)], dim=1)

        read = in_order_of_length(length, at_a_time, encode)
        return F.normalize(read[:, :-1], dim=1), read[:, -1]

    # ---------------------------------------------------------------- scores

    def scores(
        self, users: torch.Tensor, candidates: torch.Tensor, items: torch.Tensor
    ) -> torch.Tensor:
        """Scores of candidates.

        Args:
            users: ``(B, d)`` of unit length.
            candidates: ``(n, K, d)``, the rows of ``items`` in the ranking table.
            items: ``(n,)`` ids.

        Returns:
            ``(B, n)``, from -1 to 1.
        """
        cosines = torch.stack([users @ each.t() for each in candidates.unbind(1)]).float()
        return self._fused(cosines, items)

    def _fused(self, cosines: torch.Tensor, items: torch.Tensor) -> torch.Tensor:
        """Args: cosines, ``(K, ..., n)``, and items, ``(n,)``. Returns: ``(..., n)``."""
        if self.fusion is None:
            return cosines[0]
        of_id, of_content = None, cosines
        if self.id_embedding is not None:
            of_id, of_content = cosines[0], cosines[1:]
        fused: torch.Tensor = self.fusion(of_content, of_id, self.present[items].t(), items)
        return fused

    def full_sort_predict(self, interaction: Any) -> torch.Tensor:
        """Scores of the whole catalogue.

        Args:
            interaction: batch with history list and length.

        Returns:
            ``(B, n_items)``; padding (id 0) has -inf.
        """
        candidates = self.ranking_table().candidates
        items = torch.arange(self.n_items, device=candidates.device)
        some = self.forward(interaction).split(self._rows_at_a_time(candidates))
        scores = torch.cat([self.scores(users, candidates, items) for users in some])
        scores[:, 0] = -torch.inf
        return scores

    def _rows_at_a_time(self, candidates: torch.Tensor) -> int:
        """Users whose cosines with all vectors of the catalogue are held together."""
        return max(1, self.max_logits // candidates[..., 0].numel())

    def predict(self, interaction: Any) -> torch.Tensor:
        """Score of one item per row.

        Args:
            interaction: batch with history list, length and item id.

        Returns:
            ``(B,)``.
        """
        items = interaction[self.ITEM_ID]
        candidates = self.ranking_table().candidates[items]
        users = self.user_of_each_row(interaction).unsqueeze(1)
        return self._fused((users * candidates).sum(dim=2).t().float(), items)

    # ---------------------------------------------------------------- training

    def calculate_loss(self, interaction: Any) -> tuple[torch.Tensor, ...]:
        """Losses of a batch of RecBole's classic rows, named by ``loss_names``.

        Args:
            interaction: batch with history list ``(B, L)``, length and next item.

        Returns:
            Cross-entropy over the catalogue and the weighted penalty, which sums over the rows as
            the authors' does.
        """
        table = self.make_ranking_table()
        users, mean_interest = self._read(interaction, table.items, _TRAINED_ROWS)
        losses = [self._loss(users, interaction[self.POS_ITEM_ID], table.candidates)]
        if self.interest_weight:
            losses.append(self.interest_weight * mean_interest.sum())
        return tuple(losses)

    def _loss(
        self, users: torch.Tensor, targets: torch.Tensor, candidates: torch.Tensor
    ) -> torch.Tensor:
        if self.fusion is None:
            return self.catalogue_loss(users / self.temperature, targets, candidates[:, 0])
        first = 0 if self.padding_competes else 1
        items = torch.arange(first, self.n_items, device=targets.device)

        def logits(some: torch.Tensor) -> torch.Tensor:
            return self.scores(some, candidates[first:], items) / self.temperature

        rows = self._rows_at_a_time(candidates)
        return recomputed_cross_entropy(logits, users, targets - first, rows)
