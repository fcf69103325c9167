"""What the model computes of items."""

from __future__ import annotations

from typing import NamedTuple

import torch

from recbole_cammsr.model.category_head import CategoryPrediction
from recbole_cammsr.model.pick import pick


class ItemViews(NamedTuple):
    """Of some items what needs no experts.

    Attributes:
        modalities: ``(n, M, d)``.
        mask: ``(n, M)`` bool, whether experts and swaps may use the modality: the item has it, or
            has none at all.
        prediction: of the categories, None without guidance.
        residual: ``(n, d)`` weighted sum of the modalities.
        weights: ``(n, M)`` modality weights, None without CAMoE.
    """

    modalities: torch.Tensor
    mask: torch.Tensor
    prediction: CategoryPrediction | None
    residual: torch.Tensor
    weights: torch.Tensor | None

    def rows(self, index: torch.Tensor) -> ItemViews:
        """The views of some of the items.

        Args:
            index: ``(k,)`` rows.

        Returns:
            Views of ``k`` items.
        """
        return ItemViews(
            pick(self.modalities, index),
            pick(self.mask, index),
            None if self.prediction is None else self.prediction.rows(index),
            pick(self.residual, index),
            None if self.weights is None else pick(self.weights, index),
        )


class Fused(NamedTuple):
    """What CAMoE makes of items.

    Attributes:
        items: ``(n, d)`` h, what the history encoder reads.
        attention: ``(n, K)`` over the experts, None without CAMoE.
    """

    items: torch.Tensor
    attention: torch.Tensor | None


def precision_of_products(parameter: torch.Tensor) -> torch.dtype:
    """The precision in which matrix products with a parameter come out here.

    Args:
        parameter: of a model, on its device.

    Returns:
        The parameter's own, or that of the autocast that the call stands in.
    """
    one = parameter.detach().new_ones(1, 1)
    return (one @ one).dtype


class Catalogue(NamedTuple):
    """Candidate vectors of all items, padding first, in whatever order they are made.

    Attributes:
        vectors: ``(n_items, d)``.
        place: ``(n_items,)`` row of each item; None where it is the item's id.
    """

    vectors: torch.Tensor
    place: torch.Tensor | None

    def rows(self, items: torch.Tensor) -> torch.Tensor:
        """Where some items stand.

        Args:
            items: item ids, any shape.

        Returns:
            Their rows of ``vectors``.
        """
        return items if self.place is None else self.place[items]


class RankingTable(NamedTuple):
    """What ranking needs of all items.

    Attributes:
        items: ``(n_items, d)`` fused, what the history encoder reads.
        candidates: ``(n_items, d)`` what a user vector is compared with.
    """

    items: torch.Tensor
    candidates: torch.Tensor


class ItemTable(NamedTuple):
    """All items once, for whoever wants to look into the fusion.

    Attributes:
        modalities: ``(n_items, M, d)``.
        present: ``(n_items, M)`` bool, whether the item has the modality.
        items: ``(n_items, d)`` fused, what the history encoder reads.
        candidates: ``(n_items, d)`` what a user vector is compared with.
        weights: ``(n_items, M)`` modality weights, None without CAMoE.
        attention: ``(n_items, K)`` expert attention, None without CAMoE.
        category_logits: ``(n_items, C)``, None without guidance.
    """

    modalities: torch.Tensor
    present: torch.Tensor
    items: torch.Tensor
    candidates: torch.Tensor
    weights: torch.Tensor | None
    attention: torch.Tensor | None
    category_logits: torch.Tensor | None
