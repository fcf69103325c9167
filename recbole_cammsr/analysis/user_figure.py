"""The explanation of a user as one picture."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from recbole_cammsr.analysis import checkpoint_line, figure, label_match
from recbole_cammsr.analysis.decimals import decimals
from recbole_cammsr.analysis.item_titles import printable
from recbole_cammsr.analysis.user_explanation import (
    Ranking,
    RecommendedItem,
    SeenItem,
    UserExplanation,
)

_TITLE = 34
_LABEL = 24
_HALF = 28  # characters of the usual size in half of the panel of categories
_HEADING = 58  # characters above a panel
#: share of a column's width that a character of a number inside of a coloured bar takes
_CHARACTER = 0.02
_OWN = "[own]"
_MOST_BESIDE = 2  # models that have room
_INSIDE = {"ha": "center", "va": "center", "fontsize": 7, "color": "white"}
_HIT, _SHARED, _ALONE = "#009E73", "#0072B2", "#444444"
_COLOURS = {
    label_match.RIGHT: _HIT,
    label_match.PARTLY: "#B07900",
    label_match.WRONG: "#B3261E",
    label_match.UNKNOWN: "#666666",
}


def draw(explanation: UserExplanation, path: Path) -> None:
    """Above the history: modality weights, categories, experts. Below: the rankings.

    Args:
        explanation: of one user.
        path: of the PNG.
    """
    history, ranking = explanation.history, explanation.ranking
    heights = (max(len(history), 3), max(len(ranking.items), 3))
    others = explanation.others[:_MOST_BESIDE]
    headings = [_title_beside(other) for other in others]
    lines = max([2, *(heading.count("\n") + 1 for heading in headings)])
    size = (15.5, 2.6 + 0.17 * (lines - 1) + 0.33 * sum(heights))
    drawing, grid = figure.new(2, 3, size, height_ratios=heights, width_ratios=(1.15, 1.0, 1.1))
    _history_weights(grid[0][0], history)
    _categories(grid[0][1], history)
    _experts(grid[0][2], history)
    named_above = bool(history and history[0].weights)
    columns = 3 - len(others)  # of the scores, which have the room of models that are not there
    for panel in grid[1][1:columns]:
        panel.remove()
    grid[1][0].set_subplotspec(grid[1][0].get_gridspec()[1, :columns])
    _scores(grid[1][0], ranking, columns, legend=not named_above)
    for panel, other, heading in zip(grid[1][columns:], others, headings):
        ours = {item.token for item in ranking.items}
        _list(panel, other.items, ours, heading)
    drawing.suptitle(
        f"User {printable(explanation.user)} ({explanation.dataset}): the model read "
        f"{explanation.history_length} items; then the user took\n"
        f"“{figure.shorten(explanation.target_title, 90)}”. "
        f"{ranking.name} had it at rank {ranking.target_rank}.",
        fontsize=13,
    )
    paths = [other.checkpoint for other in others]
    checkpoint_line.write(drawing, ranking.checkpoint, _key(explanation), paths)
    figure.save(drawing, path)


def _title_beside(other: Ranking) -> str:
    """Heading of another model's list; further lines say how it ranks, and what is not alike."""
    if not other.items:
        return "\n".join([f"{other.name}: no ranking", *_note(other)])
    place = "not known" if other.target_rank is None else f"at rank {other.target_rank}"
    lines = [f"{other.name} beside it: what was taken next is {place}"]
    if len(lines[0]) > _HEADING:  # the name of a checkpoint, say: it would run into the next panel
        lines = [figure.shorten(other.name, _HEADING), f"what was taken next is {place}"]
    return "\n".join([*lines, other.own_items, *_note(other)])


def _note(other: Ranking) -> list[str]:
    """Lines of a note; the checkpoint that it may name stands above it."""
    note = other.note.replace(other.checkpoint, "this model")
    if note and other.items:
        note = f"not compared alike: {note}"
    return textwrap.wrap(note, _HEADING, max_lines=3, placeholder=" …")


def _history_weights(panel: Any, history: Sequence[SeenItem]) -> None:
    panel.set_title("History, oldest first: weight of each modality", fontsize=10)
    names = list(history[0].weights) if history else []
    titles = figure.shorten_titles([item.title for item in history], _TITLE)
    if not names:
        panel.set_yticks(range(len(history)), titles, fontsize=8)
        panel.text(0.5, 0.5, "no modality weights", transform=panel.transAxes, ha="center")
        panel.set_xticks([])
        panel.set_ylim(len(history) - 0.5, -0.5)
        return
    left = np.zeros(len(history))
    for name, colour in zip(names, figure.colours(len(names))):
        width = np.array([item.weights[name] for item in history])
        bars = panel.barh(range(len(history)), width, left=left, color=colour, height=0.72)
        panel.plot([], [], marker="s", ls="none", color=colour, label=name)  # never hatched
        for bar, item in zip(bars, history):
            if name in item.lacks:
                bar.set(hatch="///", edgecolor="white", linewidth=0)
        for row, value in enumerate(width):
            if value > 0.25:
                where = left[row] + value / 2
                text = f"{value:.2f}"
                box = {"facecolor": colour, "edgecolor": "none", "pad": 1.0}  # over the hatching
                panel.text(where, row, text, bbox=box, **_INSIDE)
        left += width
    panel.set_yticks(range(len(history)), titles, fontsize=8)
    panel.set_ylim(len(history) - 0.5, -0.5)  # rows as in the panels beside
    panel.set_xlim(0, max(left.max(), 1e-9))
    panel.set_xlabel(f"modality weights (equal would be 1.00 each, sum {len(names)})", fontsize=8)
    _legend_below(panel, len(names))
    figure.tidy(panel)


def _legend_below(panel: Any, columns: int) -> None:
    # below the axis label, a distance in font sizes: a short history has a low panel
    panel.legend(
        ncols=columns, fontsize=8, loc="upper center", bbox_to_anchor=(0.5, 0), borderaxespad=4.4
    )


def _categories(panel: Any, history: Sequence[SeenItem]) -> None:
    panel.set_title("True category → category the model predicts", fontsize=10)
    panel.axis("off")
    panel.set_ylim(len(history) - 0.5, -0.5)
    panel.set_xlim(0, 1)
    labels = [label for item in history for label in (*item.categories, *item.predicted)]
    guided = any(item.predicted for item in history)
    if not guided:
        panel.set_title("True category", fontsize=10)
        panel.text(0.75, 0.5, "no category guidance", transform=panel.transAxes, ha="center")
        if not labels:
            return
    for row, item in enumerate(history):
        true = label_match.shown_beside(item.categories, item.predicted, _LABEL, labels)
        panel.text(0.0, row, true or "no label", fontsize=_size(true), va="center")
        if not guided:
            continue
        mark = label_match.mark(item.categories, item.predicted)
        colour = _COLOURS[mark]
        found = label_match.shown_beside(item.predicted, item.categories, _LABEL, labels)
        panel.text(0.5, row, mark, fontsize=10, va="center", ha="center", color=colour)
        panel.text(0.54, row, found, fontsize=_size(found), va="center", color=colour)


def _size(labels: str) -> float:
    """Of a font in which labels fit half a panel: many that differ are longer than others."""
    return 8 * min(1.0, _HALF / max(len(labels), 1))


def _experts(panel: Any, history: Sequence[SeenItem]) -> None:
    panel.set_title("Attention over the experts, in % of the item", fontsize=10)
    names = list(history[0].attention) if history else []
    if not names:
        panel.axis("off")
        panel.text(0.5, 0.5, "no experts", transform=panel.transAxes, ha="center")
        return
    shares = 100 * np.array([[item.attention[name] for name in names] for item in history])
    panel.imshow(shares, aspect="auto", cmap="Blues", vmin=0, vmax=100)
    for row, column in np.ndindex(*shares.shape):
        colour = "white" if shares[row, column] > 55 else "black"
        text = f"{shares[row, column]:.0f}"
        panel.text(column, row, text, ha="center", va="center", fontsize=7, color=colour)
    panel.set_xticks(range(len(names)), names, fontsize=8, rotation=20, ha="right")
    panel.set_yticks([])


def _scores(panel: Any, ranking: Ranking, columns: int, legend: bool) -> None:
    panel.set_title(
        f"{ranking.name}: what lifts each item above the average item\n{ranking.own_items}",
        fontsize=10,
    )
    items, names = ranking.items, list(ranking.average_parts)
    places = decimals([item.score for item in items])
    values = np.array([[item.parts_above_average[name] for name in names] for item in items])
    ahead, behind = np.maximum(values, 0).sum(axis=1), np.minimum(values, 0).sum(axis=1)
    span = max(float(ahead.max() - min(behind.min(), 0.0)), 1e-9)
    upwards, downwards = np.zeros(len(items)), np.zeros(len(items))
    for part, colour, value in zip(names, figure.colours(len(names)), values.T):
        start = np.where(value >= 0, upwards, downwards)
        panel.barh(range(len(items)), value, left=start, color=colour, label=part, height=0.72)
        for row, (width, left) in enumerate(zip(value, start)):
            number = f"{width:+.{places}f}"
            room = _CHARACTER * len(number) / columns * span
            if abs(width) > room and len(names) > 1:
                panel.text(left + width / 2, row, number, **_INSIDE)
        upwards, downwards = upwards + np.maximum(value, 0), downwards + np.minimum(value, 0)
    sums = values.sum(axis=1)
    panel.plot(sums, range(len(items)), ls="none", marker="|", ms=12, mew=2, color="black")
    for row, total in enumerate(sums):
        panel.text(ahead[row], row, f"  {total:+.{places}f}", va="center", fontsize=8)
    titles = figure.shorten_titles([item.title for item in items], _TITLE)
    ticks = [
        f"{item.rank}. {title}" + (f" {_OWN}" if item.seen else "")
        for item, title in zip(items, titles)
    ]
    panel.set_yticks(range(len(items)), ticks, fontsize=8)
    for tick, item in zip(panel.get_yticklabels(), items):
        if item.is_target:
            tick.set(color=_HIT, fontweight="bold")
    panel.axvline(0, color="k", lw=0.6)
    panel.set_ylim(len(items) - 0.5, -0.5)
    panel.margins(x=0.12)
    average = f"{ranking.average_score:.{places}f}"
    panel.set_xlabel(f"score above the average item's ({average})", fontsize=8)
    if legend and len(names) > 1:
        _legend_below(panel, len(names))
    figure.tidy(panel)


def _list(panel: Any, items: Sequence[RecommendedItem], ours: set[str], title: str) -> None:
    panel.set_title(title, fontsize=10)
    panel.axis("off")
    panel.set_ylim(max(len(items), 1) - 0.5, -0.5)
    panel.set_xlim(0, 1)
    titles = figure.shorten_titles([item.title for item in items], 44)
    for row, (item, shown) in enumerate(zip(items, titles)):
        colour = _HIT if item.is_target else _SHARED if item.token in ours else _ALONE
        weight = "bold" if item.is_target else "normal"
        text = f"{item.rank}. {shown}"
        if item.seen:
            panel.text(0.0, row, _OWN, fontsize=8, va="center", color=colour, fontweight=weight)
        panel.text(0.09, row, text, fontsize=8, va="center", color=colour, fontweight=weight)


def _key(explanation: UserExplanation) -> str:
    """How to read the picture, as lines below it."""
    marks = ["green, bold: the item that the user took next"]
    if any(other.items for other in explanation.others):
        marks.append("blue: also in the list on the left")
    rankings = [explanation.ranking, *explanation.others[:_MOST_BESIDE]]
    if any(item.seen for ranking in rankings for item in ranking.items):
        marks.append(f"{_OWN}: the user has it already")
    if any(item.predicted for item in explanation.history):
        marks += [label_match.KEY, label_match.MORE]
    if any(item.filled_in() for item in explanation.history):
        marks.append("hatched: lacking, filled in from the category")
    bars = [
        "Bars: how much more (right) or less (left of zero) each modality adds to the item's score "
        "than to the average item's",
        "black mark and number: their sum, by which items are ranked",
    ]
    lines = [f"How to read this: {'; '.join(marks)}.", f"{'; '.join(bars)}."]
    more = [other.name for other in explanation.others[_MOST_BESIDE:]]
    if more:
        lines.append(f"{len(more)} more in the table: {figure.shorten(', '.join(more), 120)}")
    return "\n".join(lines)
