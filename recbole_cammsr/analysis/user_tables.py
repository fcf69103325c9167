"""The explanation of a user as text for a terminal."""

from __future__ import annotations

from collections.abc import Sequence

from recbole_cammsr.analysis.figure import shorten_labels, shorten_titles
from recbole_cammsr.analysis.item_titles import printable
from recbole_cammsr.analysis.text_table import table
from recbole_cammsr.analysis.user_explanation import Ranking, UserExplanation

_TITLE = 34
_LABELS = 24
_FILLED = "* the item lacks it: filled in from the predicted category (weight 0: left out)"
_LEFT_OUT = "* the item lacks it: left out"


def text(explanation: UserExplanation) -> str:
    """Tables of the history and of the rankings.

    Args:
        explanation: of one user.
    """
    user, target = printable(explanation.user), printable(explanation.target_token)
    return "\n\n".join(
        [
            f"user {user} on {explanation.dataset}: the last "
            f"{len(explanation.history)} of {explanation.history_length} items, oldest first",
            _history(explanation),
            f"taken next: {explanation.target_title} ({target})",
            _parts(explanation.ranking),
            *(_plain(other) for other in explanation.others),
        ]
    )


def _history(explanation: UserExplanation) -> str:
    first = explanation.history[0] if explanation.history else None
    if first is None:
        return "(no history)"
    header = ["item"]
    labels = [
        label for item in explanation.history for label in (*item.categories, *item.predicted)
    ]
    if labels:
        header.append("category")
    if first.predicted:
        header.append("predicted")
    header += [f"w {name}" for name in first.weights]
    if first.attention:
        header.append("expert most asked")
    rows = []
    titles = shorten_titles([item.title for item in explanation.history], _TITLE)
    for item, title in zip(explanation.history, titles):
        row = [title]
        if labels:
            row.append(_labels(item.categories, labels))
        if first.predicted:
            row.append(_labels(item.predicted, labels))
        row += [
            f"{weight:.2f}" + ("*" if name in item.lacks else "")
            for name, weight in item.weights.items()
        ]
        if item.attention:
            name = max(item.attention, key=lambda expert: item.attention[expert])
            row.append(f"{name} {100 * item.attention[name]:.0f} %")
        rows.append(row)
    lines = table(header, rows)
    if first.weights and any(item.lacks for item in explanation.history):
        filled = any(item.filled_in() for item in explanation.history)
        lines += ["", _FILLED if filled else _LEFT_OUT]
    return "\n".join(lines)


def _parts(ranking: Ranking) -> str:
    names = list(ranking.average_parts) if len(ranking.average_parts) > 1 else []
    header = ["recommended", "category", "score"]
    lines = [_heading(ranking)]
    if names:
        header += ["above average", *names]
        average = ", ".join(f"{name} {part:.2f}" for name, part in ranking.average_parts.items())
        lines.append(f"  the average item has a score of {ranking.average_score:.2f} ({average});")
        lines.append("  above average: how much more this item has, in all and from each modality")
    labels = [label for item in ranking.items for label in item.categories]
    rows = []
    for item, title in zip(ranking.items, _titles(ranking)):
        row = [title, _labels(item.categories, labels), f"{item.score:.2f}"]
        if names:
            row.append(f"{item.score - ranking.average_score:+.2f}")
            row += [f"{item.parts_above_average[name]:+.2f}" for name in names]
        rows.append(row)
    return "\n".join([*lines, *table(header, rows)])


def _plain(ranking: Ranking) -> str:
    if not ranking.items:
        return f"{ranking.name}: no ranking\n  {ranking.note}"
    rows = [[title, f"{item.score:.2f}"] for item, title in zip(ranking.items, _titles(ranking))]
    return "\n".join([_heading(ranking), *table(["recommended", "score"], rows)])


def _heading(ranking: Ranking) -> str:
    found = "is not known to it"
    if ranking.target_rank is not None:
        shown = any(item.is_target for item in ranking.items)
        found = f"is at rank {ranking.target_rank}" + (", marked >" if shown else "")
    heading = f"{ranking.name} (what was taken next {found})"
    return f"{heading}\n  not compared alike: {ranking.note}" if ranking.note else heading


def _titles(ranking: Ranking) -> list[str]:
    titles = shorten_titles([item.title for item in ranking.items], _TITLE)
    return [
        f"{'>' if item.is_target else ' '}{item.rank:3d}  {title}"
        for item, title in zip(ranking.items, titles)
    ]


def _labels(labels: Sequence[str], among: Sequence[str]) -> str:
    return shorten_labels(labels, _LABELS, among) or "-"
