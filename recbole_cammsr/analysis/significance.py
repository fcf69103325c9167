"""Tests paired over users, Holm's correction for several of them, and a test between seeds."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from scipy import stats

#: decimals of a difference that count: means over seeds are wrong in the last of their sixteen
_DECIMALS = 12


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
        Mean difference and p values; 1 where no user differs. Differences are rounded to twelve
        decimals: Wilcoxon's test would rank the noise of floating-point sums.

    Raises:
        ValueError: the two differ in length, or have fewer than two users.
    """
    if first.shape != second.shape or first.ndim != 1:
        raise ValueError(f"paired systems have shapes {first.shape} and {second.shape}")
    if len(first) < 2:
        raise ValueError(f"a paired test needs at least two users, not {len(first)}")
    difference = np.round(first - second, _DECIMALS)
    if not difference.any():
        return PairedTest(0.0, 1.0, 1.0, len(first))
    # where all differ by the same, the variance is zero and t infinite
    t_p = 0.0 if np.ptp(difference) == 0 else float(stats.ttest_1samp(difference, 0.0).pvalue)
    wilcoxon_p = float(stats.wilcoxon(difference).pvalue)
    return PairedTest(float(difference.mean()), t_p, wilcoxon_p, len(first))


def seed_test(
    first: Sequence[float] | np.ndarray, second: Sequence[float] | np.ndarray
) -> float | None:
    """Whether two systems differ by more than their training seeds do: Welch's t-test.

    A test that is paired over users asks about other users of the same trained models; where
    seeds differ much, as on small data, it takes a lucky seed for a better system. This one asks
    about other seeds. (B. L. Welch, "The generalization of 'Student's' problem when several
    different population variances are involved", 1947.)

    Args:
        first: a metric per seed.
        second: of the other system; its seeds need not be the same.

    Returns:
        Two-sided p; None where one of the two has a single seed.
    """
    if min(len(first), len(second)) < 2:
        return None
    if np.ptp(first) == 0 and np.ptp(second) == 0:  # no variance, t is infinite or undefined
        return 1.0 if first[0] == second[0] else 0.0
    return float(stats.ttest_ind(first, second, equal_var=False).pvalue)


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
