"""Matplotlib, which is optional: figures without a display, with one look, written whole."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from recbole_cammsr.analysis import files, fonts

#: colours that stay apart for colour-blind readers (Okabe and Ito)
COLOURS = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00", "#F0E442", "#666666")
#: of the first eight, of the next eight, and so on
MARKERS, LINES = "osD^vPX*", ("-", "--", "-.", ":")
#: of the contender that the others are compared with, and of the others
REFERENCE, OTHER = COLOURS[0], "#9AA5B1"


def new(rows: int, columns: int, size: tuple[float, float], **layout: Any) -> tuple[Any, Any]:
    """A figure and its ``(rows, columns)`` array of axes.

    Args:
        rows: of panels.
        columns: of panels.
        size: inches.
        layout: further arguments of ``Figure.subplots``.

    Raises:
        ImportError: matplotlib is not installed; says how to install it.
    """
    try:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
    except ImportError as error:
        raise ImportError(
            "pictures need matplotlib: pip install 'recbole-cammsr[plot]'", name="matplotlib"
        ) from error
    figure = Figure(figsize=size, layout="constrained")
    FigureCanvasAgg(figure)
    return figure, figure.subplots(rows, columns, squeeze=False, **layout)


def available() -> bool:
    """Whether matplotlib is installed."""
    from importlib.util import find_spec

    return find_spec("matplotlib") is not None


def save(figure: Any, path: Path) -> None:
    """Write a PNG, complete or not at all; every text in it is shown as it is written.

    Characters that matplotlib's font lacks come from other fonts, where some are installed.

    Args:
        figure: of :func:`new`.
        path: of the file.
    """
    from matplotlib import rc_context
    from matplotlib.text import Text

    buffer = io.BytesIO()
    texts = figure.findobj(Text)
    families = fonts.families_for("".join(text.get_text() for text in texts))
    # a title such as "$25 Gift Card_$ 0" is no formula; ticks may be made only while drawing
    with rc_context({"text.parse_math": False, "font.family": families}), fonts.without_warnings():
        for text in texts:
            text.set_parse_math(False)
            text.set_fontfamily(families)
        figure.savefig(buffer, format="png", dpi=130)
    files.write_bytes(path, buffer.getvalue())


def tidy(axes: Any) -> None:
    """Take away the frame lines that carry no information."""
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)


def shorten(text: str, length: int) -> str:
    """At most ``length`` characters, an ellipsis for the rest."""
    return text if len(text) <= length else text[: length - 1].rstrip() + "…"


def shorten_titles(titles: Sequence[str], length: int) -> list[str]:
    """Each in at most ``length`` characters; those that would look alike keep their end as well.

    Titles of one product in several colours or sizes differ at their end.
    """
    return _told_apart(titles, [shorten(title, length) for title in titles], length)


def _told_apart(texts: Sequence[str], shown: Sequence[str], length: int) -> list[str]:
    """What is shown of texts, with start and end where it is the same for different texts."""
    whose: dict[str, set[str]] = {}
    for text, short in zip(texts, shown):
        whose.setdefault(short, set()).add(text)
    start = (length - 1) * 2 // 5
    return [
        short if len(whose[short]) == 1 else f"{text[:start].rstrip()}…{text[start + 1 - length :]}"
        for text, short in zip(texts, shown)
    ]


def shorten_label(label: str, length: int) -> str:
    """At most ``length`` characters of a category; of a path ``a>b>c`` the last levels.

    Neighbouring paths begin alike, so cut at their end they could not be told apart.
    """
    levels = label.split(">")
    shown = label
    while len(shown) > length and len(levels) > 1:
        del levels[0]
        shown = "…>" + ">".join(levels)
    return shorten(shown, length)


def shorten_each_label(labels: Sequence[str], length: int) -> list[str]:
    """:func:`shorten_label` of each; those that would look alike keep their start and end."""
    return _told_apart(labels, [shorten_label(label, length) for label in labels], length)


def shorten_labels(labels: Sequence[str], length: int, among: Sequence[str] = ()) -> str:
    """Several categories in ``length`` characters: those that fit, and how many more there are.

    Args:
        labels: of one item.
        length: characters at most.
        among: all labels of the picture or table, none of which is to look like another.

    Returns:
        Such as ``Comedy, Drama +2``; empty without labels.
    """
    for kept in range(len(labels), 0, -1):
        more = f" +{len(labels) - kept}" if kept < len(labels) else ""
        room = length - len(more)
        text = ", ".join(shorten_each_label([*labels, *among], room)[:kept])
        if kept == 1 or len(text) <= room:
            return text + more
    return ""


def colours(count: int) -> Sequence[str]:
    """As many colours as needed, repeating where there are more than eight."""
    return [COLOURS[index % len(COLOURS)] for index in range(count)]


def styles(labels: Sequence[str]) -> dict[str, dict[str, str]]:
    """Colour, marker and line by label: where colours repeat, the other two tell lines apart.

    Args:
        labels: of all that a picture shows, in its order.
    """
    rounds = [place // len(COLOURS) for place in range(len(labels))]
    return {
        label: {
            "color": colour,
            "marker": MARKERS[turn % len(MARKERS)],
            "ls": LINES[turn % len(LINES)],
        }
        for label, colour, turn in zip(labels, colours(len(labels)), rounds)
    }


def legend_beside(axes: Any, handles: Mapping[str, Any]) -> None:
    """A legend to the right of a panel, where it covers nothing; none without handles.

    Args:
        axes: of the panel.
        handles: label to a line of it.
    """
    if handles:
        axes.legend(
            list(handles.values()),
            list(handles),
            fontsize=8,
            loc="upper left",
            bbox_to_anchor=(1.0, 1.0),
        )
