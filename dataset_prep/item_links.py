"""Image links of items."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

from .amazon_releases import IMAGE_SIZES
from .item_records import read_items


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
        value: A link, links separated by blanks, an object with the link of each of Amazon's image
            sizes, of which the largest is taken, a list of these, or nothing.

    Returns:
        The link; empty where there is none.
    """
    if isinstance(value, dict):
        value = [value.get(size) for size in IMAGE_SIZES]
    if isinstance(value, (list, tuple)):
        return next((link for link in map(first_link, value) if link), "")
    words = value.split() if isinstance(value, str) else []
    return words[0] if words else ""
