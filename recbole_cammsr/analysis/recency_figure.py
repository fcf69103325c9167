"""How far back the history encoder looks: the learned bias of relative positions, as a picture."""

from __future__ import annotations

import textwrap
from pathlib import Path

import numpy as np

from recbole_cammsr.analysis import checkpoint_line, figure
from recbole_cammsr.model.encoder import HistoryEncoder
from recbole_cammsr.model.recency import RecencyBias

#: of a title in font size 10 that fit into an inch
_CHARACTERS = 12


def attention_by_distance(encoder: HistoryEncoder) -> np.ndarray | None:
    """Share of a head's attention at each distance, if all items were equally relevant.

    Args:
        encoder: of a model.

    Returns:
        ``(blocks, heads, L)``, each row sums to 1 and starts with the last item; None where
        positions are not relative.
    """
    biases = [module for module in encoder.modules() if isinstance(module, RecencyBias)]
    if not biases:
        return None
    logits = np.stack([bias.by_distance.detach().cpu().double().numpy() for bias in biases])
    weights = np.exp(logits - logits.max(axis=2, keepdims=True))
    shares: np.ndarray = weights / weights.sum(axis=2, keepdims=True)
    return shares


def items_of_half(shares: np.ndarray) -> np.ndarray:
    """How many of the last items get half of a head's attention.

    Args:
        shares: ``(..., L)``, see :func:`attention_by_distance`.

    Returns:
        ``(...)`` int, at least 1.
    """
    # sums of floats miss an exact half by their rounding
    counts: np.ndarray = (shares.cumsum(axis=-1) < 0.5 - 1e-9).sum(axis=-1) + 1
    return counts


def draw(shares: np.ndarray, name: str, checkpoint: str, path: Path) -> None:
    """One panel for each block, one line for each head.

    Args:
        shares: see :func:`attention_by_distance`.
        name: of model and data set, for the title.
        checkpoint: path of the model's file, which the picture names.
        path: of the PNG file.
    """
    blocks, heads, length = shares.shape
    width = 1.2 + 3.9 * blocks
    title = f"{name}: how far back attention looks, if all items were equally relevant"
    title = textwrap.fill(title, int(_CHARACTERS * width))  # with one block it is the wider one
    drawing, axes = figure.new(1, blocks, (width, 3.2 + 0.2 * len(title.splitlines())), sharey=True)
    halves = items_of_half(shares)
    back = np.arange(1, length + 1)
    for block, panel in enumerate(axes[0]):
        for head, colour in enumerate(figure.colours(heads)):
            label = f"head {head + 1}: half on the last {halves[block, head]}"
            panel.plot(back, 100 * shares[block, head].cumsum(), color=colour, label=label)
        panel.axhline(50, ls="--", color=figure.OTHER, lw=1)
        panel.set_ylim(0, 101)
        panel.set_title(f"block {block + 1}", fontsize=10)
        panel.set_xlabel("last items of the history")
        panel.legend(fontsize=8, loc="lower right", frameon=False)
        figure.tidy(panel)
    axes[0][0].set_ylabel("% of the attention")
    drawing.suptitle(title, fontsize=10)
    checkpoint_line.write(drawing, checkpoint)
    figure.save(drawing, path)
