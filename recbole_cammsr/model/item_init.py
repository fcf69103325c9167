"""Item initialisation: ID embedding and projected frozen features (docs/model.md eq. 1)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Union

import torch
from torch import nn

#: item ids ``(n,)``, a range of them, or None for all
ItemSelection = Union[torch.Tensor, slice, None]


def standardise(values: torch.Tensor, present: torch.Tensor) -> torch.Tensor:
    """Rows centred and scaled to a root mean square length of one over the items that have them.

    The length matters more than it looks: with values, not rows, of unit size a projection moves
    the item by sqrt(d_m) times as much per optimiser step as the ID embedding moves it, and
    overfits (docs/results.md, "Design choices").

    Args:
        values: ``(n, d)`` raw features.
        present: ``(n,)`` bool.

    Returns:
        ``(n, d)`` in the dtype of ``values``: (f/|f| - mean) / rms of the lengths; zero where
        missing.
    """
    rows = values[present].float()
    rows = rows / rows.norm(dim=1, keepdim=True).clamp_min(1e-12)
    rows = rows - rows.mean(dim=0)
    rows = rows / rows.square().sum(dim=1).mean().sqrt().clamp_min(1e-12)
    result = torch.zeros_like(values)
    result[present] = rows.to(values.dtype)
    return result


class ItemInit(nn.Module):
    """One vector per item and modality.

    The modalities are, in order, the ID (if used) and the content modalities. A missing content
    modality is a learned vector.

    Args:
        n_items: items including padding (id 0).
        dimension: hidden size ``d``.
        features: per content modality ``(n_items, d_m)`` raw values.
        present: per content modality ``(n_items,)`` bool.
        use_id: whether the item ID is a modality.

    Raises:
        ValueError: there is no modality at all.
    """

    mask: torch.Tensor
    present: torch.Tensor

    def __init__(
        self,
        *,
        n_items: int,
        dimension: int,
        features: Sequence[torch.Tensor],
        present: Sequence[torch.Tensor],
        use_id: bool,
    ) -> None:
        super().__init__()
        if not features and not use_id:
            raise ValueError(
                "items have no modality: `modalities` is empty and `use_id` is false; turn one on."
            )
        self.n_items = n_items
        self.id_embedding = nn.Embedding(n_items, dimension, padding_idx=0) if use_id else None
        self.projections = nn.ModuleList(nn.Linear(f.shape[1], dimension) for f in features)
        self.missing = nn.ParameterList(nn.Parameter(torch.empty(dimension)) for _ in features)
        for index, (value, has) in enumerate(zip(features, present)):
            # frozen: a buffer outside the checkpoint, a function of the feature file alone
            self.register_buffer(f"features_{index}", standardise(value, has), persistent=False)
        mask = [torch.ones(n_items, dtype=torch.bool)] if use_id else []
        stacked = torch.stack([*mask, *present], dim=1)
        self.register_buffer("present", stacked.clone(), persistent=False)
        # an item without any modality is represented by its learned missing vectors
        stacked[~stacked.any(dim=1)] = True
        self.register_buffer("mask", stacked, persistent=False)

    @property
    def n_modalities(self) -> int:
        """Number ``M`` of modalities, the ID included."""
        return int(self.mask.shape[1])

    def reset_parameters(self, std: float) -> None:
        """Normal weights of standard deviation ``std``, zero padding and biases."""
        if self.id_embedding is not None:
            nn.init.normal_(self.id_embedding.weight, std=std)
            with torch.no_grad():
                self.id_embedding.weight[0].zero_()
        for projection in self.projections:
            nn.init.normal_(projection.weight, std=std)  # type: ignore[arg-type]
            nn.init.zeros_(projection.bias)  # type: ignore[arg-type]
        for vector in self.missing:
            nn.init.normal_(vector, std=std)

    def forward(self, items: ItemSelection = None) -> tuple[torch.Tensor, torch.Tensor]:
        """Modality vectors of some items, or of the whole catalogue.

        Args:
            items: ``(n,)`` item ids, a range of ids as a slice, or None for all.

        Returns:
            ``(n, M, d)`` vectors and ``(n, M)`` bool, whether the modality takes part in the
            fusion: the item has it, or has none at all.
        """
        chosen = slice(None) if items is None else items
        present = self.present[chosen]
        offset = 0
        vectors = []
        if self.id_embedding is not None:
            offset = 1
            # a lookup's gradient needs no copy of the table, that of a range does
            lookup = isinstance(chosen, torch.Tensor)
            vectors.append(
                self.id_embedding(chosen) if lookup else self.id_embedding.weight[chosen]
            )
        for index, (projection, missing) in enumerate(zip(self.projections, self.missing)):
            feature = getattr(self, f"features_{index}")[chosen]
            projected = projection(feature.to(projection.weight.dtype))
            has = present[:, offset + index].unsqueeze(1)
            vectors.append(torch.where(has, projected, missing.to(projected.dtype)))
        # under autocast the ID is float32 and the projections are not
        dtype = vectors[-1].dtype
        return torch.stack([vector.to(dtype) for vector in vectors], dim=1), self.mask[chosen]
