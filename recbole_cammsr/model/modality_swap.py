"""Modality-swap contrastive learning: views of a history made by swapping modalities (eq. 10)."""

from __future__ import annotations

import torch


def swapped_views(
    modalities: torch.Tensor, mask: torch.Tensor, ratio: float
) -> tuple[torch.Tensor, torch.Tensor]:
    """Two single-modality streams of each row that swap their modality at random positions.

    For every row a pair (a, b) of different modalities is drawn. Stream A carries a, stream B
    carries b; at each position, with probability ``ratio``, the two are swapped. Where the item
    lacks the modality, its stream carries what stands in its place: the learned missing vector,
    completed from the category where that is on (eq. 4).

    Args:
        modalities: ``(B, L, M, d)``, M at least 2.
        mask: ``(B, L, M)`` bool, whether the item has the modality, false for padding: pairs are
            drawn among those that the row's items have, where there are two.
        ratio: swap probability; 0.5 mixes the streams most.

    Returns:
        Streams A and B, each ``(B, L, d)``.
    """
    batch, length, n_modalities, dimension = modalities.shape
    device = modalities.device
    # uniform pairs without replacement; modalities absent from the whole row come last
    absent = ~mask.any(dim=1)
    order = (torch.rand(batch, n_modalities, device=device) + absent.float()).argsort(dim=1)
    swap = torch.rand(batch, length, device=device) < ratio
    first, second = order[:, :1].expand(-1, length), order[:, 1:2].expand(-1, length)
    chosen_a = torch.where(swap, second, first)
    chosen_b = torch.where(swap, first, second)

    def pick(chosen: torch.Tensor) -> torch.Tensor:
        index = chosen[:, :, None, None].expand(-1, -1, 1, dimension)
        return modalities.gather(2, index).squeeze(2)

    return pick(chosen_a), pick(chosen_b)
