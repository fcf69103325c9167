"""Pictures of results: contenders side by side, groups of users, curves over a setting."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from recbole_cammsr.analysis import figure
from recbole_cammsr.analysis.breakdown import (
    CATEGORY,
    HISTORY,
    LAST_POPULARITY,
    MOST_CATEGORIES,
    POPULARITY,
)
from recbole_cammsr.analysis.summary import Cell
from recbole_cammsr.analysis.tables import metric_title

#: inches of a legend beside the panels, and of a line of it
_LEGEND, _LINE = 1.8, 0.18
#: numbers whose largest is so many times the smallest are placed by their logarithm
_WIDE = 100
#: ticks nearer than this share of the axis would be written over each other
_NEAREST_TICKS = 0.04
_SUBTITLES = {
    HISTORY: "by length of the user's history",
    POPULARITY: "by training interactions of the item to be found",
    LAST_POPULARITY: "by training interactions of the last item of the history",
    CATEGORY: "by category of the item to be found",
}


def contenders(
    summary: Mapping[str, Mapping[str, Mapping[str, Cell]]],
    metric: str,
    reference: str,
    path: Path,
) -> None:
    """A bar a contender with its deviation, a dot a seed; a panel a data set.

    Args:
        summary: data set to label to metric to cell.
        metric: what is drawn.
        reference: label of the bar that stands out.
        path: of the PNG.
    """
    tallest = max(len(cells) for cells in summary.values())
    size = (5.2 * len(summary) + 1.0, 1.2 + 0.42 * tallest)
    drawing, axes = figure.new(1, len(summary), size)
    seeds = 1
    for panel, (dataset, cells) in zip(axes[0], summary.items()):
        labels = [label for label in cells if metric in cells[label]]
        for place, label in enumerate(labels):
            cell = cells[label][metric]
            seeds = max(seeds, len(cell.values))
            colour = figure.REFERENCE if label == reference else figure.OTHER
            panel.barh(place, cell.mean, xerr=cell.deviation, color=colour, height=0.66, capsize=3)
            dots = {"ms": 3.5, "mfc": "white", "mec": "k", "clip_on": False}
            panel.plot(cell.values, [place] * len(cell.values), "o", **dots)
            text = f"  {cell.mean:.4f}"
            far = max([cell.mean + (cell.deviation or 0.0), *cell.values])
            panel.text(far, place, text, va="center", fontsize=9)
        panel.set_yticks(range(len(labels)), labels)
        panel.invert_yaxis()
        panel.margins(x=0.18)
        panel.set_xlim(left=0)
        panel.set_title(dataset)
        panel.set_xlabel(f"test {metric_title(metric)}")
        figure.tidy(panel)
    if seeds > 1:
        drawing.supxlabel(
            f"bar: mean of {seeds} seeds, line: standard deviation, dots: single seeds", fontsize=8
        )
    figure.save(drawing, path)


def breakdowns(rows: Sequence[Mapping[str, Any]], metric: str, reference: str, path: Path) -> None:
    """Lines over groups of users, a panel a data set and breakdown.

    Args:
        rows: of :func:`recbole_cammsr.analysis.breakdown.breakdown`.
        metric: what is drawn.
        reference: label of the line that stands out.
        path: of the PNG.
    """
    rows = [row for row in rows if row["metric"] == metric]
    datasets = list(dict.fromkeys(row["dataset"] for row in rows))
    kinds = [kind for kind in _SUBTITLES if any(row["breakdown"] == kind for row in rows)]
    if not rows:
        return
    labels = list(dict.fromkeys(row["model"] for row in rows))
    size = (5.0 * len(kinds) + _LEGEND, max(3.6 * len(datasets), _LINE * len(labels)))
    drawing, axes = figure.new(len(datasets), len(kinds), size)
    styles = figure.styles(labels)
    for line, dataset in zip(axes, datasets):
        for panel, kind in zip(line, kinds):
            here = [row for row in rows if (row["dataset"], row["breakdown"]) == (dataset, kind)]
            everything = list(dict.fromkeys(row["group"] for row in here))
            names = everything[:MOST_CATEGORIES]
            left_out = len(everything) - len(names)
            count = {row["group"]: row["test_rows"] for row in here}
            for label in labels:
                values = {row["group"]: row["value"] for row in here if row["model"] == label}
                style = styles[label]
                if kind == CATEGORY:  # categories have no order
                    style = {**style, "ls": "none"}
                panel.plot(
                    [values.get(name, float("nan")) for name in names],
                    range(len(names)),
                    ms=5,
                    lw=2.4 if label == reference else 1.2,
                    clip_on=False,  # of points at 0 the half would be cut away
                    label=label,
                    **style,
                )
            shown = figure.shorten_each_label(names, 22)
            ticks = [f"{short} ({count[name]})" for name, short in zip(names, shown)]
            panel.set_yticks(range(len(names)), ticks, fontsize=8)
            panel.invert_yaxis()
            panel.set_xlim(left=0)
            panel.set_xlabel(f"test {metric_title(metric)}")
            of_all = f"the {len(names)} most frequent of {len(everything)}, " if left_out else ""
            panel.set_title(f"{dataset}\n{_SUBTITLES[kind]} ({of_all}test rows)", fontsize=9)
            panel.grid(axis="x", alpha=0.3)
            figure.tidy(panel)
    figure.legend_beside(axes[0][-1], {line.get_label(): line for line in axes[0][0].get_lines()})
    figure.save(drawing, path)


def curves(
    series: Mapping[str, Mapping[float | str, Cell]],
    levels: Mapping[str, Cell],
    title: str,
    x_label: str,
    y_label: str,
    path: Path,
) -> None:
    """A line a model over a setting; models that do not depend on it as dashed levels.

    Args:
        series: model to value of the setting to cell. Numbers stand to scale, those of several
            orders of magnitude by their logarithm. With 0 or less among such numbers, or with
            words, all values are placed evenly, numbers in order and words behind them.
        levels: model to cell.
        title: of the picture.
        x_label: name of the setting.
        y_label: what is drawn.
        path: of the PNG.
    """
    drawing, axes = figure.new(1, 1, (6.2 + _LEGEND, 4.0))
    panel = axes[0][0]
    values = sorted({value for cells in series.values() for value in cells}, key=_order)
    places, scale = _places(values)
    styles = figure.styles([*series, *levels])
    handles = {}
    for label, cells in series.items():
        own = [value for value in values if value in cells]
        where = [places[value] for value in own]
        means = [cells[value].mean for value in own]
        spread = [cells[value].deviation or 0.0 for value in own]
        handles[label] = panel.errorbar(where, means, spread, capsize=3, **styles[label])
    for label, cell in levels.items():
        style = {**styles[label], "ls": "--", "marker": ""}
        handles[label] = panel.axhline(cell.mean, **style)
    ticks = _apart(values, places)
    panel.set_xticks([places[value] for value in ticks], [str(value) for value in ticks])
    panel.set_xlabel(f"{x_label}{scale}")
    panel.set_ylabel(y_label)
    panel.set_title(title, fontsize=11)
    panel.grid(alpha=0.3)
    panel.margins(y=0.25)
    seeds = max(
        (len(cell.values) for cells in series.values() for cell in cells.values()), default=1
    )
    if seeds > 1:
        drawing.supxlabel(f"points: means of {seeds} seeds, bars: standard deviations", fontsize=8)
    figure.legend_beside(panel, handles)
    figure.tidy(panel)
    figure.save(drawing, path)


def _order(value: float | str) -> tuple[bool, float, str]:
    return (True, 0.0, value) if isinstance(value, str) else (False, value, "")


def _places(values: Sequence[float | str]) -> tuple[dict[float | str, float], str]:
    """Where sorted values stand on an axis, and what its label says of the scale."""
    numbers = [value for value in values if not isinstance(value, str) and math.isfinite(value)]
    evenly = {value: float(place) for place, value in enumerate(values)}
    if not numbers or len(numbers) < len(values):
        return evenly, ""
    sizes = [abs(value) for value in numbers if value]
    if sizes and max(sizes) >= _WIDE * min(sizes):
        if numbers[0] > 0:
            return {value: math.log10(value) for value in numbers}, " (logarithmic scale)"
        return evenly, " (values placed evenly)"
    return {value: float(value) for value in numbers}, ""


def _apart(values: Sequence[float | str], places: Mapping[float | str, float]) -> list[float | str]:
    """The values whose ticks do not cover the one before."""
    shown: list[float | str] = []
    for value in values:
        width = places[values[-1]] - places[values[0]]
        if not shown or places[value] - places[shown[-1]] >= _NEAREST_TICKS * width:
            shown.append(value)
    return shown
