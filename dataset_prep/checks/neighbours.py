"""Nearest neighbours by cosine, on a fixed sample where the catalogue is large."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

# Enough for shares to be exact to a few percent, little enough for a laptop at any catalogue.
MOST_CANDIDATES = 20_000
MOST_QUERIES = 1_000
_BLOCK = 256


@dataclass(frozen=True)
class Embedding:
    """Usable rows of one modality.

    Attributes:
        modality: Its name.
        tokens: Item tokens, sorted, (n,).
        unit: Rows scaled to length 1, float32 (n, d).
    """

    modality: str
    tokens: np.ndarray
    unit: np.ndarray


def embedding(
    modality: str, tokens: np.ndarray, values: np.ndarray, usable: np.ndarray
) -> Embedding:
    """Scale rows to length 1, sorted by token; a large catalogue is sampled.

    Only the rows of the sample are read, so a memory-mapped file may exceed memory.

    Args:
        modality: Its name.
        tokens: Item tokens (n,).
        values: Features (n, d).
        usable: Numbers of the rows to take (m,), all of them finite and not zero.

    Returns:
        At most ``MOST_CANDIDATES`` rows; the same input gives the same sample.
    """
    order = usable[np.argsort(tokens[usable], kind="stable")]
    if len(order) > MOST_CANDIDATES:
        picked = np.random.default_rng(0).choice(len(order), MOST_CANDIDATES, replace=False)
        order = order[np.sort(picked)]
    rows = np.asarray(values[order], dtype=np.float32)
    unit = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    return Embedding(modality, tokens[order], unit)


def sample_queries(count: int, most: int = MOST_QUERIES) -> np.ndarray:
    """Choose rows to look at.

    Args:
        count: Number of rows ``n``.
        most: Most rows to choose.

    Returns:
        Row numbers, evenly spread, int64.
    """
    return np.unique(np.linspace(0, count - 1, min(count, most)).astype(np.int64))


def nearest(unit: np.ndarray, queries: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
    """Find the ``k`` nearest other rows.

    Args:
        unit: Rows of length 1, (n, d).
        queries: Row numbers (q,).
        k: Number of neighbours, below ``n``.

    Returns:
        Row numbers and cosines, both (q, k), nearest first.
    """
    rows = np.empty((len(queries), k), dtype=np.int64)
    cosines = np.empty((len(queries), k), dtype=np.float32)
    for start in range(0, len(queries), _BLOCK):
        block = queries[start : start + _BLOCK]
        scores = unit[block] @ unit.T
        scores[np.arange(len(block)), block] = -np.inf
        found = np.argpartition(-scores, k - 1, axis=1)[:, :k]
        values = np.take_along_axis(scores, found, axis=1)
        # Equal cosines (copies of one picture) in the order of tokens.
        order = np.lexsort((found, -values), axis=1)
        rows[start : start + len(block)] = np.take_along_axis(found, order, axis=1)
        cosines[start : start + len(block)] = np.take_along_axis(values, order, axis=1)
    return rows, cosines
