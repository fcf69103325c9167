"""Whether what a server sent is an image: known by its first bytes, or by decoding it."""

from __future__ import annotations

import io
import os
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from pathlib import Path

from .image_opening import FORMATS, UnusableImageError, open_image, without_image_warnings
from .image_source import MAX_BYTES
from .optional_import import require

# Files looked at in one go: results come in order, and few are waited for.
_BLOCK = 256


def is_image(data: bytes) -> bool:
    """Say whether a file begins as one of an image does; pages of text do not.

    Args:
        data: The file's bytes.

    Returns:
        False for what no decoder of ``open_image`` takes for its own; one that is damaged further
        on may still be undecodable.

    Raises:
        ImportError: If Pillow is not installed.
    """
    image_module = require("PIL.Image", "Downloading images")
    image_module.init()
    formats = [name for name in FORMATS if name in image_module.OPEN]
    try:
        with without_image_warnings():
            image_module.open(io.BytesIO(data), formats=formats).close()
    except Exception as error:
        # Whatever else goes wrong, a decoder has recognised its format.
        return not isinstance(error, image_module.UnidentifiedImageError)
    return True


def decodable(paths: Iterable[Path]) -> Iterator[bool]:
    """Say of image files whether they can be decoded.

    Args:
        paths: The files.

    Yields:
        For each, in order, False where decoding fails; True also for an image of a size that is
        not used, since the server means it.

    Raises:
        ImportError: If Pillow is not installed.
    """
    rest = iter(paths)
    with ThreadPoolExecutor(min(8, os.cpu_count() or 1)) as pool:
        while block := list(islice(rest, _BLOCK)):
            with without_image_warnings():
                verdicts = list(pool.map(_decodable, block))
            yield from verdicts


def _decodable(path: Path) -> bool:
    """Decode one file."""
    try:
        with path.open("rb") as file:
            open_image(file.read(MAX_BYTES))
    except (UnusableImageError, OSError) as error:
        # Only of a failed decoding is another error the cause; the other reasons are a size or
        # pixels that are of no use, in a sound file.
        return isinstance(error, UnusableImageError) and error.__cause__ is None
    return True
