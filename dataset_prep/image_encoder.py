"""Image features of a whole folder or archive; a bad image costs its item, never the run."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field

import numpy as np

from .image_model import ImageModel
from .image_opening import open_image
from .image_source import ImageFile, open_images
from .optional_import import require

NO_IMAGE = "no image"


@dataclass
class ImageFeatures:
    """Features of the usable images.

    Attributes:
        item_ids: ``n`` item tokens, sorted by file name.
        features: float32 (n, d).
        missing: Item token to the reason why it has no feature.
        ignored: File name to the reason why it was not looked at.
    """

    item_ids: list[str]
    features: np.ndarray
    missing: dict[str, str] = field(default_factory=dict)
    ignored: dict[str, str] = field(default_factory=dict)


def encode_images(
    source: str | os.PathLike[str],
    model: ImageModel,
    batch_size: int = 32,
    wanted: Collection[str] | None = None,
    progress: bool = False,
) -> ImageFeatures:
    """Encode the images of a folder or zip archive.

    Args:
        source: Folder or ``.zip``; the file stem is the item token.
        model: The network's adapter.
        batch_size: Images a batch.
        wanted: Item tokens to encode; None for all.
        progress: Show a progress bar.

    Returns:
        Features by item token, and what is missing and why.

    Raises:
        FileNotFoundError: If the source does not exist.
        ValueError: If no image is usable or ``batch_size`` is below 1.
    """
    if batch_size < 1:
        raise ValueError(f"batch_size must be at least 1, not {batch_size}")
    torch = require("torch", "Image encoding", "pip install torch")
    bar_class = require("tqdm", "The progress bar").tqdm
    missing: dict[str, str] = {}
    tokens: list[str] = []
    parts: list[np.ndarray] = []
    with open_images(source) as listing, torch.inference_mode():
        images = [x for x in listing.images if wanted is None or x.token in wanted]
        with bar_class(images, desc="image", unit="item", disable=not progress) as bar:
            for batch in _batches(iter(bar), model, batch_size, missing):
                values = model.features(torch.stack([tensor for _, tensor in batch])).numpy()
                finite = np.isfinite(values).all(axis=1)
                for (token, _), good in zip(batch, finite):
                    if not good:
                        missing[token] = "the network's output is not finite"
                tokens.extend(token for (token, _), good in zip(batch, finite) if good)
                parts.append(values[finite])
        ignored = dict(listing.ignored)
    if wanted is not None:
        found = {image.token for image in images}
        missing.update(dict.fromkeys(sorted(set(wanted) - found), NO_IMAGE))
    if not tokens:
        raise ValueError(
            f"{source}: none of {len(images)} images is usable: {dict(list(missing.items())[:3])}"
        )
    return ImageFeatures(tokens, np.concatenate(parts), missing, ignored)


def _batches(
    images: Iterator[ImageFile], model: ImageModel, size: int, missing: dict[str, str]
) -> Iterator[list[tuple[str, object]]]:
    """Yield batches of (token, prepared tensor); note in ``missing`` what cannot be read."""
    batch: list[tuple[str, object]] = []
    for image in images:
        try:
            picture = open_image(image.read())
            batch.append((image.token, model.prepare(picture)))
        except ImportError:
            # A package that is not installed is no fault of the image.
            raise
        except Exception as error:
            # Reading (encrypted or broken members), decoding and resizing can each fail in many
            # ways on hostile data.
            missing[image.token] = f"{image.name}: {error or type(error).__name__}"
            continue
        if len(batch) == size:
            yield batch
            batch = []
    if batch:
        yield batch
