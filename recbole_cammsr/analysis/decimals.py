"""How many decimals the scores of a list are printed with."""

from __future__ import annotations

import math
from collections.abc import Sequence

_USUAL = 2  # decimals at least
_SCORE, _SPREAD = 3, 2  # significant digits of the largest score, and of what they differ by
_KNOWN = 7  # significant digits of a float32: what follows is noise


def decimals(scores: Sequence[float]) -> int:
    """Decimals that show scores in three digits, and how they differ.

    Args:
        scores: of one list; none or all the same will do.
    """
    if not scores:
        return _USUAL
    largest = max(abs(score) for score in scores)
    wanted = [
        _USUAL,
        _for(largest, _SCORE),
        _for(max(scores) - min(scores), _SPREAD),
    ]
    return max(_USUAL, min(max(wanted), _for(largest, _KNOWN)))


def _for(size: float, digits: int) -> int:
    """Decimals with which a number of some size has so many significant digits."""
    if size == 0 or not math.isfinite(size):
        return 0
    return digits - 1 - math.floor(math.log10(size))
