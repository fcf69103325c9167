"""Draws docs/figures/own_history.png: ``python docs/figures/own_history.py`` (needs matplotlib).

The README's models, from docs/results/runs/own_history.csv, means over the seeds.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from recbole_cammsr.analysis import figure

_HERE = Path(__file__).parent
_RANKED, _MASKED = "NDCG@10", "NDCG@10, history masked"
#: title, and name in the picture -> name in own_history.csv; this package's own model in bold
_PANELS: dict[str, tuple[str, dict[str, str]]] = {
    "amazon_beauty": (
        "Amazon Beauty",
        {
            "CAMMSR, wide": "CAMMSR with times, cosine, 256, experts of 512",
            "plain sum, wide": "plain sum with times, cosine, 256",
            "CAMMSR as described": "CAMMSR",
            "SASRecMM": "SASRecMM, 128",
            "TedRec": "TedRec",
            "HM4SR": "HM4SR, packed training",
            "MISSRec": "MISSRec",
            "UniSRec": "UniSRec, 300",
            "FDSA": "RecBole's FDSA, 128",
            "SASRec": "RecBole's SASRec",
        },
    ),
    "amazon_scientific": (
        "Amazon Scientific",
        {
            "CAMMSR, scaled": "CAMMSR, scaled, cosine, 300",
            "plain sum, scaled": "plain sum, scaled, cosine, 300",
            "CAMMSR as described": "CAMMSR",
            "SASRecMM": "SASRecMM",
            "TedRec": "TedRec",
            "HM4SR": "HM4SR, packed training",
            "MISSRec": "MISSRec",
            "UniSRec": "UniSRec",
            "FDSA": "RecBole's FDSA, tuned",
            "SASRec": "RecBole's SASRec",
        },
    ),
}


def spread(heights: Sequence[float], gap: float) -> list[float]:
    """Heights for labels: each near its own, none closer to the next than ``gap``, same order."""
    order = sorted(range(len(heights)), key=lambda at: heights[at])
    placed = list(heights)
    # neighbours that are too close share what is missing; small steps until none is
    for _ in range(1000):
        for below, above in zip(order, order[1:]):
            missing = gap - (placed[above] - placed[below])
            if missing > 0:
                placed[below] -= missing / 2
                placed[above] += missing / 2
    return placed


def _label(panel: Any, side: str, names: Sequence[str], values: Sequence[float]) -> None:
    """Rank, name and value of each model beside its end of the line."""
    low, high = panel.get_ylim()
    at, sign = (0.0, -1) if side == "left" else (1.0, 1)
    places = spread(values, (high - low) / 27)
    ranks = {value: rank for rank, value in enumerate(sorted(values, reverse=True), start=1)}
    for name, value, place in zip(names, values, places):
        ours = name.startswith("CAMMSR")
        figures = f"{value:.4f}"[1:]
        words = [f"{ranks[value]}. {name}", figures][::-sign]
        panel.plot([at + sign * 0.03, at + sign * 0.14], [value, place], color="#cfd5da", lw=0.8)
        panel.text(
            at + sign * 0.16,
            place,
            "  ".join(words),
            ha="right" if sign < 0 else "left",
            va="center",
            fontsize=9,
            fontweight="bold" if ours else "normal",
            color=figure.REFERENCE if ours else "#22303c",
        )


def draw(source: Path, path: Path) -> None:
    """A line a model, from its NDCG@10 with own items ranked to that without them."""
    runs = pd.read_csv(source)
    means = runs.groupby(["dataset", "model"])[[_RANKED, _MASKED]].mean()
    drawing, axes = figure.new(1, len(_PANELS), (12.5, 5.6))
    for panel, (dataset, (title, models)) in zip(axes[0], _PANELS.items()):
        rows = means.loc[dataset].loc[list(models.values())]
        for name, (ranked, masked) in zip(models, rows.to_numpy()):
            ours = name.startswith("CAMMSR")
            panel.plot(
                [0, 1],
                [ranked, masked],
                "o-",
                color=figure.REFERENCE if ours else figure.OTHER,
                lw=2.5 if ours else 1.5,
                ms=5,
                zorder=2 if ours else 1,
            )
        _label(panel, "left", list(models), rows[_RANKED].tolist())
        _label(panel, "right", list(models), rows[_MASKED].tolist())
        panel.set_xlim(-0.95, 1.95)
        panel.set_xticks(
            [0, 1], ["ranked:\nown items among\nthe candidates", "masked:\nown items\ntaken out"]
        )
        panel.set_yticks([])
        panel.set_title(f"{title}, test NDCG@10")
        figure.tidy(panel)
        panel.spines["left"].set_visible(False)
    figure.save(drawing, path)


if __name__ == "__main__":
    draw(_HERE.parent / "results" / "runs" / "own_history.csv", _HERE / "own_history.png")
