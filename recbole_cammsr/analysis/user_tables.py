"""The explanation of a user as text for a terminal."""

from __future__ import annotations

from collections.abc import Sequence

from recbole_cammsr.analysis import label_match
from recbole_cammsr.analysis.decimals import decimals
from recbole_cammsr.analysis.figure import shorten_labels, shorten_titles
from recbole_cammsr.analysis.item_titles import printable
from recbole_cammsr.analysis.text_table import table
from recbole_cammsr.analysis.user_explanation import Ranking, UserExplanation

_TITLE = 34
_LABELS = 24
_OWN = "own"
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
        header += ["", "predicted"]
    header += [f"w {name}" for name in first.weights]
    if first.attention:
        header.append("expert most asked")
    rows = []
    titles = shorten_titles([item.title for item in explanation.history], _TITLE)
    for item, title in zip(explanation.history, titles):
        row = [title]
        if labels:
            row.append(_beside(item.categories, item.predicted, labels))
        if first.predicted:
            row.append(label_match.mark(item.categories, item.predicted))
            row.append(_beside(item.predicted, item.categories, labels))
        row += [
            f"{weight:.2f}" + ("*" if name in item.lacks else "")
            for name, weight in item.weights.items()
        ]
        if item.attention:
            name = max(item.attention, key=lambda expert: item.attention[expert])
            row.append(f"{name} {100 * item.attention[name]:.0f} %")
        rows.append(row)
    lines = table(header, rows)
    notes = [f"{label_match.KEY}; {label_match.MORE}"] if first.predicted else []
    if first.weights and any(item.lacks for item in explanation.history):
        filled = any(item.filled_in() for item in explanation.history)
        notes.append(_FILLED if filled else _LEFT_OUT)
    if notes:
        lines += ["", *notes]
    return "\n".join(lines)


def _parts(ranking: Ranking) -> str:
    names = list(ranking.average_parts) if len(ranking.average_parts) > 1 else []
    header = ["recommended", "category", "score"]
    lines = [_heading(ranking)]
    places = decimals([item.score for item in ranking.items])
    if names:
        header += ["above average", *names]
        average = ", ".join(
            f"{name} {part:.{places}f}" for name, part in ranking.average_parts.items()
        )
        score = f"{ranking.average_score:.{places}f}"
        lines.append(f"  the average item has a score of {score} ({average});")
        lines.append("  above average: how much more this item has, in all and from each modality")
    labels = [label for item in ranking.items for label in item.categories]
    rows = []
    for item, title in zip(ranking.items, _titles(ranking)):
        shown = shorten_labels(item.categories, _LABELS, labels) or "-"
        row = [title, shown, f"{item.score:.{places}f}"]
        if names:
            row.append(f"{item.score - ranking.average_score:+.{places}f}")
            row += [f"{item.parts_above_average[name]:+.{places}f}" for name in names]
        rows.append(row)
    return "\n".join([*lines, *_with_own(ranking, header, rows)])


def _plain(ranking: Ranking) -> str:
    if not ranking.items:
        return f"{ranking.name}: no ranking\n  {ranking.note}"
    places = decimals([item.score for item in ranking.items])
    rows = [
        [title, f"{item.score:.{places}f}"] for item, title in zip(ranking.items, _titles(ranking))
    ]
    return "\n".join([_heading(ranking), *_with_own(ranking, ["recommended", "score"], rows)])


def _with_own(ranking: Ranking, header: list[str], rows: list[list[str]]) -> list[str]:
    """A table of a ranking, with a column for what the user has already, if that is in it."""
    if any(item.seen for item in ranking.items):
        header = [header[0], _OWN, *header[1:]]
        rows = [
            [row[0], _OWN if item.seen else "", *row[1:]] for item, row in zip(ranking.items, rows)
        ]
    return table(header, rows)


def _heading(ranking: Ranking) -> str:
    found = "is not known to it"
    if ranking.target_rank is not None:
        shown = any(item.is_target for item in ranking.items)
        found = f"is at rank {ranking.target_rank}" + (", marked >" if shown else "")
    lines = [f"{ranking.name} (what was taken next {found})", f"  {ranking.own_items}"]
    if any(item.seen for item in ranking.items):
        lines[-1] += f", named {_OWN}"
    if ranking.note:
        lines.append(f"  not compared alike: {ranking.note}")
    return "\n".join(lines)


def _titles(ranking: Ranking) -> list[str]:
    titles = shorten_titles([item.title for item in ranking.items], _TITLE)
    return [
        f"{'>' if item.is_target else ' '}{item.rank:3d}  {title}"
        for item, title in zip(ranking.items, titles)
    ]


def _beside(labels: Sequence[str], others: Sequence[str], among: Sequence[str]) -> str:
    return label_match.shown_beside(labels, others, _LABELS, among) or "-"
