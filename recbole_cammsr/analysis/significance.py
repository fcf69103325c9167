"""Paired tests over users, and Holm's correction for several of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from scipy import stats


class PairedTest(NamedTuple):
    """Two systems compared on the same users.

    Attributes:
        difference: mean over users of first minus second.
        t_p: two-sided p of Student's paired t-test.
        wilcoxon_p: two-sided p of Wilcoxon's signed-rank test.
        users: how many.
    """

    difference: float
    t_p: float
    wilcoxon_p: float
    users: int


def paired_test(first: np.ndarray, second: np.ndarray) -> PairedTest:
    """Compare two systems user by user.

    Args:
        first: ``(n,)`` a metric per user, averaged over seeds.
        second: ``(n,)`` of the same users in the same order.

    Returns:
        Mean difference and p values; 1 where no user differs.

    Raises:
        ValueError: the two differ in length, or have fewer than two users.
    """
    if first.shape != second.shape or first.ndim != 1:
        raise ValueError(f"paired systems have shapes {first.shape} and {second.shape}")
    if len(first) < 2:
        raise ValueError(f"a paired test needs at least two users, not {len(first)}")
    difference = first - second
    if not difference.any():
        return PairedTest(0.0, 1.0, 1.0, len(first))
    # where all differ by the same, the variance is zero and t infinite
    t_p = 0.0 if np.ptp(difference) == 0 else float(stats.ttest_rel(first, second).pvalue)
    wilcoxon_p = float(stats.wilcoxon(difference).pvalue)
    return PairedTest(float(difference.mean()), t_p, wilcoxon_p, len(first))


def holm(p_values: Sequence[float]) -> list[float]:
    """Holm's step-down adjustment: compare the results with the level itself.

    Source: S. Holm, "A simple sequentially rejective multiple test procedure", 1979.

    Args:
        p_values: of all tests of one family.

    Returns:
        Adjusted values in the same order, at most 1.
    """
    count = len(p_values)
    adjusted = [0.0] * count
    largest = 0.0
    for place, index in enumerate(sorted(range(count), key=lambda i: p_values[i])):
        largest = max(largest, min(1.0, (count - place) * p_values[index]))
        adjusted[index] = largest
    return adjusted
