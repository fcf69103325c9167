"""How whole numbers are distributed, in words and as a histogram."""

from __future__ import annotations

import numpy as np

from .finding import Bars


def spread(counts: np.ndarray) -> str:
    """Write smallest, median, mean and largest of whole numbers.

    Args:
        counts: One or more of them (n,).

    Returns:
        Such as ``"min 5, median 6, mean 8.9, max 204"``.
    """
    return (
        f"min {counts.min():,}, median {np.median(counts):g}, mean {counts.mean():.1f}, "
        f"max {counts.max():,}"
    )


def power_bars(title: str, counts: np.ndarray) -> Bars:
    """Draw a histogram with bins that double: 1, 2, 3-4, 5-8, ...

    Args:
        title: What is counted.
        counts: One or more whole numbers (n,).

    Returns:
        The chart.
    """
    bins = np.ceil(np.log2(np.maximum(counts, 1))).astype(int)
    labels, heights = [], []
    for power in range(bins.min(), bins.max() + 1):
        low, high = (2 ** (power - 1) + 1 if power > 0 else 1), 2**power
        labels.append(str(high) if low == high else f"{low:,}-{high:,}")
        heights.append(int((bins == power).sum()))
    return Bars(title, tuple(labels), tuple(heights))
