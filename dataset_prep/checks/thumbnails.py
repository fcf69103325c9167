"""Small pictures of items as data URLs."""

from __future__ import annotations

import base64
import io
import os
from collections.abc import Collection

from ..image_opening import open_image, without_image_warnings
from ..image_source import check_any, open_images

SIDE = 96
_QUALITY = 80


def thumbnails(source: str | os.PathLike[str], tokens: Collection[str]) -> dict[str, str]:
    """Read the images of some items and make them small.

    Args:
        source: Folder, zip archive or download folder of images.
        tokens: The items.

    Returns:
        Item token to a ``data:`` URL of a JPEG; items without a usable image are left out.

    Raises:
        FileNotFoundError: If the source does not exist.
        ImportError: If Pillow is not installed.
        ValueError: If the source holds no image.
    """
    pictures = {}
    with open_images(source) as listing, without_image_warnings():
        check_any(listing, source)
        for file in listing.images:
            if file.token not in tokens:
                continue
            try:
                image = open_image(file.read())
            except ImportError:
                raise
            except Exception:
                # Encrypted or damaged members of an archive fail in many ways. The sheet then
                # shows the title alone; the encoder's verdict file has the reason.
                continue
            image.thumbnail((SIDE, SIDE))
            buffer = io.BytesIO()
            image.save(buffer, "JPEG", quality=_QUALITY)
            content = base64.b64encode(buffer.getvalue()).decode("ascii")
            pictures[file.token] = f"data:image/jpeg;base64,{content}"
    return pictures
