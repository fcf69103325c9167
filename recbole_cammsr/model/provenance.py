"""Guards a checkpoint against items and feature files that it was not trained with."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Provenance:
    """Digests and dimensions of the frozen item side of a model.

    Attributes:
        modalities: names of the content modalities, in order.
        paths: their files.
        dimensions: lengths of their feature vectors.
        digests: modality (or ``categories``) to digest of tokens and values, and ``items`` to that
            of the item tokens in the order of their ids.
        projection_key: name of the parameters that project modality ``{index}``.
    """

    modalities: tuple[str, ...]
    paths: tuple[str, ...]
    dimensions: tuple[int, ...]
    digests: dict[str, str]
    projection_key: str

    @classmethod
    def of(
        cls,
        items: Sequence[Any],
        tables: Sequence[Any],
        categories: Any | None,
        projection_key: str,
    ) -> Provenance:
        """Read off a data set's items, feature tables and categories.

        Args:
            items: tokens, in the order of their ids.
            tables: with ``modality``, ``path``, ``dimension`` and ``digest``.
            categories: with ``digest``, or None without guidance.
            projection_key: see the attribute.
        """
        digests = {"items": _digest(items)}
        digests.update({f"modality {table.modality}": table.digest for table in tables})
        if categories is not None:
            digests["categories"] = categories.digest
        return cls(
            modalities=tuple(table.modality for table in tables),
            paths=tuple(table.path for table in tables),
            dimensions=tuple(table.dimension for table in tables),
            digests=digests,
            projection_key=projection_key,
        )

    def check_dimensions(self, state_dict: Mapping[str, Any]) -> None:
        """Compare the projections of a checkpoint with the features in memory.

        Args:
            state_dict: parameters about to be loaded.

        Raises:
            ValueError: a modality's features have another dimension.
        """
        for index, (modality, path, dimension) in enumerate(
            zip(self.modalities, self.paths, self.dimensions)
        ):
            weight = state_dict.get(self.projection_key.format(index=index))
            if weight is not None and weight.shape[1] != dimension:
                raise ValueError(
                    f"feature file {path} of modality {modality!r} has dimension {dimension} and "
                    f"the checkpoint {weight.shape[1]}; use the file it was trained with, or train "
                    f"anew."
                )

    def check_digests(self, stored: Mapping[str, str] | None) -> None:
        """Compare the digests of a checkpoint with those in memory.

        Args:
            stored: digests from the checkpoint; None (a checkpoint without them) passes.

        Raises:
            ValueError: names what differs.
        """
        if stored is None:
            return
        # first: where ids are others, so are the rows of every feature table
        if stored.get("items", self.digests["items"]) != self.digests["items"]:
            raise ValueError(
                "the items are not those that the checkpoint was trained with, or they have other "
                "ids (RecBole numbers them in the order in which they come in the `.inter` and "
                "`.item` files); use the same files and filters, or train anew."
            )
        for modality, path in zip(self.modalities, self.paths):
            key = f"modality {modality}"
            if stored.get(key) != self.digests[key]:
                raise ValueError(
                    f"the features of modality {modality!r} ({path}) are not those that the "
                    f"checkpoint was trained with; use the same file and item filters, or train "
                    f"anew."
                )
        if stored.get("categories") != self.digests.get("categories"):
            raise ValueError(
                "the item categories are not those that the checkpoint was trained with; use the "
                "same `.item` file, `category_field` and item filters, or train anew."
            )


def _digest(items: Sequence[Any]) -> str:
    digest = hashlib.blake2b(digest_size=16)
    digest.update("\n".join(map(str, items)).encode())
    return digest.hexdigest()
