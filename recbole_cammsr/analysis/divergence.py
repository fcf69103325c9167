"""Tells a run whose numbers became NaN, which would do so again, from one that failed otherwise."""

from __future__ import annotations

#: RecBole's sentence on the loss, and the one of :mod:`recbole_cammsr.analysis.nan_scores`
_SIGNS = ("Training loss is nan", "scores items with NaN")


def has_diverged(error: ValueError) -> bool:
    """Whether an error is about a loss or scores that are NaN.

    Both are plain ``ValueError`` with a sentence, as is everything that settings do wrong.

    Args:
        error: that training raised.
    """
    return any(sign in str(error) for sign in _SIGNS)
