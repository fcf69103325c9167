"""Pictures of the whole catalogue."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from recbole_cammsr.analysis import catalogue, checkpoint_line, figure
from recbole_cammsr.analysis.catalogue import ByCategory
from recbole_cammsr.analysis.item_view import ItemView

_MOST_COLOURS = 7
_LABEL, _LONG_LABEL = 26, 36


def draw_all(view: ItemView, name: str, checkpoint: str, folder: Path) -> list[Path]:
    """Every picture that the model has something for.

    Args:
        view: of the model's items.
        name: of model and data set, for titles.
        checkpoint: path of the model's file, which each picture names.
        folder: for the PNG files.

    Returns:
        Paths of the files.
    """
    paths = []
    if view.weighted:
        paths.append(folder / "modality_weights.png")
        weights_heat_map(catalogue.weights_by_category(view), name, checkpoint, paths[-1])
    if view.attention is not None:
        paths.append(folder / "expert_usage.png")
        expert_usage(view, name, checkpoint, paths[-1])
    if view.predicted is not None:
        paths.append(folder / "category_confusion.png")
        confusion_map(view, name, checkpoint, paths[-1])
    paths.append(folder / "item_map.png")
    item_map(view, name, checkpoint, paths[-1])
    return paths


def weights_heat_map(table: ByCategory, name: str, checkpoint: str, path: Path) -> None:
    """Mean modality weight of each category; white is 1, the weight of plain addition."""
    size = (3.5 + 1.15 * len(table.columns), 1.7 + 0.3 * len(table.rows))
    drawing, axes = figure.new(1, 1, size)
    panel = axes[0][0]
    reach = max(float(np.nanmax(np.abs(table.means - 1.0))), 0.05)
    image = panel.imshow(table.means, aspect="auto", cmap="RdBu", vmin=1 - reach, vmax=1 + reach)
    _numbers(panel, table.means, "{:.2f}", lambda value: abs(value - 1) > 0.65 * reach)
    _axes(panel, table, _LONG_LABEL)
    panel.set_xticks(range(len(table.columns)), table.columns)
    panel.axhline(0.5, color="k", lw=1.2)
    panel.set_title(f"{name}\nMean weight w of each modality, by category", fontsize=10)
    panel.set_xlabel(
        "w multiplies vectors of different lengths,\nso it is no share of the score", fontsize=8
    )
    bar = drawing.colorbar(image, ax=panel, shrink=0.8)
    bar.set_label("mean weight (those of an item average 1)", fontsize=8)
    checkpoint_line.write(drawing, checkpoint)
    figure.save(drawing, path)


def expert_usage(view: ItemView, name: str, checkpoint: str, path: Path) -> None:
    """How much attention each expert gets, over all items and by category."""
    attention = view.attention
    if attention is None:
        return
    table = catalogue.attention_by_category(view)
    names = view.expert_names
    size = (4.6 + 0.95 * len(names) + 1.5, 1.9 + 0.3 * max(len(table.rows), 8))
    drawing, axes = figure.new(1, 2, size, width_ratios=(3.4, 1.4 + 0.75 * len(names)))
    left, right = axes[0]
    values = attention[1:]
    low, high = np.quantile(values, (0.1, 0.9), axis=0)
    places = range(len(names))
    left.barh(places, values.mean(axis=0), color=figure.REFERENCE, height=0.66)
    left.hlines(places, low, high, color="k", lw=1.4)
    left.axvline(1 / len(names), ls="--", color="#B3261E", lw=1)
    left.text(1 / len(names), -0.62, " equal shares", color="#B3261E", fontsize=8, va="center")
    left.set_yticks(places, names, fontsize=9)
    left.set_ylim(len(names) - 0.5, -0.9)
    left.set_xlabel("share of the attention\n(bar: mean item, line: 10 % to 90 % of items)")
    left.set_title("All items", fontsize=10)
    figure.tidy(left)
    shares = 100 * table.means
    right.imshow(shares, aspect="auto", cmap="Blues", vmin=0, vmax=max(shares.max(), 1))
    _numbers(right, shares, "{:.0f}", lambda value: value > 0.6 * shares.max())
    _axes(right, table)
    right.set_xticks(range(len(names)), names, fontsize=8, rotation=25, ha="right")
    right.axhline(0.5, color="k", lw=1.2)
    right.set_title("By category, in % of the attention", fontsize=10)
    drawing.suptitle(f"{name}: which experts are asked", fontsize=11)
    checkpoint_line.write(drawing, checkpoint)
    figure.save(drawing, path)


def confusion_map(view: ItemView, name: str, checkpoint: str, path: Path) -> None:
    """Which category is predicted for items of which category."""
    table, accuracy = catalogue.confusion(view), catalogue.mechanism(view)
    side = 0.42 * len(table.rows)
    # as wide as its title at least
    drawing, axes = figure.new(1, 1, (max(3.4 + side, 6.4), 2.6 + 0.8 * side))
    panel = axes[0][0]
    shares = 100 * table.means
    panel.imshow(shares, aspect="auto", cmap="Blues", vmin=0, vmax=100)
    _numbers(panel, shares, "{:.0f}", lambda value: value > 55, least=1.0)
    _axes(panel, table)
    ticks = figure.shorten_each_label(table.columns, _LABEL)
    panel.set_xticks(range(len(ticks)), ticks, fontsize=8, rotation=45, ha="right")
    panel.set_xlabel("predicted category")
    panel.set_ylabel("true category (items)")
    title = [name, "% of the items of a true category"]
    if view.several_labels:
        title[1] += "; an item of n categories has n guesses"
    title.append(
        f"first guess right: {100 * accuracy['category_accuracy']:.1f} % of labelled items "
        f"(always the most frequent label: {100 * accuracy['most_frequent_label']:.1f} %)"
    )
    panel.set_title("\n".join(title), fontsize=9)
    checkpoint_line.write(drawing, checkpoint)
    figure.save(drawing, path)


def item_map(view: ItemView, name: str, checkpoint: str, path: Path) -> None:
    """Item vectors on their two principal axes, coloured by category."""
    places, shares = catalogue.plane(view.items[1:])
    drawing, axes = figure.new(1, 1, (7.4, 6.0))
    panel = axes[0][0]
    panel.scatter(*places.T, s=8, color="#C8CDD2", label="other", linewidths=0)
    shown = catalogue.rarest_labels(view, _MOST_COLOURS)
    entries = []
    names = figure.shorten_each_label([view.labels[label] for label in shown], _LABEL)
    for colour, members, label in zip(figure.colours(len(shown)), shown.values(), names):
        text = f"{label} ({int(members.sum())})"
        entries.append(
            panel.scatter(*places[members].T, s=13, color=colour, label=text, linewidths=0)
        )
    if entries:
        several = ", the rarest shown of several" if view.several_labels else ""
        panel.legend(
            handles=entries,
            title=f"category{several}\n(items; grey: others)",
            fontsize=8,
            title_fontsize=8,
            loc="center left",
            bbox_to_anchor=(1.0, 0.5),
            markerscale=1.8,
        )
    panel.set_xlabel(f"first principal axis ({100 * shares[0]:.0f} % of the variance)")
    panel.set_ylabel(f"second principal axis ({100 * shares[1]:.0f} %)")
    panel.set_title(f"{name}: items that lie together are alike to the model", fontsize=10)
    figure.tidy(panel)
    checkpoint_line.write(drawing, checkpoint)
    figure.save(drawing, path)


def _axes(panel: Any, table: ByCategory, length: int = _LABEL) -> None:
    labels = figure.shorten_each_label(table.rows, length)
    rows = [f"{label} ({count})" for label, count in zip(labels, table.counts)]
    panel.set_yticks(range(len(rows)), rows, fontsize=8)


def _numbers(panel: Any, values: np.ndarray, form: str, is_dark: Any, least: float = 0.0) -> None:
    for row, column in np.ndindex(*values.shape):
        value = values[row, column]
        if np.isnan(value) or abs(value) < least:
            continue
        colour = "white" if is_dark(value) else "black"
        text = form.format(value)
        panel.text(column, row, text, ha="center", va="center", fontsize=7, color=colour)
