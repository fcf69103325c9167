"""Everything that a benchmark writes: tidy CSV files, tables, pictures, and one page about them."""

from __future__ import annotations

import itertools
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
    report_rows,
    result_figures,
)
from recbole_cammsr.analysis.benchmark import Outcome, Run
from recbole_cammsr.analysis.breakdown import (
    CATEGORY,
    HISTORY,
    LAST_POPULARITY,
    MOST_CATEGORIES,
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

_BREAKDOWN_COLUMNS = ("dataset", "model", "breakdown", "group", "test_rows", "metric", "value")
#: what stands above the paired tests
_OF_SEVERAL_SEEDS = (
    "averaged over seeds; Holm's correction is over the rows. The last column asks about other "
    "seeds instead of other users (Welch's t-test, not corrected): believe an improvement that "
    "both bear out:"
)
_OF_ONE_SEED = (
    "of a single seed; Holm's correction is over the rows. These tests ask about other users of "
    "the same trained models; whether other seeds give the same order takes several `seeds`:"
)


def write(experiment: Experiment, outcome: Outcome, folder: Path, command: str) -> str:
    """Write the report of an experiment.

    Args:
        experiment: what was asked for.
        outcome: what came out.
        folder: receives ``results.csv``, ``trials.csv``, ``timings.csv``, ``significance.csv``,
            ``breakdown.csv``, ``report.md``, ``table.tex``, ``chosen/…``, and, where matplotlib is
            installed, ``results.png`` and ``breakdown.png``. What an earlier report left and this
            one has nothing for is deleted; without runs that is all but the page, the trials and
            the chosen settings. ``results.csv`` and ``timings.csv`` also have the finished runs of
            rows that are in no table.
        command: shown on the page.

    Returns:
        The page's main tables, for the terminal; a sentence where no contender finished.
    """
    metrics = columns(experiment, outcome.runs)
    summary = summarise(outcome.runs)
    main = next((metric for metric in metrics if outcome.runs and is_per_user(metric)), None)
    comparisons = compare(outcome.runs, main, experiment.reference) if main else []
    groups = breakdown(outcome.runs, metrics)
    files.write_csv(folder / "trials.csv", report_rows.trials(outcome), report_rows.TRIAL_COLUMNS)
    contenders = {one.label: one for one in experiment.contenders}
    written = {
        _write_chosen(folder / "chosen" / dataset, contenders[label], settings)
        for (dataset, label), settings in outcome.chosen.items()
    }
    tables = "no contender finished all of its runs"
    finished = [*outcome.runs, *outcome.incomplete]
    csv_files: list[tuple[str, Sequence[Mapping[str, Any]], Sequence[str]]] = []
    if finished:
        csv_files += [
            ("results.csv", report_rows.results(finished), report_rows.RESULT_COLUMNS),
            ("timings.csv", report_rows.costs(finished), report_rows.COST_COLUMNS),
        ]
    if outcome.runs:
        tested = report_rows.tests(comparisons, experiment.reference)
        csv_files += [
            ("significance.csv", tested, report_rows.TEST_COLUMNS),
            ("breakdown.csv", groups, _BREAKDOWN_COLUMNS),
        ]
    for name, rows, names in csv_files:
        files.write_csv(folder / name, rows, names)
        written.add(folder / name)
    if outcome.runs:
        tables = _main_tables(experiment, outcome.runs, summary, metrics, comparisons, main)
        seeds = len(experiment.seeds)
        shown = f"mean and standard deviation over {seeds} seeds" if seeds > 1 else "one seed"
        caption = f"{experiment.name}: {shown}"
        text = latex(summary, metrics, experiment.reference, caption, comparisons)
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
            several = any(one.seeds_p is not None for one in here)
            parts += [
                f"{MARKDOWN.text(experiment.reference)}, paired over users, {metric_title(main)} "
                + (_OF_SEVERAL_SEEDS if several else _OF_ONE_SEED),
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
            everything = list(dict.fromkeys(row["group"] for row in here))
            names = everything[:MOST_CATEGORIES]
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
            parts.append(title)
            if len(names) < len(everything):
                parts.append(
                    f"The {len(names)} most frequent of {len(everything)}; `breakdown.csv` has all:"
                )
            parts.append(markdown(header, lines))
    return parts


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
