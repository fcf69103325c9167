"""Image links of items."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from typing import Any

from .amazon_releases import IMAGE_SIZES, image_objects
from .clean_text import reference_word
from .item_records import read_items

# Other blanks are part of a link, as they are of many file names.
_BETWEEN_LINKS = re.compile(r"\s+(?=https?://)", re.IGNORECASE)


def read_links(
    path: str | os.PathLike[str], item_field: str, url_field: str
) -> Iterator[tuple[str, str]]:
    """Read the image link of each item that has one.

    Args:
        path: Items, see ``item_records.read_items``.
        item_field: Name of the item id.
        url_field: Name of the field with the link, or with a list whose first link is taken.

    Yields:
        Item token and link.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If the file cannot be read, or no item has the field.
    """
    found = False
    for token, record in read_items(path, item_field, [url_field]):
        found = found or url_field in record
        link = first_link(record.get(url_field))
        if link:
            yield token, link
    if not found:
        raise ValueError(f"{path}: no item has a field {url_field!r} with image links")


def first_link(value: Any) -> str:
    """Take the first link of a field.

    Args:
        value: A link, links separated by blanks, a list of these, or nothing; or images as
            ``amazon_releases.image_objects`` reads them, of whose first one with a link the
            largest is taken.

    Returns:
        The link, with blanks in it written as in a URL; empty where there is none.
    """
    if isinstance(value, (dict, list, tuple)):
        links = [image.get(size) for image in image_objects(value) for size in IMAGE_SIZES]
        if not isinstance(value, dict):
            links += [link for link in value if not isinstance(link, dict)]
        return next((link for link in map(first_link, links) if link), "")
    if not isinstance(value, str):
        return ""
    return reference_word(_BETWEEN_LINKS.split(value.strip(), maxsplit=1)[0])
