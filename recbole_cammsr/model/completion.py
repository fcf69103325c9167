"""Fills in the content that an item lacks, from its predicted category (docs/model.md eq. 4)."""

from __future__ import annotations

import torch
from torch import nn


class CategoryCompletion(nn.Module):
    """What the content of an item of a category looks like, for items that have none.

    ``x^m = missing^m + (p - prior) F^m`` where modality m is missing. F is zero at start: training
    begins with the one learned vector ``missing^m`` for all items, and learns how a category
    departs from it. An item that lacks its text then still says that it is nail polish.

    Args:
        prior: ``(C,)`` share of each label in the catalogue.
        n_contents: number of content modalities.
        dimension: hidden size ``d``.
    """

    prior: torch.Tensor

    def __init__(self, *, prior: torch.Tensor, n_contents: int, dimension: int) -> None:
        super().__init__()
        self.n_contents = n_contents
        self.register_buffer("prior", prior, persistent=False)
        self.by_label = nn.Parameter(torch.zeros(len(prior), n_contents * dimension))

    def forward(
        self, modalities: torch.Tensor, present: torch.Tensor, probability: torch.Tensor
    ) -> torch.Tensor:
        """Complete the content modalities, which come last.

        Args:
            modalities: ``(n, M, d)``.
            present: ``(n, M)`` bool, whether the item has the modality.
            probability: ``(n, C)`` predicted categories; no gradient flows into it.

        Returns:
            ``(n, M, d)``; what is present is left as it is.
        """
        contents = modalities[:, -self.n_contents :]
        lacks = ~present[:, -self.n_contents :].unsqueeze(2)
        departure = (probability.detach() - self.prior).to(self.by_label.dtype)
        typical = departure @ self.by_label
        typical = typical.view_as(contents).to(contents.dtype)
        completed = torch.where(lacks, contents + typical, contents)
        return torch.cat([modalities[:, : -self.n_contents], completed], dim=1)
