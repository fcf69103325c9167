"""Bar charts as inline SVG, so that the report page needs no other file and no script."""

from __future__ import annotations

import math
from html import escape

from .finding import Bars

_WIDTH, _HEIGHT = 440, 200
_LEFT, _RIGHT, _TOP, _BOTTOM = 58, 8, 12, 26
_ROW, _LABEL_WIDTH, _LABEL_LENGTH = 17, 210, 34
_FONT_SIZE = 11
# Mean width of a digit in that size, with a little air.
_DIGIT_WIDTH = 7.0
# Viewers that do not apply the page's style to drawings still get readable ones.
_BAR, _SOFT, _LINE = "#4a78b5", "#66707f", "#d9dee6"


def draw(bars: Bars) -> str:
    """Draw a bar chart.

    Args:
        bars: What to draw.

    Returns:
        A ``figure`` element; every bar tells its label and count when pointed at.
    """
    body = _horizontal(bars) if bars.horizontal else _vertical(bars)
    return f"<figure><figcaption>{escape(bars.title)}</figcaption>{body}</figure>"


def _vertical(bars: Bars) -> str:
    """Bars side by side, with as many labels as fit."""
    top = max([*bars.counts, 1])
    inner = _WIDTH - _LEFT - _RIGHT
    depth = _HEIGHT - _TOP - _BOTTOM
    step = inner / max(len(bars.counts), 1)
    parts = [
        _text(_LEFT - 6, _TOP + 4, f"{top:,}", "end"),
        _text(_LEFT - 6, _HEIGHT - _BOTTOM + 4, "0", "end"),
        f'<path class="axis" fill="none" stroke="{_LINE}" '
        f'd="M{_LEFT} {_TOP}V{_HEIGHT - _BOTTOM}H{_WIDTH - _RIGHT}"/>',
    ]
    widest = _DIGIT_WIDTH * max(map(len, bars.labels), default=1)
    every = max(1, math.ceil(widest / step))
    for index, (label, count) in enumerate(zip(bars.labels, bars.counts)):
        height = depth * count / top
        # A bar that is there must be seen.
        height = max(height, 1.0) if count else 0.0
        x = _LEFT + index * step
        parts.append(
            f'<rect x="{x + 0.08 * step:.1f}" y="{_HEIGHT - _BOTTOM - height:.1f}" '
            f'width="{0.84 * step:.1f}" height="{height:.1f}">{_tip(label, count)}</rect>'
        )
        if index % every == 0:
            parts.append(_text(x + step / 2, _HEIGHT - _BOTTOM + 15, label, "middle"))
    return _svg(_WIDTH, _HEIGHT, parts)


def _horizontal(bars: Bars) -> str:
    """Bars below each other, for long labels."""
    top = max([*bars.counts, 1])
    inner = _WIDTH - _LABEL_WIDTH - _LEFT
    parts = []
    for index, (label, count) in enumerate(zip(bars.labels, bars.counts)):
        y = index * _ROW
        # The end of a path says most.
        short = label if len(label) <= _LABEL_LENGTH else f"…{label[-_LABEL_LENGTH + 1 :]}"
        length = inner * count / top
        parts += [
            _text(_LABEL_WIDTH - 6, y + 12, short, "end"),
            f'<rect x="{_LABEL_WIDTH}" y="{y + 2}" width="{length:.1f}" height="{_ROW - 4}">'
            f"{_tip(label, count)}</rect>",
            _text(_LABEL_WIDTH + length + 5, y + 12, f"{count:,}", "start"),
        ]
    return _svg(_WIDTH, len(bars.labels) * _ROW + 4, parts)


def _svg(width: int, height: int, parts: list[str]) -> str:
    return (
        f'<svg viewBox="0 0 {width} {height}" width="{width}" height="{height}" role="img" '
        f'fill="{_BAR}" font-size="{_FONT_SIZE}">'
        f"{''.join(parts)}</svg>"
    )


def _text(x: float, y: float, text: str, anchor: str) -> str:
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" fill="{_SOFT}" text-anchor="{anchor}">{escape(text)}</text>'
    )


def _tip(label: str, count: float) -> str:
    return f"<title>{escape(label)}: {count:,}</title>"
