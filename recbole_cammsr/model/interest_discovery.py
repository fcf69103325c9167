"""Interests: clusters of the content of items, found by density peaks, and those of a history.

Reference: Wang et al., "MISSRec: Pre-training and Transferring Multi-modal Interest-aware Sequence
Representation for Recommendation" (ACM MM 2023). The clustering is DPC-KNN: Du et al., "Study on
density peaks clustering based on k-nearest neighbors and principal component analysis"
(Knowledge-Based Systems, 2016).
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import NamedTuple

import torch

# distances held at a time: rows of the catalogue go through in blocks
_HELD_DISTANCES = 1 << 24


class Interests(NamedTuple):
    """Clusters of item content, and which of them each item belongs to.

    Attributes:
        vectors: ``(1 + K, d)``; row 0 is zero and stands for no interest.
        of_items: ``(n_items, M)`` numbers from 1 to K, one for each modality of the item; 0 where
            it lacks the modality.
    """

    vectors: torch.Tensor
    of_items: torch.Tensor

    def of_histories(self, history: torch.Tensor) -> torch.Tensor:
        """The distinct interests of each history.

        Args:
            history: ``(B, L)`` item ids, 0 at padded positions.

        Returns:
            ``(B, W)`` numbers, rising, and then 0; W is the most that a history has, at least 1.
        """
        interests = self.of_items[history].flatten(start_dim=1).sort(dim=1, descending=True).values
        repeated = interests[:, 1:] == interests[:, :-1]
        interests[:, 1:].masked_fill_(repeated, 0)
        # zeros are to stand last: sort by what is above every number for them
        nowhere = len(self.vectors)
        interests = interests.masked_fill(interests == 0, nowhere).sort(dim=1).values
        width = max(int((interests < nowhere).sum(dim=1).max()), 1)
        return interests[:, :width].masked_fill(interests[:, :width] == nowhere, 0)


def no_interests(of_items: torch.Tensor, dimension: int) -> Interests:
    """What there is where no item has content.

    Args:
        of_items: ``(n_items, M)``, gives shape and device.
        dimension: ``d``.
    """
    return Interests(
        torch.zeros(1, dimension, device=of_items.device),
        torch.zeros_like(of_items, dtype=torch.long),
    )


@torch.no_grad()
def discover(contents: torch.Tensor, present: torch.Tensor, share: float, near: float) -> Interests:
    """Cluster the content vectors of all items, of all modalities together.

    Args:
        contents: ``(n_items, M, d)``.
        present: ``(n_items, M)`` bool; other vectors are left out.
        share: clusters, as a share of the vectors; rounded up.
        near: neighbours that a density is taken over, as a share of the vectors; rounded up.

    Returns:
        The interests; a cluster's vector is the mean of what is in it.
    """
    rows = contents[present].float()
    of_items = present.long()
    if not len(rows):
        return no_interests(of_items, contents.shape[2])
    clusters, vectors = density_peaks(
        rows, _part_of(len(rows), share), neighbours=_part_of(len(rows), near)
    )
    of_items[present] = clusters + 1
    return Interests(torch.cat([torch.zeros_like(vectors[:1]), vectors]), of_items)


def _part_of(count: int, share: float) -> int:
    # rounded first: 0.1 of 30 is 3, whatever 0.1 * 30 is in binary
    return max(1, math.ceil(round(count * share, 6)))


def density_peaks(
    rows: torch.Tensor, n_clusters: int, neighbours: int
) -> tuple[torch.Tensor, torch.Tensor]:
    """DPC-KNN: centres are dense and far from anything denser; others join the nearest centre.

    With distances divided by √d, the density of a row is exp(-mean squared distance to its nearest
    ``neighbours``, itself being one); its separation is the distance to the nearest denser row, or
    the largest of all distances; centres have the largest products of the two. Of rows of one
    density the first counts as denser: equal rows (a placeholder image, say) would otherwise be
    separate from nothing denser, and each of them a centre. Costs O(n² d) time and O(n) memory
    beside a block of distances.

    Args:
        rows: ``(n, d)``.
        n_clusters: from 1 to n.
        neighbours: from 1 to n.

    Returns:
        ``(n,)`` cluster of each row, and ``(n_clusters, d)`` means.
    """
    densities, largest = [], rows.new_zeros(())
    for block in _blocks(len(rows)):
        distances = _distances(rows[block], rows)
        nearest = distances.topk(neighbours, dim=1, largest=False).values
        densities.append((-nearest.square().mean(dim=1)).exp())
        largest = torch.maximum(largest, distances.max())
    density = torch.cat(densities)
    separations = []
    number = torch.arange(len(rows), device=rows.device)
    for block in _blocks(len(rows)):
        own = density[block].unsqueeze(1)
        denser = (density > own) | ((density == own) & (number < number[block].unsqueeze(1)))
        distances = _distances(rows[block], rows).masked_fill(~denser, torch.inf)
        separations.append(torch.minimum(distances.min(dim=1).values, largest))
    centres = (torch.cat(separations) * density).topk(n_clusters).indices
    nearest_centre = [
        _distances(rows[block], rows[centres]).argmin(dim=1) for block in _blocks(len(rows))
    ]
    cluster = torch.cat(nearest_centre)
    cluster[centres] = torch.arange(n_clusters, device=rows.device)  # also where centres coincide
    count = torch.bincount(cluster, minlength=n_clusters).unsqueeze(1)
    return cluster, torch.zeros_like(rows[centres]).index_add_(0, cluster, rows) / count


def _distances(some: torch.Tensor, rows: torch.Tensor) -> torch.Tensor:
    return torch.cdist(some, rows) / rows.shape[1] ** 0.5


def _blocks(count: int) -> Iterator[slice]:
    size = max(1, _HELD_DISTANCES // max(count, 1))
    return (slice(start, min(start + size, count)) for start in range(0, count, size))
