"""Guards a checkpoint against items and feature files that it was not trained with."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from logging import getLogger
from typing import Any

from recbole_cammsr.model import lacking_content
from recbole_cammsr.model.lacking_content import Parameters

#: ends the names of this package's parameters that have a row for each item
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
            ``order`` to the modalities' names, and ``lacking`` to those that some item lacks.
        n_items: items, padding included.
        projection_key: name of the parameters that project modality ``{index}``.
        as_shipped: whether the model is one of this package's, whose parameters are known by name.
    """

    modalities: tuple[str, ...]
    paths: tuple[str, ...]
    dimensions: tuple[int, ...]
    digests: dict[str, str]
    n_items: int
    projection_key: str
    as_shipped: bool

    @classmethod
    def of(
        cls,
        items: Sequence[Any],
        tables: Sequence[Any],
        categories: Any | None,
        projection_key: str,
        as_shipped: bool = True,
    ) -> Provenance:
        """Read off a data set's items, feature tables and categories.

        Args:
            items: tokens, in the order of their ids.
            tables: with ``modality``, ``path``, ``dimension``, ``digest`` and ``present``.
            categories: with ``digest``, ``labels`` and ``multi_label``; None without guidance.
            projection_key: see the attribute.
            as_shipped: see the attribute.
        """
        names = [table.modality for table in tables]
        digests = {"items": _digest(items), "order": ", ".join(names)}
        digests.update({f"modality {table.modality}": table.digest for table in tables})
        lacking = [table.modality for table in tables if not bool(table.present[1:].all())]
        digests["lacking"] = ", ".join(lacking)
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
            as_shipped=as_shipped,
        )

    def check_dimensions(self, state_dict: Parameters) -> None:
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

    def for_coverage(self, state_dict: Parameters, own: Parameters) -> Parameters:
        """Parameters for a catalogue whose items lack another modality than in training.

        Of a model that takes other items; whether they are others :meth:`check_digests` looks at.

        Args:
            state_dict: parameters of a checkpoint.
            own: those of the model in memory.

        Returns:
            The parameters of the checkpoint where nothing is to be changed, else a copy.
        """
        if self._is_of_single_items(own):
            return state_dict
        return lacking_content.fitted(state_dict, own)

    def misfit(self, state_dict: Parameters, own: Parameters) -> str | None:
        """Why parameters do not fit, where changed data account for all that does not.

        Args:
            state_dict: parameters of a checkpoint that torch refused.
            own: those of the model in memory.

        Returns:
            A sentence; None where something else differs, such as the size of the model.
        """
        lacking = lacking_content.in_one_only(state_dict, own)
        if lacking != state_dict.keys() ^ own.keys():
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
        return self.other_coverage(state_dict, own)

    def other_coverage(self, state_dict: Parameters, own: Parameters) -> str | None:
        """What to say of completion that only the checkpoint has, or only the model in memory.

        Args:
            state_dict: parameters of a checkpoint.
            own: those of the model in memory.

        Returns:
            A sentence; None where both have it or neither.
        """
        lacking = lacking_content.in_one_only(state_dict, own)
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
        self,
        stored: Mapping[str, str] | None,
        own: Parameters,
        other_coverage: str | None,
    ) -> None:
        """Compare the digests of a checkpoint with those in memory.

        Other items are no fault of a model whose parameters are of no single item: it ranks them
        by their content.

        Args:
            stored: digests from the checkpoint; None (a checkpoint without them) passes.
            own: parameters of the model in memory.
            other_coverage: what :meth:`other_coverage` says of the two, no fault with other items.

        Raises:
            ValueError: names what differs.
        """
        if stored is None:
            return
        # first: where ids are others, so are the rows of every feature table
        other_items = stored.get("items", self.digests["items"]) != self.digests["items"]
        if other_items and self._is_of_single_items(own):
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
            self._tell_of_untrained(stored, own, other_coverage)
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
        if other_coverage is not None:
            raise ValueError(other_coverage)

    def _is_of_single_items(self, own: Parameters) -> bool:
        """Whether a parameter of the model in memory says something of single items."""
        # a layer of ours can be as long as the catalogue by chance; of a user's nothing else tells
        return any(
            self.n_items in getattr(value, "shape", ())[:1]
            and (not self.as_shipped or key.endswith(_ROWS_OF_ITEMS))
            for key, value in own.items()
        )

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

    def _tell_of_untrained(
        self, stored: Mapping[str, str], own: Parameters, other_coverage: str | None
    ) -> None:
        """Warn where nothing was learned of what stands for a modality that an item now lacks."""
        # a checkpoint of an earlier version tells by its completion alone, where it has none
        now = _names(self.digests["lacking"])
        then = now if other_coverage is None else []
        if "lacking" in stored:
            then = _names(stored["lacking"])
        remark = lacking_content.remark_on_untrained(now, then, own)
        if remark is not None:
            getLogger().warning(remark)


def _names(joined: str) -> list[str]:
    return joined.split(", ") if joined else []


def _digest(items: Sequence[Any]) -> str:
    digest = hashlib.blake2b(digest_size=16)
    digest.update("\n".join(map(str, items)).encode())
    return digest.hexdigest()
