"""Opening of images from unknown sources: an RGB image, or a reason why there is none."""

from __future__ import annotations

import io
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from .optional_import import require

# Raster formats only: some of PIL's others run external programs.
FORMATS = ("JPEG", "MPO", "PNG", "GIF", "WEBP", "BMP", "TIFF")
MAX_PIXELS = 50_000_000
# Shops serve a 1x1 pixel where an item has no picture.
MIN_SIDE = 2


class UnusableImageError(ValueError):
    """An image that cannot be used; the message is the reason."""


@contextmanager
def without_image_warnings() -> Iterator[None]:
    """Silence Pillow's warnings of odd metadata and large sizes, which are judged here.

    Where threads open images, the one that starts them enters this: filters of warnings are those
    of the whole process, and threads that set and reset them leave each other's behind.
    """
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", module=r"PIL\.")
        yield


def open_image(data: bytes, max_pixels: int = MAX_PIXELS, min_side: int = MIN_SIDE) -> Any:
    """Decode an image into upright RGB.

    Of an animation the first frame is taken, transparency is laid on white, and any colour mode
    is converted. See ``without_image_warnings`` for what Pillow warns of.

    Args:
        data: The file's bytes.
        max_pixels: Larger images are refused before they are decoded.
        min_side: Images with a shorter side are refused.

    Returns:
        A ``PIL.Image.Image`` in mode RGB.

    Raises:
        ImportError: If Pillow is not installed.
        UnusableImageError: If it cannot be decoded or has an unusable size.
    """
    image_module = require("PIL.Image", "Image reading")
    image_ops = require("PIL.ImageOps", "Image reading")
    image_module.init()
    formats = [name for name in FORMATS if name in image_module.OPEN]
    try:
        with image_module.open(io.BytesIO(data), formats=formats) as image:
            width, height = image.size
            if width * height > max_pixels:
                raise UnusableImageError(f"{width}x{height} pixels are more than {max_pixels}")
            if min(width, height) < min_side:
                raise UnusableImageError(f"only {width}x{height} pixels")
            image.load()
            return _to_rgb(_upright(image, image_ops), image_module)
    except UnusableImageError:
        raise
    except Exception as error:
        # Decoders raise nearly anything on broken data (struct.error, SyntaxError, KeyError,
        # DecompressionBombError, ...); none of it may stop a run over a catalogue.
        raise UnusableImageError(f"cannot be decoded ({_reason(error)})") from error


def _reason(error: Exception) -> str:
    """Write an error in one line that is the same in every run."""
    if type(error).__name__ == "UnidentifiedImageError":
        # Pillow names the object that it read from, with its address in memory.
        return f"not a sound file of {', '.join(FORMATS)}"
    text = str(error).splitlines()[0] if str(error) else ""
    return f"{type(error).__name__}: {text}" if text else type(error).__name__


def _upright(image: Any, image_ops: Any) -> Any:
    """Turn the image as its EXIF data says; broken EXIF data leave it as it is."""
    try:
        return image_ops.exif_transpose(image)
    except Exception:
        # The pixels are sound; only the note on orientation is not.
        return image


def _to_rgb(image: Any, image_module: Any) -> Any:
    """Convert any colour mode to RGB."""
    if image.mode.startswith(("I", "F")):
        # 16-bit and float greys: PIL would clip them to white instead of scaling.
        if not np.isfinite(np.asarray(image)).all():
            raise UnusableImageError("some pixels are NaN or infinite")
        low, high = image.getextrema()
        scale = 255.0 / (high - low) if high > low else 0.0
        image = image.convert("F").point(lambda value: value * scale - low * scale).convert("L")
    if image.mode in ("RGBA", "LA", "PA", "La", "RGBa") or "transparency" in image.info:
        image = image.convert("RGBA")
        ground = image_module.new("RGBA", image.size, "white")
        image = image_module.alpha_composite(ground, image)
    return image.convert("RGB")
