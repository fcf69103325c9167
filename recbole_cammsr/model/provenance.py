"""Guards a checkpoint against items and feature files that it was not trained with."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from logging import getLogger
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import torch

#: ends the names of parameters that have a row for each item
_ROWS_OF_ITEMS = ("id_embedding.weight", "fusion.factor")
#: ends the names of parameters that have a row, or a number, for each category label
_ROWS_OF_LABELS = (
    "category_head.weight",
    "category_head.bias",
    "category_head.classify.weight",
    "category_head.classify.bias",
    "category_head.label_embedding",
    "completion.by_label",
    "camoe.gate",
)
#: ends the names of parameters that are there where an item lacks a modality
_OF_LACKING_ITEMS = ("completion.by_label",)

_OTHER_CATEGORIES = (
    "the item categories are not those that the checkpoint was trained with; use the same `.item` "
    "file, `category_field` and item filters, or train anew."
)


@dataclass(frozen=True)
class Provenance:
    """Digests and dimensions of the frozen item side of a model.

    Attributes:
        modalities: names of the content modalities, in order.
        paths: their files.
        dimensions: lengths of their feature vectors.
        digests: modality (or ``categories``) to digest of tokens and values, ``items`` to that of
            the item tokens in the order of their ids, ``labels`` to that of the categories' names,
            and ``order`` to the modalities' names.
        n_items: items, padding included.
        projection_key: name of the parameters that project modality ``{index}``.
    """

    modalities: tuple[str, ...]
    paths: tuple[str, ...]
    dimensions: tuple[int, ...]
    digests: dict[str, str]
    n_items: int
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
            categories: with ``digest``, ``labels`` and ``multi_label``; None without guidance.
            projection_key: see the attribute.
        """
        names = [table.modality for table in tables]
        digests = {"items": _digest(items), "order": ", ".join(names)}
        digests.update({f"modality {table.modality}": table.digest for table in tables})
        if categories is not None:
            digests["categories"] = categories.digest
            digests["labels"] = _digest([*categories.labels, categories.multi_label])
        return cls(
            modalities=tuple(names),
            paths=tuple(table.path for table in tables),
            dimensions=tuple(table.dimension for table in tables),
            digests=digests,
            n_items=len(items),
            projection_key=projection_key,
        )

    def check_dimensions(self, state_dict: Mapping[str, Any]) -> None:
        """Compare the shapes of a checkpoint with the items and features in memory.

        Args:
            state_dict: parameters about to be loaded.

        Raises:
            ValueError: there are more or fewer items, or a modality's features have another
                dimension.
        """
        for key, value in state_dict.items():
            if key.endswith(_ROWS_OF_ITEMS) and len(value) not in (1, self.n_items):
                raise ValueError(
                    f"there are {self.n_items - 1} items, and {len(value) - 1} in the checkpoint; "
                    f"use the same `.inter` and `.item` files and filters, or train anew."
                )
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

    def misfit(
        self, state_dict: Mapping[str, torch.Tensor], own: Mapping[str, torch.Tensor]
    ) -> str | None:
        """Why parameters do not fit, where changed data account for all that does not.

        Args:
            state_dict: parameters of a checkpoint that torch refused.
            own: those of the model in memory.

        Returns:
            A sentence; None where something else differs, such as the size of the model.
        """
        lacking = state_dict.keys() ^ own.keys()
        if not all(key.endswith(_OF_LACKING_ITEMS) for key in lacking):
            return None
        changed = [
            key for key in state_dict.keys() & own.keys() if state_dict[key].shape != own[key].shape
        ]
        for key in changed:
            theirs, ours = state_dict[key].shape, own[key].shape
            # of a model of another size the other dimensions differ
            if not key.endswith(_ROWS_OF_LABELS) or theirs[1:] != ours[1:]:
                return None
        if changed:
            return _OTHER_CATEGORIES
        if not lacking:
            return None
        then, now = "no item lacked", "some item lacks"
        if lacking & state_dict.keys():
            then, now = "some item lacked", "no item lacks"
        return (
            f"when the checkpoint was trained {then} a modality ({', '.join(self.modalities)}) "
            f"that `complete_missing` completes, and now {now} one; use the same feature files "
            f"({', '.join(self.paths)}), item filters and `complete_missing`, or train anew."
        )

    def check_digests(
        self, stored: Mapping[str, str] | None, own: Mapping[str, torch.Tensor]
    ) -> None:
        """Compare the digests of a checkpoint with those in memory.

        Other items are no fault of a model whose parameters are of no single item: it ranks them
        by their content.

        Args:
            stored: digests from the checkpoint; None (a checkpoint without them) passes.
            own: parameters of the model in memory.

        Raises:
            ValueError: names what differs.
        """
        if stored is None:
            return
        # first: where ids are others, so are the rows of every feature table
        other_items = stored.get("items", self.digests["items"]) != self.digests["items"]
        if other_items and any(map(self._has_rows_of_items, own.values())):
            raise ValueError(
                "the items are not those that the checkpoint was trained with, or they have other "
                "ids (RecBole numbers them in the order in which they come in the `.inter` and "
                "`.item` files); use the same files and filters, or train anew."
            )
        # parameters are kept by the place of their modality
        order = stored.get("order", self.digests["order"])
        if order != self.digests["order"]:
            raise ValueError(
                f"`modalities` are {self.digests['order'] or 'none'}, and those of the checkpoint "
                f"{order or 'none'}; name the same ones in the same order, or train anew."
            )
        if other_items:
            self._check_labels(stored)
            return
        for modality, path in zip(self.modalities, self.paths):
            key = f"modality {modality}"
            if stored.get(key) != self.digests[key]:
                raise ValueError(
                    f"the features of modality {modality!r} ({path}) are not those that the "
                    f"checkpoint was trained with; use the same file and item filters, or train "
                    f"anew."
                )
        # a model that reads none does not mind those of an earlier version's checkpoint
        if "categories" in self.digests and stored.get("categories") != self.digests["categories"]:
            raise ValueError(_OTHER_CATEGORIES)

    def _has_rows_of_items(self, value: Any) -> bool:
        """Whether a parameter, of whatever model, says something of single items."""
        return self.n_items in getattr(value, "shape", ())[:1]

    def _check_labels(self, stored: Mapping[str, str]) -> None:
        """What can be compared where the items are others; features cannot.

        Args:
            stored: digests from the checkpoint.

        Raises:
            ValueError: the categories have other names, or are several an item and were one.
        """
        if "labels" in self.digests and stored.get("labels") != self.digests["labels"]:
            raise ValueError(_OTHER_CATEGORIES)
        getLogger().warning(
            "the items are not those that the checkpoint was trained with; they are ranked by "
            f"their content ({self.digests['order']}), which must be features of the same encoder"
        )


def _digest(items: Sequence[Any]) -> str:
    digest = hashlib.blake2b(digest_size=16)
    digest.update("\n".join(map(str, items)).encode())
    return digest.hexdigest()
