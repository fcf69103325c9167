"""Metrics of single rows against the formulas, written out."""

from __future__ import annotations

import math

import numpy as np
import pytest

from recbole_cammsr.analysis.ranks import is_per_user, per_user

RANKS = np.array([1, 2, 5, 6, 100])


@pytest.mark.parametrize(
    ("metric", "formula"),
    [
        ("Recall", lambda r, k: 1.0),
        ("hit", lambda r, k: 1.0),
        ("NDCG", lambda r, k: 1 / math.log2(r + 1)),
        ("mrr", lambda r, k: 1 / r),
        ("map", lambda r, k: 1 / r),
        ("precision", lambda r, k: 1 / k),
    ],
)
def test_metrics_of_a_row(metric, formula):
    for k in (1, 5, 10):
        expected = [formula(rank, k) if rank <= k else 0.0 for rank in RANKS.tolist()]
        assert per_user(f"{metric}@{k}", RANKS) == pytest.approx(expected)


@pytest.mark.parametrize("metric", ["itemcoverage@10", "ndcg", "ndcg@x", "auc", ""])
def test_metrics_that_are_none_of_a_single_user(metric):
    assert not is_per_user(metric)
    with pytest.raises(ValueError, match="NDCG@10"):
        per_user(metric, RANKS)
