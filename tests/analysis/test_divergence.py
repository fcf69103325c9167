"""A loss that is no number ends a tuning job with the worst score, and not with a failure."""

from __future__ import annotations

import pytest

from recbole_cammsr.analysis.divergence import has_diverged
from recbole_cammsr.analysis.job import TEST, TUNE, TrainingJob
from recbole_cammsr.analysis.run_job import run_job

SETTINGS = {
    **{"use_gpu": False, "gpu_id": "", "epochs": 1, "hidden_size": 16, "inner_size": 16},
    **{"train_neg_sample_args": None, "metrics": ["NDCG"], "topk": [10]},
    **{"valid_metric": "NDCG@10", "valid_metric_bigger": False},
    "load_col": {"inter": ["user_id", "item_id", "timestamp"]},
}


def test_a_loss_that_is_no_number_is_the_worst_score_also_where_smaller_is_better(
    toy_path, tmp_path, monkeypatch
):
    from recbole.model.sequential_recommender import SASRec

    monkeypatch.setattr("sys.argv", ["pytest"])
    stock = SASRec.calculate_loss
    monkeypatch.setattr(
        SASRec, "calculate_loss", lambda self, rows: stock(self, rows) * float("nan")
    )
    settings = {**SETTINGS, "data_path": str(toy_path)}
    found, _ = run_job(TrainingJob("SASRec", "toy", 1, settings, TUNE), tmp_path)
    assert found.diverged == "Training loss is nan"
    assert found.score == float("-inf")
    assert list(found.cost) == ["fit_seconds"]
    with pytest.raises(ValueError, match="Training loss is nan"):
        run_job(TrainingJob("SASRec", "toy", 1, settings, TEST), tmp_path)


def test_other_errors_are_failures():
    assert not has_diverged(ValueError("`hidden_size` is nan; it must be a number"))
