"""From item ids to fused vectors: item initialisation, category guidance and CAMoE."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import nn
from torch.utils.checkpoint import checkpoint

from recbole_cammsr.model.camoe import CAMoE
from recbole_cammsr.model.category_head import CategoryHead, category_loss, label_prior
from recbole_cammsr.model.completion import CategoryCompletion
from recbole_cammsr.model.frozen_features import ItemSelection, as_index
from recbole_cammsr.model.item_init import ItemInit
from recbole_cammsr.model.item_table import (
    Catalogue,
    Fused,
    ItemTable,
    ItemViews,
    RankingTable,
)

# items whose features are read, standardised and projected at a time
_BLOCK_ITEMS = 2048


class ItemEncoder(nn.Module):
    """The item side of the model: a function of the item alone (docs/model.md eq. 1-6).

    Two steps, because they are needed of different items: :meth:`views`, cheap, of every candidate
    of the softmax; :meth:`fuse`, the experts, of the items of the batch's histories.

    Args:
        config: RecBole's Config.
        n_items: items including padding (id 0).
        tables: of the content modalities, see :class:`FrozenFeatures`.
        categories: ``labels``, ``targets``, ``multi_label``; None without guidance.
    """

    category_targets: torch.Tensor
    order: torch.Tensor | None
    place: torch.Tensor | None

    def __init__(self, config: Any, n_items: int, tables: Any, categories: Any | None) -> None:
        super().__init__()
        dimension = config["hidden_size"]
        self.cosine = config["scoring"] == "cosine"
        self.n_items = n_items
        self.item_init = ItemInit.of_tables(tables, n_items, dimension, use_id=config["use_id"])
        # features that stay in a file are read from its beginning to its end
        orders = [table.reading_order() for table in tables]
        order = next((order for order in orders if order is not None), None)
        self.register_buffer("order", order, persistent=False)
        place = None if order is None else torch.argsort(order)
        self.register_buffer("place", place, persistent=False)
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
        self.completion: CategoryCompletion | None = None
        contents = [table.present[1:] for table in tables]
        if prior is not None and config["complete_missing"] and not all(map(torch.all, contents)):
            self.completion = CategoryCompletion(
                prior=prior, n_contents=len(contents), dimension=dimension
            )
        self.context: nn.Parameter | None = None
        if config["fusion"] == "camoe":
            self.camoe = CAMoE(
                n_modalities=n_modalities,
                dimension=dimension,
                inner=config["expert_size"],
                prior=prior,
                copies=config["experts_per_view"],
                dropout=config["expert_dropout"],
                # checkpoints of earlier versions have no such setting
                mixture_dropout=float(config["mixture_dropout"] or 0),
                gamma=config["expert_scale"],
                gate_scale=config["gate_scale"],
            )
            if categories is None and self.camoe.attends:
                self.context = nn.Parameter(torch.empty(1, dimension))

    @property
    def n_modalities(self) -> int:
        """Number ``M`` of modalities, the ID included."""
        return self.item_init.n_modalities

    def reset_parameters(self, std: float) -> None:
        """Start values of what is no linear layer.

        Args:
            std: of the item vectors.
        """
        if self.context is not None:
            nn.init.normal_(self.context, std=1.0)
        self.item_init.reset_parameters(std)

    def views(
        self, items: ItemSelection = None, id_vectors: torch.Tensor | None = None
    ) -> ItemViews:
        """Modality vectors, predicted categories and weighted sum of some items.

        Args:
            items: ``(n,)`` item ids, a range of ids as a slice, or None for all.
            id_vectors: ``(n, d)`` their rows of the ID embedding, where the caller has them.

        Returns:
            Views of the ``n`` items, in the order asked for.
        """
        modalities, mask = self.item_init(items, id_vectors)
        prediction = None if self.category_head is None else self.category_head(modalities)
        probability = None if prediction is None else prediction.probability
        weighable = mask
        if self.completion is not None and probability is not None:
            present = self.item_init.present[as_index(items)]
            modalities = self.completion(modalities, present, probability)
            weighable = torch.ones_like(mask)
        if self.camoe is None:
            return ItemViews(modalities, mask, prediction, modalities.sum(dim=1), None)
        residual, weights = self.camoe.residual(modalities, weighable, probability)
        return ItemViews(modalities, mask, prediction, residual, weights)

    def fuse(self, views: ItemViews) -> Fused:
        """Ask the experts.

        Args:
            views: of ``n`` items.

        Returns:
            ``(n, d)`` vectors and expert attention.
        """
        if self.camoe is None:
            return Fused(views.residual, None)
        context: torch.Tensor | None = self.context
        if self.category_head is not None and views.prediction is not None:
            context = self.category_head.context(views.prediction)
        mixture = self.camoe.mixture(views.modalities, views.mask, context)
        return Fused(views.residual + mixture.items, mixture.attention)

    def candidates(self, views: ItemViews) -> torch.Tensor:
        """What user vectors are compared with: the weighted sum, without the experts.

        The experts would have to run over the whole catalogue in every step, and validation saw no
        gain from it.

        Args:
            views: of ``n`` items.

        Returns:
            ``(n, d)``, of unit length for cosine scores.
        """
        return F.normalize(views.residual, dim=1) if self.cosine else views.residual

    def catalogue(self, size: int) -> Catalogue:
        """Candidate vectors of all items, made by blocks and made again in the backward pass.

        A catalogue's features, projections and category predictions do not fit a training step;
        its candidate vectors do.

        Args:
            size: most items in a block.

        Returns:
            Vectors and where each item stands.
        """
        spans = list(self._spans(size))
        id_vectors: Sequence[torch.Tensor | None] = [None] * len(spans)
        if self.item_init.id_embedding is not None:
            # split once: the gradient of a block's own rows would be as large as the embedding
            weight = self.item_init.id_embedding.weight
            if self.order is not None:
                weight = weight.index_select(0, self.order)
            id_vectors = weight.split([span.stop - span.start for span in spans])

        def made(span: slice, vectors: torch.Tensor | None) -> torch.Tensor:
            return self.candidates(self.views(self._items(span), vectors))

        parts = [
            checkpoint(made, span, vectors, use_reentrant=False, preserve_rng_state=False)
            for span, vectors in zip(spans, id_vectors)
        ]
        return Catalogue(torch.cat(parts), self.place)

    def category_loss(self, views: ItemViews, items: torch.Tensor | None) -> torch.Tensor:
        """Loss of the category task over the labelled ones of some items.

        Args:
            views: of ``n`` items.
            items: their ids; None where the views are of all items.

        Returns:
            Scalar.

        Raises:
            ValueError: there is no category task.
        """
        if self.category_head is None or views.prediction is None:
            raise ValueError("`category_weight` is 0, so there is no category task.")
        targets = self.category_targets if items is None else self.category_targets[items]
        return category_loss(views.prediction.logits, targets, self.category_head.multi_label)

    def _spans(self, size: int) -> Iterator[slice]:
        """Ranges of positions that cover the catalogue."""
        size = min(size, _BLOCK_ITEMS)
        for start in range(0, self.n_items, size):
            yield slice(start, min(start + size, self.n_items))

    def _items(self, span: slice) -> torch.Tensor | slice:
        """The items at some positions."""
        return span if self.order is None else self.order[span]

    def ranking_table(self, block: int) -> RankingTable:
        """Vectors of all items for ranking, computed by blocks.

        Args:
            block: most items in a block.

        Returns:
            The table, rows indexed by item id.
        """
        items, candidates = [], []
        for span in self._spans(block):
            views = self.views(self._items(span))
            items.append(self.fuse(views).items)
            candidates.append(self.candidates(views))
        table = RankingTable(torch.cat(items), torch.cat(candidates))
        if self.place is None:
            return table
        return RankingTable(table.items[self.place], table.candidates[self.place])

    def table(self) -> ItemTable:
        """Everything there is to see of all items, computed by blocks.

        Returns:
            The table, rows indexed by item id.
        """
        columns: list[torch.Tensor | None] = []
        for span in self._spans(_BLOCK_ITEMS):
            items = self._items(span)
            block = self._table_of(items)
            if not columns:
                columns = [
                    None if part is None else part.new_empty(self.n_items, *part.shape[1:])
                    for part in block
                ]
            for column, part in zip(columns, block):
                if column is not None and part is not None:
                    column[items] = part
        return ItemTable._make(columns)

    def _table_of(self, items: ItemSelection) -> ItemTable:
        """The rows of some items."""
        views = self.views(items)
        fused = self.fuse(views)
        return ItemTable(
            views.modalities,
            self.item_init.present[as_index(items)],
            fused.items,
            self.candidates(views),
            views.weights,
            fused.attention,
            None if views.prediction is None else views.prediction.logits,
        )
