"""Draws docs/figures/own_history.png: ``python docs/figures/own_history.py`` (needs matplotlib).

From docs/results/runs/own_history.csv, means over the seeds.
"""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from recbole_cammsr.analysis import figure

_HERE = Path(__file__).parent
_RANKED, _MASKED = "NDCG@10", "NDCG@10, history masked"
_TITLES = {"amazon_beauty": "Amazon Beauty", "amazon_scientific": "Amazon Scientific"}


def draw(source: Path, path: Path) -> None:
    """A row a model, a dot for each ranking; the longer the line, the more own items it lists."""
    runs = pd.read_csv(source)
    means = runs.groupby(["dataset", "model"])[[_RANKED, _MASKED]].mean()
    most = max(len(means.loc[dataset]) for dataset in _TITLES)
    drawing, axes = figure.new(1, len(_TITLES), (12.5, 1.0 + 0.2 * most))  # a line of text a row
    for panel, (dataset, title) in zip(axes[0], _TITLES.items()):
        rows = means.loc[dataset].sort_values(_MASKED)
        for place, (model, row) in enumerate(rows.iterrows()):
            ours = str(model) == "CAMMSR"
            colour = figure.COLOURS[0] if ours else "#22303c"
            panel.plot(
                [row[_RANKED], row[_MASKED]], [place] * 2, color=figure.OTHER, lw=2, zorder=1
            )
            panel.plot(row[_RANKED], place, "o", ms=7, mfc="white", mec=colour, mew=1.5)
            panel.plot(row[_MASKED], place, "o", ms=7, color=colour)
        panel.set_yticks(range(len(rows)), list(rows.index))
        for label in panel.get_yticklabels():
            label.set_fontweight("bold" if label.get_text() == "CAMMSR" else "normal")
        panel.set_title(title)
        panel.set_xlabel("test NDCG@10")
        panel.grid(axis="x", color="#e5e8eb")
        panel.set_axisbelow(True)
        figure.tidy(panel)
    drawing.supxlabel(
        "hollow: the user's own items are ranked along with the rest; "
        "filled: the same checkpoints, own items taken out",
        fontsize=9,
    )
    figure.save(drawing, path)


if __name__ == "__main__":
    draw(_HERE.parent / "results" / "runs" / "own_history.csv", _HERE / "own_history.png")
