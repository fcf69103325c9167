"""How the releases of Amazon Reviews spell their records."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from recbole_cammsr.data.literals import python_literal

from .literals import json_value

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
    found = record.get("images")
    best = (
        next((image[size] for size in IMAGE_SIZES if image.get(size)), None)
        for image in (found if isinstance(found, list) else [])
        if isinstance(image, dict)
    )
    return [url for url in best if isinstance(url, str)]


_REVIEWS_UNTIL_2018 = ("reviewerID", "asin", "overall", "unixReviewTime", 1, "brand")
RELEASES = {
    "2014": Release(
        *_REVIEWS_UNTIL_2018,
        "categories",
        python_literal,
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


def texts_in(value: object) -> list[str]:
    """List the non-blank texts of a field.

    Args:
        value: One text, a list of them, or nothing.

    Returns:
        The texts.
    """
    parts: Sequence[object] = value if isinstance(value, (list, tuple)) else [value]
    return [part for part in parts if isinstance(part, str) and part.strip()]
