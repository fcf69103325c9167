"""Encoding in chunks that survive a kill, and the feature file made of them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import numpy as np

from recbole_cammsr.run.atomic_write import naming

from .chunk_store import ChunkStore, put_in_place
from .feature_file import write_feature_blocks, write_feature_file
from .pca import reduce_pca


class EncodedChunk(NamedTuple):
    """Features of some items.

    Attributes:
        tokens: ``n`` item tokens.
        features: float32 (n, d).
        missing: Item token to the reason why it has no feature.
        cut: Number of items of which the encoder read the beginning only.
    """

    tokens: list[str]
    features: np.ndarray
    missing: dict[str, str]
    cut: int = 0


class NothingEncodedError(ValueError):
    """No item has a feature.

    Attributes:
        missing: Item token to the reason.
    """

    def __init__(self, name: str, missing: dict[str, str], verdicts: Path | None = None) -> None:
        """Name the file that is not written, a few reasons, and the file of all reasons."""
        reasons = dict(list(missing.items())[:3])
        where = "" if verdicts is None else f"; all reasons are in {verdicts}"
        super().__init__(f"{name}: no item can be encoded, e.g. {reasons}{where}")
        self.missing = missing


class Chunk(NamedTuple):
    """A part of the work.

    Attributes:
        key: Digest of everything that the result depends on.
        size: Number of items that it goes through.
        encode: Computes it.
    """

    key: str
    size: int
    encode: Callable[[], EncodedChunk]


@dataclass
class Encoded:
    """What a run wrote.

    Attributes:
        items: Number of items with a feature.
        width: Number of values of a feature.
        missing: Item token to the reason why it has no feature.
        cut: Number of items of which the encoder read the beginning only.
        chunks: Number of chunks.
        reused: Number of chunks that an earlier run had finished.
    """

    items: int = 0
    width: int = 0
    missing: dict[str, str] = field(default_factory=dict)
    cut: int = 0
    chunks: int = 0
    reused: int = 0


def encode_to_file(
    chunks: Iterable[Chunk],
    output: Path,
    dtype: str = "float32",
    components: int = 0,
    reached: Callable[[int], object] | None = None,
) -> Encoded:
    """Encode chunk by chunk and put the feature file in place when all are done.

    Each chunk is on disk before the next begins, so that a killed run loses one chunk at most and
    memory does not grow with the catalogue.

    Args:
        chunks: The work, in an order that depends on the input only.
        output: The feature file.
        dtype: ``"float16"`` or ``"float32"``.
        components: Principal components to keep, 0 for all values; needs all features in memory.
        reached: Called with the size of each chunk that an earlier run had finished.

    Returns:
        The counts. The work folder still stands; discard it when the run is recorded.

    Raises:
        NothingEncodedError: If no item can be encoded.
        ValueError: If features cannot be written, or have fewer values than ``components``.
    """
    store = ChunkStore(output)
    result = Encoded()
    keys: list[str] = []
    tokens: list[str] = []
    for chunk in chunks:
        done = _load(store, chunk.key)
        if done is None:
            done = chunk.encode()
            _save(store, chunk.key, done)
        else:
            result.reused += 1
            if reached is not None:
                reached(chunk.size)
        result.chunks += 1
        result.missing.update(done.missing)
        result.cut += done.cut
        tokens.extend(done.tokens)
        if len(done.tokens):
            keys.append(chunk.key)
            result.width = done.features.shape[1]
            if components > result.width:
                raise ValueError(
                    f"{output.name}: {components} components of features of {result.width} values: "
                    f"ask for at most {result.width}, or for 0 to keep all values"
                )
    if not tokens:
        raise NothingEncodedError(output.name, result.missing)
    result.items = len(tokens)
    temporary = store.temporary()
    with naming(temporary):
        if components:
            features = reduce_pca(np.concatenate(list(_features(store, keys))), components)
            write_feature_file(temporary, tokens, features, dtype)
            result.width = components
        else:
            blocks = _features(store, keys)
            write_feature_blocks(temporary, tokens, blocks, result.width, dtype)
    put_in_place(temporary, output)
    return result


def _features(store: ChunkStore, keys: Iterable[str]) -> Iterator[np.ndarray]:
    """Read the features of finished chunks again, one chunk at a time."""
    for key in keys:
        arrays = store.load(key)
        if arrays is None:
            raise ValueError(
                f"{store.folder}: part {key} vanished while it was needed: run the command again"
            )
        yield arrays["feature"]


def _load(store: ChunkStore, key: str) -> EncodedChunk | None:
    """Read a finished chunk, None where there is none."""
    arrays = store.load(key)
    if arrays is None:
        return None
    missing = zip(arrays["missing"].tolist(), arrays["reason"].tolist())
    cut = int(arrays["cut"])
    return EncodedChunk(arrays["item_id"].tolist(), arrays["feature"], dict(missing), cut)


def _save(store: ChunkStore, key: str, chunk: EncodedChunk) -> None:
    """Write a finished chunk."""
    text = {
        "item_id": chunk.tokens,
        "missing": list(chunk.missing),
        "reason": list(chunk.missing.values()),
    }
    arrays = {name: np.asarray(values, dtype=np.str_) for name, values in text.items()}
    store.save(key, {**arrays, "feature": chunk.features, "cut": np.asarray(chunk.cut)})
