"""How the releases of Amazon Reviews spell their records."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from typing import Any

from .literals import json_or_literal, json_value

Record = Mapping[str, Any]
#: fields of an image in the 2023 metadata, best first
IMAGE_SIZES = ("hi_res", "large", "thumb")


@dataclass(frozen=True)
class Release:
    """How one release spells its records.

    Attributes:
        user: Field of the reviewer.
        item: Field of the item in reviews and metadata; 2023 keys both by the parent product.
        rating: Field of the rating.
        time: Field of the time.
        ticks_per_second: Unit of the time.
        brand: Field of brand or shop.
        categories: Field of the category path or paths.
        parse_item: Reads a line of metadata; raises ValueError.
        images: Lists the image URLs of an item, best first.
        ratings: Fields in the cells of the CSV file that holds ratings alone.
        ratings_header: Whether that file has a header.
    """

    user: str
    item: str
    rating: str
    time: str
    ticks_per_second: int
    brand: str
    categories: str
    parse_item: Callable[[str], object]
    images: Callable[[Record], list[str]]
    ratings: tuple[str, str, str, str]
    ratings_header: bool = False


def _images_2014(record: Record) -> list[str]:
    return texts_in(record.get("imUrl"))


def _images_2018(record: Record) -> list[str]:
    return next(
        (
            found
            for field in ("imageURLHighRes", "imageURL", "image")
            if (found := texts_in(record.get(field)))
        ),
        [],
    )


def _images_2023(record: Record) -> list[str]:
    best = (
        next((image[size] for size in IMAGE_SIZES if image.get(size)), None)
        for image in image_objects(record.get("images"))
    )
    return [url for url in best if isinstance(url, str)]


_REVIEWS_UNTIL_2018 = ("reviewerID", "asin", "overall", "unixReviewTime", 1, "brand")
RELEASES = {
    "2014": Release(
        *_REVIEWS_UNTIL_2018,
        "categories",
        # As released a Python dictionary, with single quotes, which is never JSON too; copies of it
        # in JSON have escapes that Python reads otherwise.
        json_or_literal,
        _images_2014,
        ("reviewerID", "asin", "overall", "unixReviewTime"),
    ),
    # The two releases have user and item in different order.
    "2018": Release(
        *_REVIEWS_UNTIL_2018,
        "category",
        json_value,
        _images_2018,
        ("asin", "reviewerID", "overall", "unixReviewTime"),
    ),
    "2023": Release(
        "user_id",
        "parent_asin",
        "rating",
        "timestamp",
        1000,
        "store",
        "categories",
        json_value,
        _images_2023,
        ("user_id", "parent_asin", "rating", "timestamp"),
        ratings_header=True,
    ),
}


def image_objects(images: object) -> list[Record]:
    """List the images of an item, the main one first.

    Args:
        images: A list of objects, as in the 2023 metadata; an object of lists, as Hugging Face's
            ``datasets`` writes the same; one object; or nothing.

    Returns:
        One object an image; a value that a shorter list lacks is None.
    """
    found: list[Record] = []
    if isinstance(images, dict):
        columns = [
            values if isinstance(values, (list, tuple)) else [values] for values in images.values()
        ]
        found = [dict(zip(images, row)) for row in zip_longest(*columns)]
    elif isinstance(images, (list, tuple)):
        found = [image for image in images if isinstance(image, dict)]
    return sorted(found, key=lambda image: image.get("variant") != "MAIN")


def texts_in(value: object) -> list[str]:
    """List the non-blank texts of a field.

    Args:
        value: One text, a list of them, or nothing.

    Returns:
        The texts.
    """
    parts: Sequence[object] = value if isinstance(value, (list, tuple)) else [value]
    return [part for part in parts if isinstance(part, str) and part.strip()]
