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
    # all modalities together: what the swap draws its pairs from
    axes.add_patch(
        FancyBboxPatch(
            (0.08, 1.58),
            2.24,
            4.14,
            boxstyle="round,pad=0.02,rounding_size=0.12",
            facecolor="none",
            edgecolor=INK,
            linestyle=":",
            linewidth=1.1,
        )
    )

    axes.text(6.9, 6.1, "CAMoE, once per item", ha="center", size=12, weight="bold", color=INK)
    box(axes, 3.4, 4.6, 2.1, 1.0, "category head\np(category | item)", TASK)
    box(axes, 6.0, 4.6, 1.9, 1.0, "modality weights\nper category", FUSE)
    box(axes, 3.4, 2.45, 2.1, 1.25, "experts\none per modality,\npairs, all together", FUSE)
    box(axes, 6.0, 2.6, 1.9, 1.0, "attention\nover experts: z", FUSE)
    for row in range(3):
        y = 5.1 - 1.45 * row
        arrow(axes, (2.35, y), (3.35, 5.05 - 0.1 * row))
        arrow(axes, (2.35, y), (3.35, 3.3 - 0.2 * row))
    arrow(axes, (5.55, 5.1), (5.95, 5.1))
    arrow(axes, (5.55, 3.1), (5.95, 3.1))
    arrow(axes, (5.0, 4.55), (6.3, 3.65), dashed=True)

    box(axes, 8.5, 4.6, 1.9, 1.0, "r = weighted sum\nof the modalities", ITEM)
    box(axes, 8.5, 2.6, 1.9, 1.0, "h = r + γ z", ITEM)
    arrow(axes, (7.95, 5.1), (8.45, 5.1))
    arrow(axes, (7.95, 3.1), (8.45, 3.1))
    arrow(axes, (9.45, 4.55), (9.45, 3.65))

    axes.text(12.7, 6.1, "user", ha="center", size=12, weight="bold", color=INK)
    box(axes, 11.4, 4.55, 2.5, 1.1, "score of every item\ncross-entropy", TASK)
    box(axes, 11.4, 2.45, 2.5, 1.3, "history\ncausal Transformer\n(DyT or LayerNorm)", USER)
    arrow(axes, (10.45, 5.1), (11.35, 5.1))
    axes.text(10.9, 5.22, "ranked", size=9, ha="center", color=INK)
    arrow(axes, (10.45, 3.1), (11.35, 3.1))
    axes.text(10.9, 3.22, "read", size=9, ha="center", color=INK)
    arrow(axes, (12.65, 3.8), (12.65, 4.5))

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
    arrow(axes, (1.2, 1.52), (3.15, 0.8), bend=0.25)
    arrow(axes, (9.05, 0.85), (12.2, 2.4), bend=0.2, dashed=True)
    axes.text(11.0, 0.95, "same encoder", size=9, ha="left", color=INK)

    figure.tight_layout(pad=0.3)
    figure.savefig(path)


if __name__ == "__main__":
    draw(Path(__file__).with_suffix(".png"))
