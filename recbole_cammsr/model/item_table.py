"""What the model computes of all items at once."""

from __future__ import annotations

from typing import NamedTuple

import torch


class ItemTable(NamedTuple):
    """All items once.

    Attributes:
        modalities: ``(n_items, M, d)``.
        items: ``(n_items, d)`` fused, what the history encoder reads.
        candidates: ``(n_items, d)`` what a user vector is compared with.
        weights: ``(n_items, M)`` modality weights, None without CAMoE.
        attention: ``(n_items, K)`` expert attention, None without CAMoE.
        category_logits: ``(n_items, C)``, None without guidance.
    """

    modalities: torch.Tensor
    items: torch.Tensor
    candidates: torch.Tensor
    weights: torch.Tensor | None
    attention: torch.Tensor | None
    category_logits: torch.Tensor | None


class Catalogue(NamedTuple):
    """Of all items what needs no experts; fields as in :class:`ItemTable`."""

    modalities: torch.Tensor
    mask: torch.Tensor
    context: torch.Tensor | None
    residual: torch.Tensor
    weights: torch.Tensor | None
    category_logits: torch.Tensor | None
