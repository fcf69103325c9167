"""Rows that a setting of the command line, or tuning, made one run under two names."""

from __future__ import annotations

import dataclasses
from types import SimpleNamespace

from recbole_cammsr.analysis import ablation, equal_rows, experiment
from recbole_cammsr.analysis.corruption import MISSING
from recbole_cammsr.analysis.job import TrainingJob

PAIR = {
    "datasets": ["ml-100k"],
    "seeds": [1],
    "models": {
        "whole": {"model": "CAMMSR"},
        "sum": {"model": "CAMMSR", "settings": {"fusion": "sum"}},
        "tuned": {"model": "CAMMSR", "grid": {"swap_weight": [0.1, 0.2]}},
    },
    "tuning": {"trials": 2},
}


def test_rows_that_the_command_line_made_equal_are_named():
    plan = experiment.parse(PAIR)
    assert equal_rows.planned(plan) == []
    (sentence,) = equal_rows.planned(plan.with_settings({"fusion": "camoe"}))
    assert sentence.startswith("on ml-100k, whole and sum have the same model and settings")
    (sentence,) = equal_rows.planned(plan.with_settings({"fusion": "camoe", "swap_weight": 0}))
    assert sentence.startswith("on ml-100k, whole, sum and tuned have")


def test_parts_that_are_switched_off_already_are_named():
    plan = ablation.components(ablation.Base("ml-100k", {"swap_weight": 0.0}))
    (sentence,) = equal_rows.planned(plan)
    assert sentence.startswith("on ml-100k, CAMMSR and without modality swap have the same")
    assert equal_rows.planned(ablation.components(ablation.Base("ml-100k"))) == []


def test_other_models_damage_and_data_sets_are_no_equal_rows():
    models = {"SASRec": {"model": "SASRec"}, "GRU4Rec": {"model": "GRU4Rec"}}
    assert equal_rows.planned(experiment.parse({**PAIR, "models": models})) == []
    damaged = ablation.damage(ablation.Base("ml-100k"), MISSING, [0.5, 0.9])
    assert equal_rows.planned(damaged) == []
    plan = experiment.parse({**PAIR, "datasets": ["ml-100k", "ml-1m"]})
    assert equal_rows.planned(plan) == []
    both = equal_rows.planned(plan.with_settings({"fusion": "camoe"}))
    assert [sentence.partition(",")[0] for sentence in both] == ["on ml-100k", "on ml-1m"]


def test_rows_that_tuning_made_equal_are_named():
    def run_of(label, seed, model="CAMMSR", **settings):
        job = TrainingJob(model, "toy", seed, settings)
        return SimpleNamespace(contender=label, dataset="toy", result=SimpleNamespace(job=job))

    runs = [run_of(label, seed, swap_weight=0.1) for label in "ab" for seed in (1, 2)]
    (sentence,) = equal_rows.made([*runs, run_of("c", 1, swap_weight=0.2)])
    assert sentence.startswith("on toy, a and b have the same model and settings")
    damaged = run_of("d", 1, swap_weight=0.1)
    damaged.result.job = dataclasses.replace(damaged.result.job, corruption={"missing": 0.5})
    assert equal_rows.made([runs[0], damaged]) == []
    assert equal_rows.made([runs[0], run_of("e", 1, "SASRec", swap_weight=0.1)]) == []
