"""Ranges of positions one after the other, without a loop."""

from __future__ import annotations

import numpy as np


def joined_ranges(starts: np.ndarray, sizes: np.ndarray) -> np.ndarray:
    """The positions of several ranges, range after range.

    Args:
        starts: ``(G,)`` first position of each range.
        sizes: ``(G,)`` how many positions it has.

    Returns:
        ``(sum of sizes,)`` positions.
    """
    places = np.cumsum(sizes) - sizes
    return np.arange(sizes.sum()) + np.repeat(starts - places, sizes)
