"""Text of items and its encoding, chunk by chunk."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice

import numpy as np

from .cells import as_text
from .chunked_encoding import Chunk, EncodedChunk
from .clean_text import clean_text
from .content_digest import rows_digest
from .table_reader import Record
from .text_encoder import TextEncoder

NO_TEXT = "no text"


def item_text(record: Record, fields: Sequence[str]) -> str:
    """Join fields of an item as sentences; of nested paths the first is written word by word.

    An object is no text, as for ``cammsr-prep table``: its field counts as empty.

    Args:
        record: One item.
        fields: Field names, in the order they are to be read.

    Returns:
        ``"Title. Beauty Makeup Nails."``; the empty string where every field is empty.
    """
    parts = []
    for name in fields:
        value = record.get(name)
        while isinstance(value, list) and value and isinstance(value[0], list):
            value = value[0]
        if isinstance(value, (list, dict)):
            try:
                value = as_text(value)
            except ValueError:
                continue
        part = clean_text(value)
        if part:
            parts.append(part if part[-1] in ".!?" else f"{part}.")
    return " ".join(parts)


def text_chunks(
    items: Iterable[tuple[str, str]],
    encoder: TextEncoder,
    salt: str,
    chunk_size: int,
    tokens_per_batch: int,
    advance: Callable[[int], object] | None = None,
) -> Iterator[Chunk]:
    """Cut items into chunks of the same number of items, in their order.

    Batches are made within a chunk, so they are the same whatever was finished before.

    Args:
        items: Item token and text; blank texts are reported as missing.
        encoder: The encoder.
        salt: Digest of the encoder and the settings.
        chunk_size: Items a chunk.
        tokens_per_batch: Padded tokens a batch.
        advance: Called with the number of items that were encoded.

    Yields:
        The chunks.
    """

    def job(rows: list[tuple[str, str]]) -> Callable[[], EncodedChunk]:
        def encode() -> EncodedChunk:
            return encode_rows(rows, encoder, tokens_per_batch, advance)

        return encode

    rest = iter(items)
    while rows := list(islice(rest, chunk_size)):
        yield Chunk(rows_digest(salt, rows), len(rows), job(rows))


def encode_rows(
    rows: Sequence[tuple[str, str]],
    encoder: TextEncoder,
    tokens_per_batch: int | None = None,
    advance: Callable[[int], object] | None = None,
) -> EncodedChunk:
    """Encode the items that have text.

    Args:
        rows: Item token and text.
        encoder: The encoder.
        tokens_per_batch: Padded tokens a batch; by default what suits the encoder's device.
        advance: Called with the number of items that were looked at.

    Returns:
        Features in the order of ``rows``, and how many texts were truncated; blank texts are
        missing.
    """
    kept = [(token, text) for token, text in rows if text.strip()]
    missing = {token: NO_TEXT for token, text in rows if not text.strip()}
    if advance is not None:
        advance(len(missing))
    features = np.zeros((0, 0), dtype=np.float32)
    cuts: list[int] = []
    if kept:
        texts = [text for _, text in kept]
        features = encoder.encode(texts, tokens_per_batch, advance, cuts.append)
    return EncodedChunk([token for token, _ in kept], features, missing, sum(cuts))
