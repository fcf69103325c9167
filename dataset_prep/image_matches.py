"""Which images of a source belong to an item, and what to say of those that do not."""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping
from dataclasses import dataclass

from .image_encoder import without_image
from .image_source import ImageFile, ImageListing, check_any


@dataclass(frozen=True)
class ItemImages:
    """The images of items in a source.

    Attributes:
        source: Where the images are.
        listing: What is there.
        wanted: Item tokens, at least one; None where every image is one of an item.
        references: Item token to the name of its file; None where the stem is the item id.
    """

    source: str | os.PathLike[str]
    listing: ImageListing
    wanted: Collection[str] | None
    references: Mapping[str, str] | None = None

    def images(self) -> list[ImageFile]:
        """The images of the items."""
        return [x for x in self.listing.images if self.wanted is None or x.token in self.wanted]

    def of_no_item(self) -> dict[str, str]:
        """Name of each image that is of no item, and the reason."""
        if self.wanted is None:
            return {}
        strangers = (x for x in self.listing.images if x.token not in self.wanted)
        return {x.name: f"{x.token!r} is no item id" for x in strangers}

    def ignored(self) -> dict[str, str]:
        """Name of each file that is not looked at, and the reason."""
        return {**self.listing.ignored, **self.of_no_item()}

    def absent(self) -> dict[str, str]:
        """Token of each item without an image to look at, and the reason."""
        return without_image(self.wanted, self.images(), self.listing.refused)

    def refuse_no_image(self, verdicts: str | os.PathLike[str]) -> None:
        """Refuse a source of which no image is one of an item.

        Args:
            verdicts: The file of all reasons, to be named.

        Raises:
            ValueError: If it is such a source, with a name of the one side beside one of the other.
        """
        if self.images():
            return
        if self.references is None:
            check_any(self.listing, self.source)
            why = (
                f"no file's stem is an item id, e.g. {self.listing.images[0].token!r} beside the "
                f"item {min(self.wanted or ('',))!r}: name the files by item, or give the field "
                "that has their names with --file-field"
            )
        elif not self.references:
            why = "no item names a file: give the field that has the names with --file-field"
        else:
            token, reference = next(iter(self.references.items()))
            file = next(iter(self.listing.ignored), None)
            why = (
                f"no item's file can be used, e.g. {reference!r} of the item {token!r} beside "
                f"{'no file at all' if file is None else repr(file)}: give the folder from which "
                "the names of files start"
            )
        raise ValueError(f"{self.source}: {why}; all reasons are in {verdicts}")
