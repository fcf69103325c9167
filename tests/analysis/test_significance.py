"""Paired tests and Holm's correction against closed forms, naive loops and scipy."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from recbole_cammsr.analysis.significance import holm, paired_test


def naive_holm(p_values):
    """Reject while p <= level / (tests left): the smallest level that rejects each test."""
    order = sorted(range(len(p_values)), key=lambda i: p_values[i])
    adjusted = {}
    for place, index in enumerate(order):
        needed = [(len(order) - earlier) * p_values[order[earlier]] for earlier in range(place + 1)]
        adjusted[index] = min(1.0, max(needed))
    return [adjusted[index] for index in range(len(p_values))]


@given(st.lists(st.floats(0, 1), max_size=8))
def test_holm_is_the_smallest_level_that_rejects(p_values):
    assert holm(p_values) == pytest.approx(naive_holm(p_values))


def test_holm_of_the_textbook():
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([0.2]) == [0.2]


def test_t_is_the_closed_form():
    rng = np.random.default_rng(0)
    a, b = rng.normal(0.3, 1, 50), rng.normal(0, 1, 50)
    d = a - b
    t = d.mean() / (math.sqrt(sum((d - d.mean()) ** 2) / 49) / math.sqrt(50))
    found = paired_test(a, b)
    assert found.difference == pytest.approx(d.mean())
    assert found.t_p == pytest.approx(2 * stats.t.sf(abs(t), 49))
    assert found.users == 50


def test_wilcoxon_is_the_share_of_sign_patterns():
    """Seven distinct differences: the exact distribution over all 128 signs of the ranks."""
    d = np.array([0.5, -0.1, 0.9, 0.3, -0.2, 0.7, 1.1])
    ranks = np.argsort(np.argsort(abs(d))) + 1
    observed = min(ranks[d > 0].sum(), ranks[d < 0].sum())
    sums = [
        min(sum(itertools.compress(ranks, signs)), 28 - sum(itertools.compress(ranks, signs)))
        for signs in itertools.product([0, 1], repeat=7)
    ]
    expected = sum(value <= observed for value in sums) / len(sums)
    assert paired_test(d, np.zeros(7)).wilcoxon_p == pytest.approx(expected)


def test_no_difference_is_no_evidence():
    same = np.array([0.1, 0.2, 0.0])
    assert paired_test(same, same)[:3] == (0.0, 1.0, 1.0)


def test_the_same_difference_for_everyone_has_no_variance():
    assert paired_test(np.ones(30), np.zeros(30)).t_p == 0.0


@pytest.mark.parametrize(
    ("a", "b"), [(np.ones(3), np.ones(4)), (np.ones(1), np.ones(1)), (np.ones((2, 2)),) * 2]
)
def test_what_cannot_be_paired_is_refused(a, b):
    with pytest.raises(ValueError, match="paired"):
        paired_test(a, b)
