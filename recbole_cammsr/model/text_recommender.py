"""What UniSRec and TedRec share: one modality through an adaptor, cosine scores.

With `original_defects` the padding item (id 0) is treated as an item, as the authors' code of both
models does (docs/baselines.md): it is a candidate of the softmax and, in TedRec, takes part in the
fusion.
"""

from __future__ import annotations

from logging import getLogger
from typing import Any

import torch
import torch.nn.functional as F
from torch.utils.checkpoint import checkpoint

from recbole_cammsr.model.catalogue_recommender import CatalogueRecommender
from recbole_cammsr.model.frozen_features import FrozenFeatures, ItemSelection
from recbole_cammsr.model.moe_adaptor import MoEAdaptor


def text_table(config: Any, tables: Any) -> Any:
    """The feature table of the one modality that a text model reads.

    Args:
        config: with `text_modality`, its name.
        tables: of the data set, with ``modality``.

    Returns:
        The table.

    Raises:
        ValueError: `modalities` does not have it.
    """
    name, model = config["text_modality"], config["model"]
    others = [table.modality for table in tables if table.modality != name]
    for table in tables:
        if table.modality == name:
            if others:
                getLogger().info(f"{model} reads {name!r} only, not {', '.join(others)}")
            return table
    raise ValueError(
        f"{model} reads the modality {name!r} (`text_modality`), which is not in `modalities` "
        f"({', '.join(others) or 'empty'}); add it there, or name another in `text_modality`."
    )


class TextRecommender(CatalogueRecommender):
    """A sequential model that reads one modality through a mixture-of-experts adaptor.

    Args:
        config: RecBole's Config.
        dataset: a :class:`~recbole_cammsr.data.dataset.CAMMSRDataset`.
        positions: see :class:`MoEAdaptor`.
    """

    projection_key = "adaptor.gate.weight"

    def __init__(self, config: Any, dataset: Any, positions: int | None = None) -> None:
        super().__init__(config, dataset)
        (table,) = self.tables
        self.original_defects = self.padding_competes = bool(config["original_defects"])
        self.temperature = config["temperature"]
        self.item_block = config["item_block"]
        self.features = FrozenFeatures(table, config["feature_scaling"] == "standardise")
        self.adaptor = MoEAdaptor(
            size=table.dimension,
            dimension=config["hidden_size"],
            experts=config["n_experts"],
            dropout=config["adaptor_dropout_prob"],
            noisy=config["noisy_gating"],
            positions=positions,
        )
        draws = bool(config["noisy_gating"] or config["adaptor_dropout_prob"])
        self.draws_per_position = draws and config["adaptor_draws"] == "position"

    def choose_tables(self, config: Any, dataset: Any) -> tuple[Any, ...]:
        """The one table of `text_modality`.

        Args:
            config: RecBole's Config.
            dataset: of the model.

        Returns:
            One table.
        """
        return (text_table(config, dataset.feature_tables),)

    # ---------------------------------------------------------------- items

    def item_rows(self, items: ItemSelection) -> torch.Tensor:
        """What the model computes of some items; in training each call draws anew.

        Args:
            items: ``(n,)`` ids, a range of ids as a slice, or None for all.

        Returns:
            ``(n, w)``.
        """
        raise NotImplementedError(f"{type(self).__name__} does not say what it makes of items")

    def text_features(self, items: ItemSelection) -> torch.Tensor:
        """Features of some items as the adaptor reads them.

        Args:
            items: as in :meth:`item_rows`.

        Returns:
            ``(n, d_m)``, zero where the item has no text.
        """
        return self.features(items).to(self.adaptor.weight.dtype)

    def rows_by_block(self, items: torch.Tensor | None = None) -> torch.Tensor:
        """:meth:`item_rows`, `item_block` items at a time.

        The experts hold K copies of the features until the backward pass; with more than one block
        they are computed again there instead.

        Args:
            items: ``(n,)`` ids, or None for all.

        Returns:
            ``(n, w)``.
        """
        if (self.n_items if items is None else len(items)) <= self.item_block:
            return self.item_rows(items)
        blocks: list[ItemSelection]
        if items is None:
            starts = range(0, self.n_items, self.item_block)
            blocks = [slice(start, min(start + self.item_block, self.n_items)) for start in starts]
        else:
            blocks = list(items.split(self.item_block))
        if not torch.is_grad_enabled():
            return torch.cat([self.item_rows(block) for block in blocks])
        rows = [checkpoint(self.item_rows, block, use_reentrant=False) for block in blocks]
        return torch.cat(rows)

    def history_rows(self, history: torch.Tensor, known: torch.Tensor) -> torch.Tensor:
        """:meth:`item_rows` of every position.

        Args:
            history: ``(B, L)`` item ids.
            known: ``(B, L)`` bool, the positions that are computed.

        Returns:
            ``(B, L, w)``, zero elsewhere.
        """
        rows, where = self.numbered_rows(history, known)
        return F.embedding(where, rows)

    def numbered_rows(
        self, history: torch.Tensor, known: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """:meth:`item_rows` without the padding, and which one each position has.

        The adaptor is most of a step. Where noise and dropout need not differ between the places
        at which an item stands, it runs once for each distinct item.

        Args:
            history: ``(B, L)`` item ids.
            known: ``(B, L)`` bool, the positions that are computed.

        Returns:
            ``(1 + n, w)`` rows, of which the first is zero, and ``(B, L)`` row numbers, zero for
            the other positions.
        """
        items = history[known]
        if self.draws_per_position:
            rows, number = self.rows_by_block(items), torch.arange(len(items), device=items.device)
        else:
            distinct, number = items.unique(return_inverse=True)
            rows = self.rows_by_block(distinct)
        where = torch.zeros_like(history)
        where[known] = number + 1
        return F.pad(rows, (0, 0, 1, 0)), where

    # ---------------------------------------------------------------- scores

    def user_vectors(self, states: torch.Tensor) -> torch.Tensor:
        """What candidates of unit length are compared with in training.

        Args:
            states: ``(..., d)`` hidden states.

        Returns:
            ``(..., d)``, of length 1 / `temperature`.
        """
        return F.normalize(states, dim=-1) / self.temperature
