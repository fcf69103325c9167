"""Everything that a benchmark writes: tidy CSV files, tables, pictures, and one page about them."""

from __future__ import annotations

import itertools
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from recbole_cammsr.analysis import (
    corruption,
    earlier_report,
    figure,
    files,
    report_notes,
    result_figures,
)
from recbole_cammsr.analysis.benchmark import Outcome, Run
from recbole_cammsr.analysis.breakdown import (
    CATEGORY,
    HISTORY,
    LAST_POPULARITY,
    POPULARITY,
    breakdown,
)
from recbole_cammsr.analysis.experiment import Contender, Experiment
from recbole_cammsr.analysis.ranks import is_per_user
from recbole_cammsr.analysis.summary import (
    Cell,
    Comparison,
    Summary,
    compare,
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
    "peak_memory_of",
)
_TEST_COLUMNS = (
    *("dataset", "metric", "reference", "model", "users", "difference", "improvement"),
    *("t_p", "t_p_holm", "wilcoxon_p", "wilcoxon_p_holm", "seeds_p"),
)
_BREAKDOWN_COLUMNS = ("dataset", "model", "breakdown", "group", "test_rows", "metric", "value")
_MOST_CATEGORIES = 12


def write(experiment: Experiment, outcome: Outcome, folder: Path, command: str) -> str:
    """Write the report of an experiment.

    Args:
        experiment: what was asked for.
        outcome: what came out.
        folder: receives ``results.csv``, ``trials.csv``, ``timings.csv``, ``significance.csv``,
            ``breakdown.csv``, ``report.md``, ``table.tex``, ``chosen/…``, and, where matplotlib is
            installed, ``results.png`` and ``breakdown.png``. What an earlier report left and this
            one has nothing for is deleted; without runs that is all but the page, the trials and
            the chosen settings.
        command: shown on the page.

    Returns:
        The page's main tables, for the terminal; a sentence where no contender finished.
    """
    metrics = columns(experiment, outcome.runs)
    summary = summarise(outcome.runs)
    main = next((metric for metric in metrics if outcome.runs and is_per_user(metric)), None)
    comparisons = compare(outcome.runs, main, experiment.reference) if main else []
    groups = breakdown(outcome.runs, metrics)
    files.write_csv(folder / "trials.csv", _trials(outcome), _TRIAL_COLUMNS)
    contenders = {one.label: one for one in experiment.contenders}
    written = {
        _write_chosen(folder / "chosen" / dataset, contenders[label], settings)
        for (dataset, label), settings in outcome.chosen.items()
    }
    tables = "no contender finished all of its runs"
    if outcome.runs:
        for name, rows, names in (
            ("results.csv", _results(outcome.runs), _RESULT_COLUMNS),
            ("timings.csv", _costs(outcome.runs), _COST_COLUMNS),
            ("significance.csv", _tests(comparisons, experiment.reference), _TEST_COLUMNS),
            ("breakdown.csv", groups, _BREAKDOWN_COLUMNS),
        ):
            files.write_csv(folder / name, rows, names)
            written.add(folder / name)
        tables = _main_tables(experiment, outcome.runs, summary, metrics, comparisons, main)
        seeds = len(experiment.seeds)
        shown = f"mean and standard deviation over {seeds} seeds" if seeds > 1 else "one seed"
        caption = f"{experiment.name}: {shown}"
        text = latex(summary, metrics, experiment.reference, caption)
        files.write_text(folder / "table.tex", text)
        written.add(folder / "table.tex")
    notes = report_notes.notes(experiment, outcome, metrics)
    page = [f"# {experiment.name}", f"```\n{command}\n```", notes, tables]
    if main is not None:
        page += _breakdown_tables(groups, main)
    if main is not None and figure.available():
        result_figures.contenders(summary, main, experiment.reference, folder / "results.png")
        result_figures.breakdowns(groups, main, experiment.reference, folder / "breakdown.png")
        written |= {folder / "results.png", folder / "breakdown.png"}
        page[3:3] = ["![results](results.png)"]
        page += ["![breakdown](breakdown.png)"]
    files.write_text(folder / "report.md", "\n\n".join(filter(None, page)) + "\n")
    earlier_report.clear(folder, written)
    return tables


def columns(experiment: Experiment, runs: Sequence[Run]) -> list[str]:
    """The metrics of the table, the main one first.

    Args:
        experiment: may name them.
        runs: else all that they have, the validation metric first. Named ones that none of them
            has (those that would have it failed) are left out, as long as any is left.
    """
    computed = list(dict.fromkeys(metric for run in runs for metric in run.result.test))
    if experiment.metrics:
        wanted = [metric.lower() for metric in experiment.metrics]
        present = [metric for metric in dict.fromkeys(wanted) if not runs or metric in computed]
        if present:
            return present
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
        parts += [f"## {MARKDOWN.text(dataset)}", markdown(header, rows)]
        here = [one for one in comparisons if one.dataset == dataset]
        if here and main is not None:
            parts += [
                f"{MARKDOWN.text(experiment.reference)}, paired over users, {metric_title(main)} "
                f"averaged over seeds; Holm's correction is over the rows. The last column asks "
                "about other seeds instead of other users (Welch's t-test, not corrected): believe "
                "an improvement that both bear out:",
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
            count = {row["group"]: str(row["test_rows"]) for row in here}
            lines = [
                [MARKDOWN.text(name), count[name], *(value.get((name, one), "-") for one in labels)]
                for name in names
            ]
            header = [kind, "test rows", *map(MARKDOWN.text, labels)]
            title = f"## {MARKDOWN.text(dataset)}: {metric_title(metric)} by {kind}"
            parts += [title, markdown(header, lines)]
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
            "peak_memory_of": run.result.memory_of,
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


def _write_chosen(folder: Path, one: Contender, settings: Mapping[str, Any]) -> Path:
    damage = corruption.described(one.corruption)
    says = "; a run of it is"
    if damage:  # no setting makes it
        says = (
            f"\n# The row's runs read damaged data: {damage}. "
            "With these settings, but without the damage, a run is"
        )
    text = (
        f"# {' '.join(one.label.split())}{earlier_report.CHOSEN}{says}\n"
        f"#   run_recbole --model={one.model} --dataset={folder.name} --protocol --seed=1 "
        f"--config_files=<this file>\n"
        + yaml.safe_dump(dict(settings), sort_keys=True, allow_unicode=True)
    )
    path = folder / f"{files.stem(one.label)}.yaml"
    files.write_text(path, text)
    return path
