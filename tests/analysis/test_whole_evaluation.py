"""A part of ``eval_args``: every model of a table is tested on the same split and candidates."""

from __future__ import annotations

import sys

import pytest

from recbole_cammsr.analysis import benchmark, whole_evaluation
from recbole_cammsr.analysis.experiment import parse
from recbole_cammsr.analysis.job import TEST, TUNE, TrainingJob
from recbole_cammsr.analysis.run_job import make_config

PARTS = [
    {"mode": "uni100"},
    {"mode": {"valid": "uni100"}},
    {"split": {"RS": [0.8, 0.1, 0.1]}},
    {"split": {"LS": "valid_and_test"}},  # what the messages of analysis/ranks.py advise
    {"mode": "full"},
    {"order": "RO"},
    "{'mode': 'uni100'}",
]
WHOLE = {"split": {"LS": "valid_and_test"}, "order": "TO", "group_by": "user", "mode": "uni50"}


@pytest.mark.parametrize("part", PARTS)
def test_every_model_is_evaluated_alike(part, tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "argv", ["pytest"])
    found = {
        model: make_config(TrainingJob(model, "ml-100k", 1, {"eval_args": part}), tmp_path)
        for model in ("CAMMSR", "SASRec", "BPR", "Pop")
    }
    own = found["CAMMSR"]["eval_args"]
    assert {"split", "order", "group_by", "mode"} == set(own)
    if "split" not in part:
        assert own["split"] == {"LS": "valid_and_test"}
    if "order" not in part:
        assert own["order"] == "TO"
    for config in found.values():
        assert config["eval_args"] == own


@pytest.mark.parametrize("given", [WHOLE, {"split": {"LS": "test_only"}, "order": "TO"}])
def test_what_says_all_that_matters_keeps_its_fingerprint(given):
    """So that the results of such runs, which were right, are not made again."""
    for settings in ({"eval_args": given}, {"epochs": 3}, {"eval_args": None}):
        assert whole_evaluation.completed(settings, "ml-100k") == settings


def test_jobs_of_a_part_are_not_those_of_earlier_versions():
    """These had RecBole's random split for its own models."""
    plan = parse(
        {
            "datasets": ["ml-100k"],
            "seeds": [1],
            "settings": {"eval_args": {"mode": "uni100"}},
            "models": {"SASRec": {"grid": {"n_layers": [1, 2]}}, "Pop": None},
            "tuning": {"trials": 2, "settings": {"eval_args": {"split": {"RS": [8, 1, 1]}}}},
        }
    )
    started = []

    class Failing:
        def run(self, jobs, titles):
            started.extend(jobs)
            return {job.fingerprint: "stopped" for job in jobs}

        def check_data(self, results):
            assert not list(results)

    benchmark.run(plan, Failing())
    split = {"split": {"LS": "valid_and_test"}, "order": "TO"}
    of_stage = {job.stage: job.settings["eval_args"] for job in started}
    assert of_stage[TEST] == {"mode": "uni100", **split}
    assert of_stage[TUNE] == {"split": {"RS": [8, 1, 1]}, "order": "TO"}
