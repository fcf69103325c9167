"""Names and directions of metrics, against RecBole's documentation of them."""

from __future__ import annotations

import pytest

from recbole_cammsr.analysis.metric_classes import smaller_is_better, title


@pytest.mark.parametrize(
    ("metric", "smaller", "shown"),
    [
        ("ndcg@10", False, "NDCG@10"),
        ("recall@5", False, "Recall@5"),
        ("mrr@20", False, "MRR@20"),
        ("gauc", False, "GAUC"),
        ("itemcoverage@10", False, "ItemCoverage@10"),
        ("giniindex@10", True, "GiniIndex@10"),
        ("GiniIndex@10", True, "GiniIndex@10"),
        ("rmse", True, "RMSE"),
        ("mae", True, "MAE"),
        ("logloss", True, "LogLoss"),
        ("mine@3", False, "Mine@3"),
    ],
)
def test_direction_and_title(metric, smaller, shown):
    assert smaller_is_better(metric) is smaller
    assert title(metric) == shown
