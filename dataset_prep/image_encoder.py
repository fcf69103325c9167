"""Image features of a whole folder or archive; a bad image costs its item, never the run."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from .chunked_encoding import EncodedChunk
from .image_model import ImageModel
from .image_opening import open_image, without_image_warnings
from .image_source import ImageFile, check_any, open_images
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
) -> ImageFeatures:
    """Encode the images of a folder or zip archive, in memory.

    Args:
        source: Folder or ``.zip``; the file stem is the item token.
        model: The network's adapter.
        batch_size: Images a batch.
        wanted: Item tokens to encode; None for all.

    Returns:
        Features by item token, and what is missing and why.

    Raises:
        FileNotFoundError: If the source does not exist.
        ValueError: If no image is usable or ``batch_size`` is below 1.
    """
    _check_counts(batch_size, 1)
    with open_images(source) as listing:
        check_any(listing, source)
        images = [x for x in listing.images if wanted is None or x.token in wanted]
        chunk = encode_image_files(images, model, batch_size)
        ignored = dict(listing.ignored)
        missing = {**chunk.missing, **without_image(wanted, images, listing.refused)}
    if not chunk.tokens:
        raise ValueError(
            f"{source}: none of {len(images)} images is usable: {dict(list(missing.items())[:3])}"
        )
    return ImageFeatures(chunk.tokens, chunk.features, missing, ignored)


def without_image(
    wanted: Collection[str] | None, images: Iterable[ImageFile], refused: dict[str, str]
) -> dict[str, str]:
    """Say why wanted items have no image to look at.

    Args:
        wanted: Item tokens; None for those with an image.
        images: The images that are looked at.
        refused: Item token to the reason why its file is not.

    Returns:
        Item token to reason, sorted by token.
    """
    if wanted is None:
        return {}
    absent = sorted(set(wanted) - {image.token for image in images})
    return {token: refused.get(token, NO_IMAGE) for token in absent}


def encode_image_files(
    images: Sequence[ImageFile],
    model: ImageModel,
    batch_size: int = 32,
    workers: int = 1,
    advance: Callable[[int], object] | None = None,
) -> EncodedChunk:
    """Read, decode and encode images.

    Args:
        images: The images, distinct tokens.
        model: The network's adapter.
        batch_size: Usable images a batch.
        workers: Threads that read and decode; the result does not depend on their number.
        advance: Called with 1 for each image that was looked at.

    Returns:
        Features of the usable images in their order, and what is missing and why.

    Raises:
        ImportError: If Pillow or torch is not installed.
        ValueError: If ``batch_size`` or ``workers`` is below 1.
    """
    _check_counts(batch_size, workers)
    torch = require("torch", "Image encoding", "pip install torch")
    missing: dict[str, str] = {}
    tokens: list[str] = []
    parts: list[np.ndarray] = []
    # The filter around the pool, so that it outlives the last thread.
    with torch.inference_mode(), without_image_warnings(), ThreadPoolExecutor(workers) as pool:
        prepared = _prepared(images, model, pool, 2 * max(batch_size, workers))
        for batch in _batches(prepared, batch_size, missing, advance):
            values = model.features(torch.stack([tensor for _, tensor in batch])).numpy()
            finite = np.isfinite(values).all(axis=1)
            for (token, _), good in zip(batch, finite):
                if not good:
                    missing[token] = "the network's output is not finite"
            tokens.extend(token for (token, _), good in zip(batch, finite) if good)
            parts.append(values[finite])
    features = np.concatenate(parts) if parts else np.zeros((0, 0), dtype=np.float32)
    return EncodedChunk(tokens, features, missing)


def _check_counts(batch_size: int, workers: int) -> None:
    """Refuse numbers below 1."""
    if batch_size < 1 or workers < 1:
        raise ValueError(f"batch_size ({batch_size}) and workers ({workers}) must be at least 1")


def _prepared(
    images: Sequence[ImageFile], model: ImageModel, pool: ThreadPoolExecutor, ahead: int
) -> Iterator[tuple[ImageFile, Any]]:
    """Yield each image with its prepared tensor or its reason, in order, a little ahead of use."""
    for start in range(0, len(images), ahead):
        block = images[start : start + ahead]
        yield from zip(block, pool.map(lambda image: _prepare(image, model), block))


def _prepare(image: ImageFile, model: ImageModel) -> Any:
    """Return the prepared tensor, or the reason why there is none."""
    try:
        return model.prepare(open_image(image.read()))
    except ImportError:
        # A package that is not installed is no fault of the image.
        raise
    except Exception as error:
        # Reading (encrypted or broken members), decoding and resizing can each fail in many ways
        # on hostile data.
        return f"{image.name}: {error or type(error).__name__}"


def _batches(
    prepared: Iterable[tuple[ImageFile, Any]],
    size: int,
    missing: dict[str, str],
    advance: Callable[[int], object] | None,
) -> Iterator[list[tuple[str, Any]]]:
    """Yield batches of (token, prepared tensor); note in ``missing`` what cannot be used."""
    batch: list[tuple[str, Any]] = []
    for image, outcome in prepared:
        if advance is not None:
            advance(1)
        if isinstance(outcome, str):
            missing[image.token] = outcome
            continue
        batch.append((image.token, outcome))
        if len(batch) == size:
            yield batch
            batch = []
    if batch:
        yield batch
