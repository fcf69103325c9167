"""The checkpoint that a picture was made from, named in the picture itself."""

from __future__ import annotations

import os
from typing import Any

from recbole_cammsr.analysis import figure
from recbole_cammsr.analysis.item_titles import printable

_LONGEST = 80


def write(drawing: Any, checkpoint: str, above: str = "") -> None:
    """Name a checkpoint below everything else in a picture: pictures get parted from folders.

    Args:
        drawing: of :func:`figure.new`.
        checkpoint: its path.
        above: lines on how to read the picture, if there are any.
    """
    name = figure.shorten(printable(os.path.basename(checkpoint)), _LONGEST)
    line = f"checkpoint {name}"
    drawing.supxlabel(f"{above}\n{line}" if above else line, fontsize=8, color="#444444")
