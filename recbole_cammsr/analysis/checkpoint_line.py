"""The checkpoint that a picture was made from, named in the picture itself."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

from recbole_cammsr.analysis import figure
from recbole_cammsr.analysis.item_titles import printable

_LONGEST = 80
_LONGEST_OF_SEVERAL = 50


def write(drawing: Any, checkpoint: str, above: str = "", beside: Sequence[str] = ()) -> None:
    """Name a checkpoint below everything else in a picture: pictures get parted from folders.

    Args:
        drawing: of :func:`figure.new`.
        checkpoint: its path.
        above: lines on how to read the picture, if there are any.
        beside: paths of further ones that are shown next to it.
    """
    names = [printable(os.path.basename(path)) for path in (checkpoint, *beside)]
    names = figure.shorten_titles(names, _LONGEST_OF_SEVERAL if beside else _LONGEST)
    line = f"checkpoint {names[0]}"
    if beside:
        line += f"; beside it {' and '.join(names[1:])}"
    drawing.supxlabel(f"{above}\n{line}" if above else line, fontsize=8, color="#444444")
