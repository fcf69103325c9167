"""Pictures of results: contenders side by side, groups of users, curves over a setting."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from recbole_cammsr.analysis import figure
from recbole_cammsr.analysis.breakdown import CATEGORY, HISTORY, LAST_POPULARITY, POPULARITY
from recbole_cammsr.analysis.summary import Cell
from recbole_cammsr.analysis.tables import metric_title

_MOST_CATEGORIES = 12
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
            panel.plot(cell.values, [place] * len(cell.values), "o", ms=3.5, mfc="white", mec="k")
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
    size = (5.0 * len(kinds), 3.6 * len(datasets))
    drawing, axes = figure.new(len(datasets), len(kinds), size)
    labels = list(dict.fromkeys(row["model"] for row in rows))
    colour = dict(zip(labels, figure.colours(len(labels))))
    for line, dataset in zip(axes, datasets):
        for panel, kind in zip(line, kinds):
            here = [row for row in rows if (row["dataset"], row["breakdown"]) == (dataset, kind)]
            names = list(dict.fromkeys(row["group"] for row in here))[:_MOST_CATEGORIES]
            users = {row["group"]: row["users"] for row in here}
            for label in labels:
                values = {row["group"]: row["value"] for row in here if row["model"] == label}
                panel.plot(
                    [values.get(name, float("nan")) for name in names],
                    range(len(names)),
                    marker="o",
                    ms=5,
                    lw=2.4 if label == reference else 1.2,
                    ls="none" if kind == CATEGORY else "-",  # categories have no order
                    color=colour[label],
                    label=label,
                )
            ticks = [f"{figure.shorten_label(name, 22)} ({users[name]})" for name in names]
            panel.set_yticks(range(len(names)), ticks, fontsize=8)
            panel.invert_yaxis()
            panel.set_xlim(left=0)
            panel.set_xlabel(f"test {metric_title(metric)}")
            panel.set_title(f"{dataset}\n{_SUBTITLES[kind]} (test users)", fontsize=9)
            panel.grid(axis="x", alpha=0.3)
            figure.tidy(panel)
    axes[0][0].legend(fontsize=8)
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
        series: model to value of the setting to cell; values are placed evenly, numbers in order
            and words behind them, whichever model has them.
        levels: model to cell.
        title: of the picture.
        x_label: name of the setting.
        y_label: what is drawn.
        path: of the PNG.
    """
    drawing, axes = figure.new(1, 1, (6.2, 4.0))
    panel = axes[0][0]
    values = sorted({value for cells in series.values() for value in cells}, key=_place)
    tint = iter(figure.colours(len(series) + len(levels)))
    for label, cells in series.items():
        where = [place for place, value in enumerate(values) if value in cells]
        means = [cells[values[place]].mean for place in where]
        spread = [cells[values[place]].deviation or 0.0 for place in where]
        panel.errorbar(where, means, spread, marker="o", capsize=3, color=next(tint), label=label)
    for label, cell in levels.items():
        panel.axhline(cell.mean, ls="--", color=next(tint), label=label)
    panel.set_xticks(range(len(values)), [str(value) for value in values])
    panel.set_xlabel(x_label)
    panel.set_ylabel(y_label)
    panel.set_title(title, fontsize=11)
    panel.grid(alpha=0.3)
    panel.margins(y=0.25)
    panel.legend(fontsize=8)
    figure.tidy(panel)
    figure.save(drawing, path)


def _place(value: float | str) -> tuple[bool, float, str]:
    return (True, 0.0, value) if isinstance(value, str) else (False, value, "")
