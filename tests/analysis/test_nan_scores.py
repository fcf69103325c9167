"""Scores that are no numbers end a run; the -inf of items that are not ranked do not."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
import torch

from recbole_cammsr.analysis import nan_scores
from recbole_cammsr.analysis.job import TEST, TUNE, TrainingJob
from recbole_cammsr.analysis.ranks import RankCollector
from recbole_cammsr.analysis.run_job import run_job

SETTINGS = {
    "use_gpu": False,
    "gpu_id": "",
    "epochs": 1,
    "hidden_size": 16,
    "inner_size": 16,
    "train_neg_sample_args": None,
    "load_col": {"inter": ["user_id", "item_id", "timestamp"]},
}


def test_scores_that_are_no_numbers_fail_a_test_and_are_the_worst_in_tuning(
    toy_path, tmp_path, monkeypatch
):
    from recbole.model.sequential_recommender import SASRec

    monkeypatch.setattr("sys.argv", ["pytest"])
    stock = SASRec.full_sort_predict
    monkeypatch.setattr(
        SASRec, "full_sort_predict", lambda self, rows: stock(self, rows) * float("nan")
    )
    settings = {**SETTINGS, "data_path": str(toy_path)}
    found, ranks = run_job(TrainingJob("SASRec", "toy", 1, settings, TUNE), tmp_path)
    assert found.diverged.startswith("SASRec scores items with NaN")
    assert (found.valid, found.score, ranks) == ({}, float("-inf"), None)
    job = TrainingJob("SASRec", "toy", 1, settings, TEST)
    with pytest.raises(
        ValueError, match=r"SASRec scores items with NaN.*`learning_rate`"
    ) as caught:
        run_job(job, tmp_path)
    assert "\n" not in str(caught.value)


def test_what_is_not_ranked_may_be_minus_infinity_and_everything_is_put_back():
    seen = []
    collector = SimpleNamespace(eval_batch_collect=lambda *given: seen.append(given))
    stock = collector.eval_batch_collect
    trainer = SimpleNamespace(eval_collector=collector, model=torch.nn.Identity())
    with nan_scores.refused(trainer):
        outer = collector.eval_batch_collect
        with RankCollector("user", "item", [10]).watching(trainer):
            pass
        assert collector.eval_batch_collect is outer
        collector.eval_batch_collect(torch.tensor([[-torch.inf, 1.0]]), {}, None, None)
        with pytest.raises(ValueError, match="Identity scores items with NaN"):
            collector.eval_batch_collect(torch.tensor([[torch.nan, 1.0]]), {}, None, None)
    assert len(seen) == 1
    assert collector.eval_batch_collect is stock
