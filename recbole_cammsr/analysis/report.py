"""Everything that a benchmark writes: tidy CSV files, tables, pictures, and one page about them."""

from __future__ import annotations

import itertools
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from recbole_cammsr.analysis import figure, files, result_figures
from recbole_cammsr.analysis.benchmark import Outcome, Run, unequal_budgets
from recbole_cammsr.analysis.breakdown import (
    CATEGORY,
    HISTORY,
    LAST_POPULARITY,
    POPULARITY,
    breakdown,
)
from recbole_cammsr.analysis.digests import code_digest
from recbole_cammsr.analysis.experiment import Experiment
from recbole_cammsr.analysis.ranks import is_per_user
from recbole_cammsr.analysis.summary import (
    Cell,
    Comparison,
    Summary,
    compare,
    other_users,
    summarise,
    validation,
)
from recbole_cammsr.analysis.tables import (
    COMPARISON_HEADER,
    MARKDOWN,
    comparison_rows,
    latex,
    markdown,
    metric_title,
    number,
    table_rows,
)

_RESULT_COLUMNS = ("dataset", "model", "seed", "split", "metric", "value")
_TRIAL_COLUMNS = ("dataset", "model", "trial", "settings", "seed", "metric", "value", "chosen")
_COST_COLUMNS = (
    *("dataset", "model", "seed", "parameters", "score_flops", "train_flops", "epochs"),
    *("best_epoch", "epoch_seconds", "best_seconds", "fit_seconds", "peak_memory_bytes"),
)
_TEST_COLUMNS = (
    *("dataset", "metric", "reference", "model", "users", "difference", "improvement"),
    *("t_p", "t_p_holm", "wilcoxon_p", "wilcoxon_p_holm", "seeds_p"),
)
_BREAKDOWN_COLUMNS = ("dataset", "model", "breakdown", "group", "users", "metric", "value")
_MOST_CATEGORIES = 12


def write(experiment: Experiment, outcome: Outcome, folder: Path, command: str) -> str:
    """Write the report of an experiment.

    Args:
        experiment: what was asked for.
        outcome: what came out.
        folder: receives ``results.csv``, ``trials.csv``, ``timings.csv``, ``significance.csv``,
            ``breakdown.csv``, ``report.md``, ``table.tex``, ``chosen/…``, and, where matplotlib is
            installed, ``results.png`` and ``breakdown.png``.
        command: shown on the page.

    Returns:
        The page's main tables, for the terminal.
    """
    metrics = columns(experiment, outcome.runs)
    summary = summarise(outcome.runs)
    main = next((metric for metric in metrics if is_per_user(metric)), None)
    comparisons = compare(outcome.runs, main, experiment.reference) if main else []
    groups = breakdown(outcome.runs, metrics)
    files.write_csv(folder / "results.csv", _results(outcome.runs), _RESULT_COLUMNS)
    files.write_csv(folder / "trials.csv", _trials(outcome), _TRIAL_COLUMNS)
    files.write_csv(folder / "timings.csv", _costs(outcome.runs), _COST_COLUMNS)
    files.write_csv(
        folder / "significance.csv", _tests(comparisons, experiment.reference), _TEST_COLUMNS
    )
    files.write_csv(folder / "breakdown.csv", groups, _BREAKDOWN_COLUMNS)
    for (dataset, label), settings in outcome.chosen.items():
        _write_chosen(folder / "chosen" / dataset, label, settings)
    if not outcome.runs:
        return "no contender finished all of its runs"
    tables = _main_tables(experiment, outcome.runs, summary, metrics, comparisons, main)
    caption = f"{experiment.name}: mean and standard deviation over {len(experiment.seeds)} seeds"
    files.write_text(folder / "table.tex", latex(summary, metrics, experiment.reference, caption))
    page = [f"# {experiment.name}", f"```\n{command}\n```", *_notes(experiment, outcome), tables]
    if main is not None:
        page += _breakdown_tables(groups, main)
    if main is not None and figure.available():
        result_figures.contenders(summary, main, experiment.reference, folder / "results.png")
        result_figures.breakdowns(groups, main, experiment.reference, folder / "breakdown.png")
        page[3:3] = ["![results](results.png)"]
        page += ["![breakdown](breakdown.png)"]
    files.write_text(folder / "report.md", "\n\n".join(page) + "\n")
    return tables


def columns(experiment: Experiment, runs: Sequence[Run]) -> list[str]:
    """The metrics of the table, the main one first.

    Args:
        experiment: may name them.
        runs: else all that they have, the validation metric first.

    Raises:
        ValueError: a named metric was not computed.
    """
    computed = list(dict.fromkeys(metric for run in runs for metric in run.result.test))
    if experiment.metrics:
        wanted = [metric.lower() for metric in experiment.metrics]
        absent = [metric for metric in wanted if runs and metric not in computed]
        if absent:
            raise ValueError(
                f"the metric {absent[0]} was not computed; ask for columns out of "
                f"{', '.join(computed)}, or change the settings `metrics` and `topk`"
            )
        return list(dict.fromkeys(wanted))
    first = runs[0].result.valid_metric if runs else ""
    return sorted(computed, key=lambda metric: metric != first)


def _main_tables(
    experiment: Experiment,
    runs: Sequence[Run],
    summary: Summary,
    metrics: Sequence[str],
    comparisons: Sequence[Comparison],
    main: str | None,
) -> str:
    parts = []
    for dataset, cells in summary.items():
        rows = table_rows(cells, metrics, experiment.reference, MARKDOWN)
        title, chosen_by = _validation_column(validation(runs, dataset), list(cells))
        header = ["model", title, *map(metric_title, metrics)]
        rows = [
            [row[0], chosen, *row[1:]]
            for row, chosen in itertools.zip_longest(rows, chosen_by, fillvalue="")
        ]
        parts += [f"## {dataset}", markdown(header, rows)]
        here = [one for one in comparisons if one.dataset == dataset]
        if here and main is not None:
            parts += [
                f"{experiment.reference}, paired over users, {metric_title(main)} averaged over "
                "seeds; Holm's correction is over the rows. The last column asks about other "
                "seeds instead of other users (Welch's t-test, not corrected): believe an "
                "improvement that both bear out:",
                markdown(COMPARISON_HEADER, comparison_rows(here)),
            ]
    return "\n\n".join(parts)


def _validation_column(
    scores: Mapping[str, tuple[str, Cell]], labels: Sequence[str]
) -> tuple[str, list[str]]:
    """Title and cells; where contenders are chosen by different metrics each cell names its own."""
    metrics = sorted({metric for metric, _ in scores.values()})
    if len(metrics) == 1:
        title, suffix = f"valid {metric_title(metrics[0])}", {metrics[0]: ""}
    else:
        title, suffix = "valid", {metric: f" ({metric_title(metric)})" for metric in metrics}
    texts = {
        label: number(cell, MARKDOWN) + suffix[metric] for label, (metric, cell) in scores.items()
    }
    return title, [texts.get(label, "-") for label in labels]


def _notes(experiment: Experiment, outcome: Outcome) -> list[str]:
    seeds = ", ".join(map(str, experiment.seeds))
    notes = [
        f"Mean ± standard deviation over the seeds {seeds}; best bold, second underlined. The test "
        "split was ranked once per seed, with the configuration chosen on validation; choose by "
        "the column `valid`, the others are there to report."
    ]
    if any(one.grid for one in experiment.contenders):
        notes.append(
            f"Tuning: {experiment.trials} combinations of each grid, seed "
            f"{', '.join(map(str, experiment.tuning_seeds))}, chosen by the best"
            f"{' mean' if len(experiment.tuning_seeds) > 1 else ''} validation score "
            "(`trials.csv`, `chosen/`)."
        )
    remarks = [*unequal_budgets(experiment), *other_users(outcome.runs, experiment.reference)]
    notes += [f"Note: {sentence}." for sentence in remarks]
    results = [run.result for run in outcome.runs]
    results += [result for trial in outcome.trials for result in trial.results]
    codes = {result.code for result in results}
    if codes - {code_digest()}:
        notes.append(
            f"**Some runs were made with other code** (digests {', '.join(sorted(codes))}; now "
            f"{code_digest()}): delete the folder `jobs` to run them again."
        )
    notes += [f"**Failed:** {sentence}." for sentence in outcome.failures]
    return ["\n\n".join(notes)]


def _breakdown_tables(rows: Sequence[Mapping[str, Any]], metric: str) -> list[str]:
    rows = [row for row in rows if row["metric"] == metric]
    parts = []
    for dataset in dict.fromkeys(row["dataset"] for row in rows):
        for kind in (HISTORY, POPULARITY, LAST_POPULARITY, CATEGORY):
            here = [row for row in rows if (row["dataset"], row["breakdown"]) == (dataset, kind)]
            names = list(dict.fromkeys(row["group"] for row in here))[:_MOST_CATEGORIES]
            if not names:
                continue
            labels = list(dict.fromkeys(row["model"] for row in here))
            value = {(row["group"], row["model"]): f"{row['value']:.4f}" for row in here}
            users = {row["group"]: str(row["users"]) for row in here}
            lines = [
                [MARKDOWN.text(name), users[name], *(value.get((name, one), "-") for one in labels)]
                for name in names
            ]
            header = [kind, "users", *map(MARKDOWN.text, labels)]
            parts += [f"## {dataset}: {metric_title(metric)} by {kind}", markdown(header, lines)]
    return parts


def _results(runs: Sequence[Run]) -> list[dict[str, Any]]:
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


def _trials(outcome: Outcome) -> list[dict[str, Any]]:
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


def _costs(runs: Sequence[Run]) -> list[dict[str, Any]]:
    return [
        {
            "dataset": run.dataset,
            "model": run.contender,
            "seed": run.seed,
            "epochs": run.result.epochs,
            "best_epoch": run.result.best_epoch,
            **run.result.cost,
        }
        for run in runs
    ]


def _tests(comparisons: Sequence[Comparison], reference: str) -> list[dict[str, Any]]:
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


def _write_chosen(folder: Path, label: str, settings: Mapping[str, Any]) -> None:
    text = (
        f"# {label}: the configuration chosen on validation, for --config_files\n"
        + yaml.safe_dump(dict(settings), sort_keys=True, allow_unicode=True)
    )
    files.write_text(folder / f"{files.stem(label)}.yaml", text)
