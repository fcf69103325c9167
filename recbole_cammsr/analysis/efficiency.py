"""What the contenders of an experiment cost: a table, and cost against quality as a picture."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from recbole_cammsr.analysis import figure, files
from recbole_cammsr.analysis.benchmark import Run
from recbole_cammsr.analysis.cost import DEVICE, PROCESS
from recbole_cammsr.analysis.metric_classes import smaller_is_better
from recbole_cammsr.analysis.tables import MARKDOWN, markdown, metric_title

COLUMNS = (
    *("dataset", "model", "parameters", "score_flops", "train_flops", "epoch_seconds"),
    *("peak_memory_bytes", "best_seconds", "best_epoch"),
)
_HEADER = (
    *("model", "parameters", "operations to rank for a user", "operations a training target"),
    *("seconds an epoch", "peak memory", "seconds to best validation", "best epoch"),
)
_MEMORY_OF_PROCESS = "peak memory is that of the process, interpreter and libraries included"
_MEMORY_OF_DEVICE = "peak memory is what torch's allocator held on the GPU"
_MEMORY_OF_EITHER = (
    "peak memory is, of runs on a GPU, what torch's allocator held there, of the others that of "
    "the process, interpreter and libraries included"
)


def rows(runs: Sequence[Run]) -> list[dict[str, Any]]:
    """Medians over seeds; None where a model has no such figure."""
    result = []
    for dataset, label in dict.fromkeys((run.dataset, run.contender) for run in runs):
        own = [run.result for run in runs if (run.dataset, run.contender) == (dataset, label)]
        row: dict[str, Any] = {"dataset": dataset, "model": label}
        for name in COLUMNS[2:-1]:
            row[name] = _median([one.cost.get(name) for one in own])
        row["best_epoch"] = _median([one.best_epoch for one in own])
        result.append(row)
    return result


def table(costs: Sequence[dict[str, Any]]) -> str:
    """The rows as Markdown, with units."""
    lines = [
        [
            MARKDOWN.text(row["model"]),
            _count(row["parameters"]),
            _count(row["score_flops"]),
            _count(row["train_flops"]),
            _seconds(row["epoch_seconds"]),
            "-"
            if row["peak_memory_bytes"] is None
            else f"{row['peak_memory_bytes'] / 2**20:.0f} MiB",
            _seconds(row["best_seconds"]),
            "-" if row["best_epoch"] is None else f"{row['best_epoch']:g}",
        ]
        for row in costs
    ]
    return markdown(_HEADER, lines)


def write(runs: Sequence[Run], metric: str, folder: Path) -> str:
    """Write ``efficiency.csv``, ``efficiency.md`` and, with matplotlib, ``efficiency.png``.

    Args:
        runs: of an experiment; of several data sets each has its own table and picture.
        metric: quality axis of the picture.
        folder: for the files.

    Returns:
        The tables.
    """
    costs = rows(runs)
    files.write_csv(folder / "efficiency.csv", costs, COLUMNS)
    by_data: dict[str, list[dict[str, Any]]] = {}
    for row in costs:
        by_data.setdefault(row["dataset"], []).append(row)
    tables = {data: table(own) for data, own in by_data.items()}
    text = "\n\n".join(
        own if len(tables) == 1 else f"## {MARKDOWN.text(data)}\n\n{own}"
        for data, own in tables.items()
    )
    files.write_text(folder / "efficiency.md", f"# Efficiency\n\n{text}\n\n{_note(runs)}\n")
    if figure.available():
        for data, own in by_data.items():
            name = "efficiency" if len(by_data) == 1 else f"efficiency_{files.stem(data)}"
            here = [run for run in runs if run.dataset == data]
            _draw(here, own, metric, folder / f"{name}.png")
    return text


def _note(runs: Sequence[Run]) -> str:
    """What the columns are."""
    owners = {run.result.memory_of for run in runs}
    memory = _MEMORY_OF_EITHER
    if owners == {PROCESS}:
        memory = _MEMORY_OF_PROCESS
    elif owners == {DEVICE}:
        memory = _MEMORY_OF_DEVICE
    earlier = (
        " Results of earlier versions, which do not say whose memory they measured, share the item "
        "table only among the users of one batch, so their rankings look dearer."
    )
    return (
        "Medians over seeds. Operations are those of matrix products, counted while they run: one "
        "full ranking of a user of the first validation batch, what is made once for all (the item "
        "table) shared by all users that are ranked; forward and backward of one training target. "
        "Seconds and memory are this machine's, with everything else that ran on it at the time; "
        f"{memory}.{earlier if '' in owners else ''}"
    )


def _draw(runs: Sequence[Run], costs: Sequence[dict[str, Any]], metric: str, path: Path) -> None:
    drawing, axes = figure.new(1, 2, (10.5, 4.2), sharey=True)
    names = (("epoch_seconds", "seconds an epoch"), ("best_seconds", "seconds to best validation"))
    styles = figure.styles([row["model"] for row in costs])
    for panel, (name, label) in zip(axes[0], names):
        for row in costs:
            values = [run.result.test.get(metric) for run in runs if run.contender == row["model"]]
            known = [value for value in values if value is not None]
            if row[name] is None or not known:
                continue
            style = {**styles[row["model"]], "ls": "none"}
            mean = statistics.fmean(known)
            panel.plot(row[name], mean, ms=9, clip_on=False, label=row["model"], **style)
        panel.set_xlabel(label)
        panel.set_xlim(left=0)
        panel.grid(alpha=0.3)
        figure.tidy(panel)
    axes[0][0].set_ylabel(f"test {metric_title(metric)}")
    # a model that never reached a best epoch stands in the first panel alone
    handles = {line.get_label(): line for panel in axes[0] for line in panel.get_lines()}
    figure.legend_beside(axes[0][1], handles)
    better = "down" if smaller_is_better(metric) else "up"
    title = f"{runs[0].dataset}: quality against time ({better} and to the left is better)"
    drawing.suptitle(title, fontsize=11)
    figure.save(drawing, path)


def _median(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return statistics.median(known) if known else None


def _count(value: float | None) -> str:
    if not value:  # results of earlier versions have 0 where torch has nothing to count
        return "-"
    for unit, size in (("G", 1e9), ("M", 1e6), ("k", 1e3)):
        if value >= size:
            return f"{value / size:.2f} {unit}"
    return f"{value:.0f}"


def _seconds(value: float | None) -> str:
    if value is None:
        return "-"
    return f"{value:.1f}" if value >= 1 else f"{value:#.2g}"
