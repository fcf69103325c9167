"""What is refused of a feature file: what is no table of numbers, and rows that are no vectors."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from recbole_cammsr.data.formats import RawFeatures

# a row's largest value: squares of larger ones are infinite in float32, of smaller ones zero
_LARGEST, _SMALLEST = 1e15, 1e-10


def check_table(raw: RawFeatures) -> None:
    """Refuse features that are no table of numbers, at no cost.

    Args:
        raw: as read by :func:`recbole_cammsr.data.formats.read_features`.

    Raises:
        ValueError: empty file, wrong rank or dtype.
    """
    values, path = raw.values, raw.path
    if values.dtype.kind not in "fiu":
        raise ValueError(
            f"feature file {path}: features have dtype {values.dtype}; they must be float16 or "
            f"float32."
        )
    if values.ndim != 2:
        raise ValueError(
            f"feature file {path}: features have shape {values.shape}; they must be "
            "two-dimensional, "
            f"one row per item."
        )
    if values.shape[0] == 0 or values.shape[1] == 0:
        raise ValueError(
            f"feature file {path} is empty (shape {values.shape}); write it again or take its "
            f"modality out of `modalities`."
        )


def validate(raw: RawFeatures) -> None:
    """Refuse a feature file that no data set could use.

    Args:
        raw: as read by :func:`recbole_cammsr.data.formats.read_features`.

    Raises:
        ValueError: what :func:`check_table` refuses, tokens and rows that differ in number,
            duplicate tokens.
    """
    check_table(raw)
    tokens, values, path = raw.tokens, raw.values, raw.path
    if len(tokens) != len(values):
        raise ValueError(
            f"feature file {path} has {len(tokens)} tokens for {len(values)} rows; each row needs "
            f"exactly one token."
        )
    unique, counts = np.unique(tokens, return_counts=True)
    if len(unique) < len(tokens):
        twice = unique[counts > 1]
        raise ValueError(
            f"feature file {path} has {len(twice)} item tokens more than once, e.g. "
            f"{some(twice)}; keep one row per item."
        )


def check_finite(block: np.ndarray, tokens: np.ndarray, path: str) -> None:
    """Refuse rows with values that are no numbers.

    Args:
        block: ``(n, d)`` rows of a file.
        tokens: ``(n,)`` of their items.
        path: of the file.

    Raises:
        ValueError: counts them and names one.
    """
    if block.dtype.kind != "f":
        return
    broken = ~np.isfinite(block).all(axis=1)
    if broken.any():
        raise ValueError(
            f"feature file {path}: {int(broken.sum())} rows or more have NaN or infinite values, "
            f"e.g. item {some(tokens[broken])}; leave such items out of the file, they then count "
            f"as missing."
        )


def check_size(block: np.ndarray, tokens: np.ndarray, path: str) -> None:
    """Refuse rows whose length float32 cannot hold: divided by it, they would all be the same.

    Args:
        block: ``(n, d)`` rows of a file.
        tokens: ``(n,)`` of their items.
        path: of the file.

    Raises:
        ValueError: counts them and names one.
    """
    largest = np.abs(block).max(axis=1, initial=0)
    odd = (largest > _LARGEST) | ((largest > 0) & (largest < _SMALLEST))
    if odd.any():
        raise ValueError(
            f"feature file {path}: the largest value of {int(odd.sum())} rows or more is below "
            f"{_SMALLEST:g} or above {_LARGEST:g}, e.g. {float(largest[odd][0]):.3g} of item "
            f"{str(tokens[odd][0])!r}, where float32 cannot tell lengths; scale the features."
        )


def some(tokens: Sequence[str] | np.ndarray, count: int = 3) -> str:
    """The first few tokens, for a message."""
    shown = [repr(str(token)) for token in list(tokens[:count])]
    return ", ".join(shown) + (", ..." if len(tokens) > count else "")
