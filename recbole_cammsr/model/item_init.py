"""Item initialisation: ID embedding and projected frozen features (docs/model.md eq. 1)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import torch
from torch import nn

from recbole_cammsr.model.frozen_features import FrozenFeatures, ItemSelection, as_index


def embedding_rows(embedding: nn.Embedding, items: ItemSelection) -> torch.Tensor:
    """Rows of an embedding.

    Args:
        embedding: ``(n_items, d)``.
        items: ``(n,)`` item ids, a range of ids as a slice, or None for all.

    Returns:
        ``(n, d)``.
    """
    # a lookup's gradient needs no copy of the table, that of a range does
    if isinstance(items, torch.Tensor):
        rows: torch.Tensor = embedding(items)
        return rows
    return embedding.weight[as_index(items)]


class ItemInit(nn.Module):
    """One vector per item and modality.

    The modalities are, in order, the ID (if used) and the content modalities. A missing content
    modality is a learned vector.

    Args:
        n_items: items including padding (id 0).
        dimension: hidden size ``d``.
        features: per content modality.
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
        features: Sequence[FrozenFeatures],
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
        self.projections = nn.ModuleList(nn.Linear(f.dimension, dimension) for f in features)
        self.missing = nn.ParameterList(nn.Parameter(torch.empty(dimension)) for _ in features)
        self.features = nn.ModuleList(features)
        mask = [torch.ones(n_items, dtype=torch.bool)] if use_id else []
        stacked = torch.stack([*mask, *present], dim=1)
        self.register_buffer("present", stacked.clone(), persistent=False)
        # an item without any modality is represented by its learned missing vectors
        stacked[~stacked.any(dim=1)] = True
        self.register_buffer("mask", stacked, persistent=False)

    @classmethod
    def of_tables(
        cls, tables: Sequence[Any], n_items: int, dimension: int, use_id: bool = True
    ) -> ItemInit:
        """The modalities of some feature tables, and the ID if used.

        Args:
            tables: of the content modalities, see :class:`FrozenFeatures`.
            n_items: see the class.
            dimension: see the class.
            use_id: see the class.
        """
        return cls(
            n_items=n_items,
            dimension=dimension,
            features=[FrozenFeatures(table) for table in tables],
            present=[table.present for table in tables],
            use_id=use_id,
        )

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

    def forward(
        self, items: ItemSelection = None, id_vectors: torch.Tensor | None = None
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Modality vectors of some items, or of the whole catalogue.

        Args:
            items: ``(n,)`` item ids, a range of ids as a slice, or None for all.
            id_vectors: ``(n, d)`` their rows of the ID embedding, where the caller has them.

        Returns:
            ``(n, M, d)`` vectors, that of a missing modality being learned, and ``(n, M)`` bool:
            the item has the modality, or has none at all.
        """
        chosen = as_index(items)
        if self.id_embedding is not None and id_vectors is None:
            id_vectors = embedding_rows(self.id_embedding, items)
        projected = (
            projection(features(items).to(projection.weight.dtype))
            for features, projection in zip(self.features, self.projections)
        )
        return self._stacked(id_vectors, projected, self.present[chosen]), self.mask[chosen]

    def catalogue(self) -> torch.Tensor:
        """Modality vectors of all items; features that stay in a file are not held for it.

        Returns:
            ``(n_items, M, d)``.
        """
        id_vectors = None if self.id_embedding is None else self.id_embedding.weight
        parts: Any = zip(self.features, self.projections)
        projected = (features.projected(projection) for features, projection in parts)
        return self._stacked(id_vectors, projected, self.present)

    def _stacked(
        self,
        id_vectors: torch.Tensor | None,
        projected: Iterable[torch.Tensor],
        present: torch.Tensor,
    ) -> torch.Tensor:
        """The modalities side by side, learned vectors in place of missing ones."""
        vectors = [] if id_vectors is None else [id_vectors]
        of_contents = present[:, len(vectors) :].unbind(1)
        for vector, has, missing in zip(projected, of_contents, self.missing):
            vectors.append(torch.where(has.unsqueeze(1), vector, missing.to(vector.dtype)))
        # under autocast the ID is float32 and the projections are not
        dtype = vectors[-1].dtype
        return torch.stack([vector.to(dtype) for vector in vectors], dim=1)
