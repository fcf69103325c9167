"""Tests over users and over seeds, Holm's correction, against closed forms and naive loops."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from recbole_cammsr.analysis.significance import holm, paired_test, seed_test


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


def test_between_seeds_is_welchs_closed_form():
    first, second = [0.5, 0.7, 0.9, 0.6], [0.4, 0.45, 0.35]
    errors = [np.var(values, ddof=1) / len(values) for values in (first, second)]
    t = (np.mean(first) - np.mean(second)) / math.sqrt(sum(errors))
    freedom = sum(errors) ** 2 / (errors[0] ** 2 / 3 + errors[1] ** 2 / 2)
    assert seed_test(first, second) == pytest.approx(2 * stats.t.sf(abs(t), freedom))
    assert seed_test(second, first) == pytest.approx(seed_test(first, second))


def test_between_seeds_takes_two_of_each():
    assert seed_test([0.5], [0.4, 0.3]) is None
    assert seed_test([0.5, 0.4], [0.3]) is None


def test_seeds_that_do_not_vary_differ_or_do_not():
    assert seed_test([0.5, 0.5], [0.4, 0.4]) == 0.0
    assert seed_test([0.5, 0.5], [0.5, 0.5]) == 1.0
    # where only one of two varies, its own variance is all: t of two values against a number
    expected = stats.ttest_1samp([0.3, 0.45], 0.5).pvalue
    assert expected > 0.1
    assert seed_test([0.5, 0.5], [0.3, 0.45]) == pytest.approx(expected)
    assert seed_test([0.3, 0.45], [0.5, 0.5]) == pytest.approx(expected)


def test_a_lucky_seed_is_no_better_system():
    """One of three seeds far ahead for every user: the users are sure, the seeds are not."""
    rng = np.random.default_rng(3)
    users = rng.uniform(0, 1, 500)
    first = [users + 0.3, users + 0.001, users - 0.001]
    second = [users, users + 0.002, users - 0.002]
    over_users = paired_test(np.mean(first, axis=0), np.mean(second, axis=0) + users * 1e-6)
    assert over_users.t_p < 1e-6
    assert seed_test([one.mean() for one in first], [one.mean() for one in second]) > 0.3


def test_no_difference_is_no_evidence():
    same = np.array([0.1, 0.2, 0.0])
    assert paired_test(same, same) == (0.0, 1.0, 1.0, 3)


def test_the_same_difference_for_everyone_has_no_variance():
    assert paired_test(np.ones(30), np.zeros(30)).t_p == 0.0


@pytest.mark.parametrize(
    ("a", "b"), [(np.ones(3), np.ones(4)), (np.ones(1), np.ones(1)), (np.ones((2, 2)),) * 2]
)
def test_what_cannot_be_paired_is_refused(a, b):
    with pytest.raises(ValueError, match="paired"):
        paired_test(a, b)


def test_the_noise_of_sums_is_no_difference():
    """Means over seeds that are equal but for their last digit: ties, and users without change."""
    counts = np.array([[0, 3], [3, 1], [2, 5], [1, 1], [4, 2], [5, 0]] * 20, dtype=float)
    exact = counts[:, 0] - counts[:, 1]
    noise = np.random.default_rng(0).choice([-1, 0, 1], size=(2, len(exact))) * 1e-16
    found = paired_test(counts[:, 0] / 5 + noise[0], counts[:, 1] / 5 + noise[1])
    assert found.wilcoxon_p == pytest.approx(stats.wilcoxon(exact).pvalue)
    assert found.t_p == pytest.approx(stats.ttest_1samp(exact, 0).pvalue)
    assert paired_test(noise[0], noise[1])[:3] == (0.0, 1.0, 1.0)
    assert paired_test(counts[:, 0] + 0.1 + noise[0], counts[:, 0]).t_p == 0.0
