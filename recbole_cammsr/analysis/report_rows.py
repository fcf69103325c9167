"""Rows of the CSV files of a report."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from recbole_cammsr.analysis.benchmark import Outcome, Run
from recbole_cammsr.analysis.summary import Comparison

RESULT_COLUMNS = ("dataset", "model", "seed", "split", "metric", "value")
TRIAL_COLUMNS = ("dataset", "model", "trial", "settings", "seed", "metric", "value", "chosen")
COST_COLUMNS = (
    *("dataset", "model", "seed", "parameters", "score_flops", "train_flops", "epochs"),
    *("best_epoch", "epoch_seconds", "best_seconds", "fit_seconds", "peak_memory_bytes"),
    "peak_memory_of",
)
TEST_COLUMNS = (
    *("dataset", "metric", "reference", "model", "users", "difference", "improvement"),
    *("t_p", "t_p_holm", "wilcoxon_p", "wilcoxon_p_holm", "seeds_p"),
)


def results(runs: Sequence[Run]) -> list[dict[str, Any]]:
    """A row a metric, of validation and of test."""
    return [
        {
            "dataset": run.dataset,
            "model": run.contender,
            "seed": run.seed,
            "split": split,
            "metric": metric,
            "value": value,
        }
        for run in runs
        for split, values in (("valid", run.result.valid), ("test", run.result.test))
        for metric, value in values.items()
    ]


def trials(outcome: Outcome) -> list[dict[str, Any]]:
    """A row a trial and seed of it."""
    return [
        {
            "dataset": trial.dataset,
            "model": trial.contender,
            "trial": trial.number,
            "settings": json.dumps(dict(trial.combination)),
            "seed": result.job.seed,
            "metric": result.valid_metric,
            "value": result.valid.get(result.valid_metric),
            "chosen": trial.chosen,
        }
        for trial in outcome.trials
        for result in trial.results
    ]


def costs(runs: Sequence[Run]) -> list[dict[str, Any]]:
    """A row a run."""
    return [
        {
            "dataset": run.dataset,
            "model": run.contender,
            "seed": run.seed,
            "epochs": run.result.epochs,
            "best_epoch": run.result.best_epoch,
            **run.result.cost,
            "peak_memory_of": run.result.memory_of,
        }
        for run in runs
    ]


def tests(comparisons: Sequence[Comparison], reference: str) -> list[dict[str, Any]]:
    """A row a comparison."""
    return [
        {
            "dataset": one.dataset,
            "metric": one.metric,
            "reference": reference,
            "model": one.other,
            "users": one.test.users,
            "difference": one.test.difference,
            "improvement": one.improvement,
            "t_p": one.test.t_p,
            "t_p_holm": one.t_holm,
            "wilcoxon_p": one.test.wilcoxon_p,
            "wilcoxon_p_holm": one.wilcoxon_holm,
            "seeds_p": one.seeds_p,
        }
        for one in comparisons
    ]
