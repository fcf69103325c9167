"""Draws docs/figures/overview.png: ``python docs/figures/overview.py`` (needs matplotlib)."""

from __future__ import annotations

from pathlib import Path

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
from matplotlib.patches import FancyBboxPatch

INK, ITEM, FUSE, USER, TASK = "#22303c", "#dcebf7", "#fdebd0", "#e0f2e3", "#f3e3f5"


def box(axes, x, y, width, height, text, colour, size=10.5):
    axes.add_patch(
        FancyBboxPatch(
            (x, y),
            width,
            height,
            boxstyle="round,pad=0.02,rounding_size=0.10",
            facecolor=colour,
            edgecolor=INK,
            linewidth=1.1,
        )
    )
    axes.text(x + width / 2, y + height / 2, text, ha="center", va="center", size=size, color=INK)


def arrow(axes, start, end, style="-|>", bend=0.0, dashed=False):
    axes.annotate(
        "",
        xy=end,
        xytext=start,
        arrowprops={
            "arrowstyle": style,
            "color": INK,
            "lw": 1.3,
            "linestyle": "--" if dashed else "-",
            "connectionstyle": f"arc3,rad={bend}",
        },
    )


def draw(path: Path) -> None:
    figure, axes = plt.subplots(figsize=(12.5, 5.2), dpi=130)
    axes.set_xlim(0, 14.2)
    axes.set_ylim(0, 6.4)
    axes.axis("off")

    axes.text(1.2, 6.1, "item initialisation", ha="center", size=12, weight="bold", color=INK)
    for row, (name, note) in enumerate(
        (("ID", "embedding"), ("text", "frozen, projected"), ("image", "frozen, projected"))
    ):
        box(axes, 0.2, 4.6 - 1.45 * row, 2.0, 1.0, f"{name}\n{note}", ITEM)

    axes.text(5.9, 6.1, "CAMoE, once per item", ha="center", size=12, weight="bold", color=INK)
    box(axes, 3.6, 4.6, 2.2, 1.0, "category head\np(category | item)", TASK)
    box(axes, 6.4, 4.6, 2.2, 1.0, "modality weights\nper category", FUSE)
    box(axes, 3.6, 2.45, 2.2, 1.25, "experts\none per modality,\npairs, all together", FUSE)
    box(axes, 6.4, 2.6, 2.2, 1.0, "attention\nover experts", FUSE)
    for row in range(3):
        y = 5.1 - 1.45 * row
        arrow(axes, (2.25, y), (3.55, 5.05 - 0.1 * row))
        arrow(axes, (2.25, y), (3.55, 3.3 - 0.2 * row))
    arrow(axes, (5.85, 5.1), (6.35, 5.1))
    arrow(axes, (5.85, 3.1), (6.35, 3.1))
    arrow(axes, (5.3, 4.55), (6.6, 3.65), dashed=True)

    box(axes, 9.3, 3.55, 1.35, 1.1, "item\nh = r + γ z", ITEM)
    arrow(axes, (8.65, 5.0), (9.3, 4.4))
    arrow(axes, (8.65, 3.1), (9.3, 3.8))

    axes.text(12.7, 6.1, "user", ha="center", size=12, weight="bold", color=INK)
    box(axes, 11.4, 3.45, 2.5, 1.3, "history\ncausal Transformer\n(DyT or LayerNorm)", USER)
    box(axes, 11.4, 1.25, 2.5, 1.1, "score of every item\ncross-entropy", TASK)
    arrow(axes, (10.7, 4.1), (11.35, 4.1))
    arrow(axes, (12.65, 3.4), (12.65, 2.4))
    arrow(axes, (10.7, 3.75), (11.9, 2.4), bend=-0.05)

    box(
        axes,
        3.2,
        0.25,
        5.8,
        1.15,
        "modality swap: two single-modality streams of the history\n"
        "exchange modalities at random; contrastive loss (InfoNCE)",
        TASK,
        size=9.8,
    )
    arrow(axes, (1.2, 1.65), (3.15, 0.8), bend=0.25)
    arrow(axes, (9.05, 0.9), (11.35, 3.7), bend=0.12, dashed=True)
    axes.text(10.75, 2.05, "same\nencoder", size=9, ha="left", color=INK)

    figure.tight_layout(pad=0.3)
    figure.savefig(path)


if __name__ == "__main__":
    draw(Path(__file__).with_suffix(".png"))
