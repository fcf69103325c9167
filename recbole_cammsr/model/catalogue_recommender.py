"""What the models of this package share: one table of items, packed rows, full ranking.

A model says how items become vectors (``make_ranking_table``), how a history is read
(:meth:`CatalogueRecommender.forward`) and what it learns from (``calculate_loss``); everything
between it and RecBole's trainer and evaluator stands here.
"""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from recbole.utils import InputType
from torch import nn

from recbole_cammsr import registry
from recbole_cammsr.data.packing import TARGET_COUNT_FIELD
from recbole_cammsr.model.kept_item_table import KeptItemTable
from recbole_cammsr.model.losses import catalogue_cross_entropy
from recbole_cammsr.model.provenance import Provenance
from recbole_cammsr.model.settings import check_cuts, check_settings
from recbole_cammsr.model.targets import trained_positions
from recbole_cammsr.model.unused_settings import tell_of_unused_settings


class CatalogueRecommender(KeptItemTable):
    """A sequential model that trains on and ranks the whole catalogue (docs/model.md eq. 9).

    Args:
        config: RecBole's Config.
        dataset: a :class:`~recbole_cammsr.data.dataset.CAMMSRDataset`.

    Attributes:
        tables: the feature tables that the model reads; never part of a checkpoint.
        padding_competes: whether the padding item is a candidate of the training softmax, as in
            some authors' code.
        loss_names: what ``calculate_loss`` returns, for the trainer's log.
    """

    input_type = InputType.POINTWISE

    #: what `enable_amp` computes in, on a GPU as on a CPU (compat/amp_dtype.py)
    amp_dtype = torch.bfloat16

    #: parameters whose second dimension is that of modality ``{index}``'s features
    projection_key = "projections.{index}.weight"

    def __init__(self, config: Any, dataset: Any) -> None:
        super().__init__(config, dataset)
        check_settings(config)
        check_cuts(config, self.n_items)
        tell_of_unused_settings(config, type(self))
        self.max_logits = config["max_logits"]
        self.tables = self.choose_tables(config, dataset)
        self.padding_competes = False
        self.provenance = Provenance.of(
            dataset.field2id_token[self.ITEM_ID],
            self.tables,
            dataset.categories if config["category_weight"] else None,
            self.projection_key,
            as_shipped=registry.family(type(self)) == type(self).__name__,
        )
        # what the loaded parameters have or lack of completion, None where all is in place
        self._other_coverage: str | None = None
        self.loss_names: tuple[str, ...] = ("recommendation",)

    def choose_tables(self, config: Any, dataset: Any) -> tuple[Any, ...]:
        """The feature tables that the model reads: all, unless it says otherwise.

        Args:
            config: RecBole's Config.
            dataset: of the model.

        Returns:
            Tables, in the order of `modalities`.
        """
        return tuple(dataset.feature_tables)

    def reset_linear_and_embeddings(self, std: float) -> None:
        """Normal weights of standard deviation ``std``, zero biases and padding rows.

        Args:
            std: of all linear layers and embeddings, as RecBole's own sequential models start.
        """
        for module in self.modules():
            if isinstance(module, (nn.Linear, nn.Embedding)):
                nn.init.normal_(module.weight, std=std)
            if isinstance(module, nn.Linear) and module.bias is not None:
                nn.init.zeros_(module.bias)
            if isinstance(module, nn.Embedding) and module.padding_idx is not None:
                with torch.no_grad():
                    module.weight[module.padding_idx].zero_()

    # ---------------------------------------------------------------- checkpoints

    def load_state_dict(self, state_dict: Any, *args: Any, **kwargs: Any) -> Any:
        """Load parameters.

        A model of content alone takes those trained with items that lacked other modalities.

        Raises:
            ValueError: the checkpoint was trained with other items, with features of another
                dimension or of other items, or with other categories.
        """
        self.provenance.check_dimensions(state_dict)
        own = self.state_dict()
        fitted = self.provenance.for_coverage(state_dict, own)
        try:
            loaded = super().load_state_dict(fitted, *args, **kwargs)
        except RuntimeError as error:
            # RecBole loads the digests, which would tell, after the parameters
            sentence = self.provenance.misfit(fitted, own)
            if sentence is None:
                raise
            raise ValueError(sentence) from error
        self._other_coverage = None
        if fitted is not state_dict:
            self._other_coverage = self.provenance.other_coverage(state_dict, own)
        return loaded

    def other_parameter(self) -> dict[str, Any]:
        """What RecBole stores beside the parameters: which items and features they belong to."""
        return {"item_side": self.provenance.digests}

    def load_other_parameter(self, para: dict[str, Any] | None) -> None:
        """Refuse a checkpoint whose items, features or categories are not those in memory.

        A model of content alone takes other items: :meth:`Provenance.check_digests`.

        Raises:
            ValueError: names what changed.
        """
        if para is not None:
            self.provenance.check_digests(
                para.get("item_side"), self.state_dict(), self._other_coverage
            )

    # ---------------------------------------------------------------- users

    def forward(self, interaction: Any) -> torch.Tensor:
        """User vector of each row, from the state after its last item.

        Args:
            interaction: batch with history list and history length.

        Returns:
            ``(B, d)``.
        """
        raise NotImplementedError(f"{type(self).__name__} does not say how histories are read")

    def history_fields(self) -> list[str]:
        """Fields of a row that :meth:`forward` reads: rows equal in them share a user vector."""
        return [self.ITEM_SEQ, self.ITEM_SEQ_LEN]

    def user_vectors(self, states: torch.Tensor) -> torch.Tensor:
        """What candidates are compared with.

        Args:
            states: ``(..., d)`` hidden states.

        Returns:
            ``(..., d)``; the states themselves unless the model scores in another way.
        """
        return states

    # ---------------------------------------------------------------- training

    def trimmed(self, interaction: Any) -> Any:
        """A batch without the columns that are padding in all of its rows.

        RecBole's rows are as wide as `MAX_ITEM_LIST_LENGTH`, or as the longest history of
        pre-split data; packed ones have been cut.

        Args:
            interaction: batch of packed or classic rows.

        Returns:
            The batch, its lists ``(B, L)`` being as wide as the longest of its histories.
        """
        if TARGET_COUNT_FIELD in interaction:
            return interaction
        lists = set(self.history_fields()) - {self.ITEM_SEQ_LEN}
        longest = int(interaction[self.ITEM_SEQ_LEN].max())
        return {
            field: interaction[field][:, :longest] if field in lists else interaction[field]
            for field in interaction
        }

    def trained(self, states: torch.Tensor, interaction: Any) -> tuple[torch.Tensor, torch.Tensor]:
        """User vectors and targets of a batch of packed or of RecBole's classic rows.

        Args:
            states: ``(B, L, d)`` after every prefix.
            interaction: batch with history list ``(B, L)``, length and next item; packed rows also
                carry how many of their last positions are trained (classic rows: one).

        Returns:
            ``(T, d)`` vectors and ``(T,)`` item ids.
        """
        users, targets = trained_positions(
            states,
            interaction[self.ITEM_SEQ],
            interaction[self.ITEM_SEQ_LEN],
            interaction[self.POS_ITEM_ID],
            self._target_count(interaction),
        )
        return self.user_vectors(users), targets

    def recommendation_loss(
        self, states: torch.Tensor, interaction: Any, candidates: torch.Tensor
    ) -> torch.Tensor:
        """Cross-entropy of the trained positions over the catalogue.

        Args:
            states: ``(B, L, d)`` after every prefix.
            interaction: the batch, see :meth:`trained`.
            candidates: ``(n_items, d)``.

        Returns:
            Scalar.
        """
        users, targets = self.trained(states, interaction)
        return self.catalogue_loss(users, targets, candidates)

    def catalogue_loss(
        self, users: torch.Tensor, targets: torch.Tensor, candidates: torch.Tensor
    ) -> torch.Tensor:
        """Cross-entropy of user vectors over the catalogue.

        Args:
            users: ``(T, d)``.
            targets: ``(T,)`` item ids.
            candidates: ``(n_items, d)``.

        Returns:
            Scalar.
        """
        if self.padding_competes:
            # the loss leaves out its row 0: behind another one the padding item is a candidate
            candidates, targets = F.pad(candidates, (0, 0, 1, 0)), targets + 1
        return catalogue_cross_entropy(users, candidates, targets, self.max_logits)

    def _target_count(self, interaction: Any) -> torch.Tensor:
        if TARGET_COUNT_FIELD in interaction:
            count: torch.Tensor = interaction[TARGET_COUNT_FIELD]
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
        return (self.user_of_each_row(interaction) * candidates).sum(dim=1)

    def user_of_each_row(self, interaction: Any) -> torch.Tensor:
        """:meth:`forward`, rows with the same history being encoded once.

        Args:
            interaction: batch with history list and length.

        Returns:
            ``(B, d)``.
        """
        fields = self.history_fields()
        # sampled evaluation repeats a history for each of its candidates
        columns = [interaction[field].reshape(len(interaction), -1) for field in fields]
        # times are floats: as float64 they and item ids stay exact side by side
        columns = [each.double() if each.is_floating_point() else each for each in columns]
        rows, where = torch.unique(torch.cat(columns, dim=1), dim=0, return_inverse=True)
        one_of = where.new_empty(len(rows))
        one_of[where] = torch.arange(len(where), device=where.device)
        distinct = {field: interaction[field][one_of] for field in fields}
        users: torch.Tensor = self.forward(distinct)[where]
        return users

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
