"""True and predicted categories of an item side by side: how right they are, and what differs."""

from __future__ import annotations

from collections.abc import Sequence

from recbole_cammsr.analysis.figure import shorten_each_label, shorten_labels

RIGHT, PARTLY, WRONG, UNKNOWN = "✓", "≈", "✗", "?"
#: what the marks and :func:`shown_beside` mean
KEY = f"{RIGHT} {PARTLY} {WRONG}: category right, partly right, wrong"
MORE = "+n: n labels more that both have"
_LEAST = 5  # characters of a label that differs, however little room there is


def mark(true: Sequence[str], predicted: Sequence[str]) -> str:
    """One character on a prediction.

    Args:
        true: labels of an item.
        predicted: as many.

    Returns:
        :data:`UNKNOWN` where the item has no labels.
    """
    if not true:
        return UNKNOWN
    if set(true) == set(predicted):
        return RIGHT
    return PARTLY if set(true) & set(predicted) else WRONG


def shown_beside(
    labels: Sequence[str], others: Sequence[str], length: int, among: Sequence[str] = ()
) -> str:
    """Labels in ``length`` characters, such that what differs from others is always there.

    Args:
        labels: of one item.
        others: what they stand beside; empty where there is nothing to compare.
        length: characters at most, but for more labels that differ than it has room for.
        among: all labels of the picture or table, none of which is to look like another.

    Returns:
        Common labels first, of which only the number may be left, then those that differ: such as
        ``Comedy +1, Drama``. Empty without labels.
    """
    common = [label for label in labels if label in others]
    differing = [label for label in labels if label not in others]
    if not others or not differing:
        return shorten_labels(labels, length, among)
    for kept in range(len(common), -1, -1):
        text = _joined(common, kept, differing)
        if len(text) <= length:
            return text
    # the names are too long as they are
    room = length - len(_joined(common, 0, [""])) - 2 * (len(differing) - 1)
    each = max(room // len(differing), _LEAST)
    short = shorten_each_label([*differing, *among], each)[: len(differing)]
    return _joined(common, 0, short)


def _joined(common: Sequence[str], kept: int, differing: Sequence[str]) -> str:
    hidden = len(common) - kept
    parts = list(common[:kept])
    if hidden and parts:
        parts[-1] += f" +{hidden}"
    elif hidden:
        parts = [f"+{hidden}"]
    return ", ".join([*parts, *differing])
