"""What the page of a report says above its tables."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence

from recbole_cammsr.analysis import equal_rows
from recbole_cammsr.analysis.benchmark import Outcome, Run, unequal_budgets
from recbole_cammsr.analysis.digests import code_digest
from recbole_cammsr.analysis.experiment import Experiment
from recbole_cammsr.analysis.metric_classes import smaller_is_better
from recbole_cammsr.analysis.same_questions import other_targets, other_users
from recbole_cammsr.analysis.tables import MARKDOWN, metric_title


def notes(experiment: Experiment, outcome: Outcome, metrics: Sequence[str]) -> str:
    """Sentences on how to read the tables, what is unequal in them, and what failed.

    Args:
        experiment: what was asked for.
        outcome: what came out.
        metrics: columns of the tables.

    Returns:
        Paragraphs of Markdown.
    """
    seeds = ", ".join(map(str, experiment.seeds))
    shown = f"Mean ± standard deviation over the seeds {seeds}"
    if len(experiment.seeds) == 1:
        shown = f"One run of every row, with seed {seeds}"
    found = []
    if outcome.runs:
        found.append(
            f"{shown}; best bold, second underlined. The test split was ranked once per seed, with "
            "the configuration chosen on validation; choose by the column `valid`, the others are "
            "there to report."
        )
    lower = [metric_title(metric) for metric in metrics if smaller_is_better(metric)]
    if outcome.runs and lower:
        found.append(
            f"Of {', '.join(lower)} the smallest value is best, and an improvement is a decrease."
        )
    if any(one.grid for one in experiment.contenders):
        found.append(
            f"Tuning: {experiment.trials} combinations of each grid, seed "
            f"{', '.join(map(str, experiment.tuning_seeds))}, chosen by the best"
            f"{' mean' if len(experiment.tuning_seeds) > 1 else ''} validation score "
            "(`trials.csv`, `chosen/`)."
        )
    remarks = [
        *unequal_budgets(experiment),
        *other_users(outcome.runs, experiment.reference),
        *other_targets(outcome.runs, experiment.reference),
        *_several_rows(outcome.runs),
        *equal_rows.made(outcome.runs),
        *_diverged(outcome),
        *_blind_tuning(outcome),
    ]
    found += [f"Note: {MARKDOWN.text(sentence)}." for sentence in remarks]
    results = [run.result for run in [*outcome.runs, *outcome.incomplete]]
    results += [result for trial in outcome.trials for result in trial.results]
    codes = {result.code for result in results}
    now = {model: code_digest(model) for model in {result.job.model for result in results}}
    if any(result.code != now[result.job.model] for result in results):
        found.append(
            f"**Some runs were made with other code** (digests {', '.join(sorted(codes))}; now "
            f"{', '.join(sorted(set(now.values())))}): delete the folder `jobs` to run them again."
        )
    found += [f"**Failed:** {MARKDOWN.text(sentence)}." for sentence in outcome.failures]
    return "\n\n".join(found)


def _several_rows(runs: Sequence[Run]) -> list[str]:
    """A sentence for every data set with users of several test rows: its means are of two kinds."""
    found = []
    for dataset in dict.fromkeys(run.dataset for run in runs):
        ranks = [run.ranks for run in runs if run.dataset == dataset]
        rows = statistics.median_high(len(one.user) for one in ranks)
        users = statistics.median_high(len(set(one.user.tolist())) for one in ranks)
        if rows != users:
            found.append(
                f"on {dataset}, {users} users have {rows} test rows: the tables and breakdowns are "
                "means over test rows, as RecBole's metrics are, so that a user with many of them "
                "counts more; the paired tests, with the improvements beside them, are over users, "
                "each with the mean of its own rows, so the two can differ even in sign"
            )
    return found


def _diverged(outcome: Outcome) -> list[str]:
    """A sentence for every combination whose loss or scores became NaN."""
    return [
        f"on {trial.dataset}, the combination "
        f"{', '.join(f'{name}={value}' for name, value in trial.combination.items())} of "
        f"{trial.contender} counts as the worst: {trial.diverged}"
        for trial in outcome.trials
        if trial.diverged
    ]


def _blind_tuning(outcome: Outcome) -> list[str]:
    """A sentence for every contender whose combinations all scored the same, or not at all."""
    scores: dict[tuple[str, str], list[tuple[float, ...]]] = {}
    for trial in outcome.trials:
        if trial.diverged:
            continue
        of_seeds = tuple(result.score for result in trial.results)
        scores.setdefault((trial.dataset, trial.contender), []).append(of_seeds)
    return [
        f"on {dataset}, "
        + (
            f"all {len(found)} combinations of {label} gave the same validation score, so its grid "
            "probably names settings that it does not read"
            if all(map(math.isfinite, found[0]))
            else f"none of the {len(found)} combinations of {label} was validated, so the first "
            "one was taken"
        )
        for (dataset, label), found in scores.items()
        if len(found) > 1 and len(set(found)) == 1
    ]
