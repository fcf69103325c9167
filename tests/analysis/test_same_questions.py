"""Contenders that had other items to find are named, however many seeds they have."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from recbole_cammsr.analysis import same_questions
from recbole_cammsr.analysis.benchmark import Run
from recbole_cammsr.analysis.job import JobResult, TrainingJob
from recbole_cammsr.analysis.ranks import UserRanks
from recbole_cammsr.analysis.same_questions import other_targets


def make_run(label, seed, asked):
    """A run whose test rows are pairs of a user and an item to be found."""
    asked = sorted(asked)
    user, target = (np.array([pair[k] for pair in asked], dtype=str) for k in (0, 1))
    ones = np.ones(len(asked), dtype=np.int64)
    ranks = UserRanks(user, target, ones, ones, ones, np.full(len(asked), ""))
    job = TrainingJob("SASRec", "toy", seed)
    return Run(label, "toy", seed, JobResult(job, {}, {}, "x", True, 1, 1, {}, "code"), ranks)


ASKED = [(f"u{number:02d}", f"i{number % 7}") for number in range(60)]


def test_models_that_had_other_items_to_find_are_named():
    ours, same = make_run("ours", 1, ASKED), make_run("same", 1, ASKED)
    other = make_run("other", 1, [(user, "another") for user, _ in ASKED[:3]] + ASKED[3:])
    (sentence,) = other_targets([ours, same, other], "ours")
    assert sentence.startswith("on toy, other had other items to find than ours for 3 users")
    assert other_targets([ours, same], "ours") == []
    assert other_targets([ours, other], "nobody") == []


few_rows = st.lists(st.tuples(st.sampled_from("abcd"), st.sampled_from("xyz")), max_size=7)


@given(st.lists(few_rows, min_size=1, max_size=3), st.lists(few_rows, min_size=1, max_size=3))
def test_the_users_are_those_of_a_loop_over_seeds_and_users(ours, theirs):
    """Users may have several rows, and the same item twice."""

    def by_user(asked):
        return {user: sorted(i for u, i in asked if u == user) for user, _ in asked}

    expected = {
        user
        for first, second in product(map(by_user, ours), map(by_user, theirs))
        for user in first.keys() & second.keys()
        if first[user] != second[user]
    }
    runs = [make_run("ours", seed, asked) for seed, asked in enumerate(ours)]
    runs += [make_run("theirs", seed, asked) for seed, asked in enumerate(theirs)]
    sentences = other_targets(runs, "ours")
    assert len(sentences) == bool(expected)
    assert all(f" for {len(expected)} users, so" in sentence for sentence in sentences)


@pytest.mark.parametrize("changed", [False, True])
def test_seeds_that_were_asked_the_same_are_looked_at_once(monkeypatch, changed):
    looked = []
    stock = same_questions._asked_otherwise
    monkeypatch.setattr(
        same_questions, "_asked_otherwise", lambda *rows: looked.append(1) or stock(*rows)
    )
    theirs = [("u00", "another"), *ASKED[1:]] if changed else ASKED
    runs = [make_run("ours", seed, ASKED) for seed in range(5)]
    runs += [make_run("theirs", seed, theirs) for seed in range(5)]
    assert len(other_targets(runs, "ours")) == changed
    assert len(looked) == changed
