"""Sentences for the summary on what became of categories."""

from __future__ import annotations

from collections.abc import Sequence

from .category_labels import OTHER, ItemLabels
from .category_roots import SharedRoot


def category_notes(
    labels: Sequence[ItemLabels], min_count: int, shared: SharedRoot | None = None
) -> list[str]:
    """Say what may surprise about the labels of a data set.

    Args:
        labels: Those of all items.
        min_count: Fewest items of a label.
        shared: The root whose paths went first; None where no level was dropped.

    Returns:
        The sentences.
    """
    notes = []
    if shared is not None and shared.without:
        notes.append(
            f"{shared.without:,} of {shared.items:,} items with category paths have none under "
            f"{shared.root!r}, the root that most items share; their other roots were dropped"
        )
    labelled = sum(bool(one.category) for one in labels)
    other = sum(one.category == OTHER for one in labels)
    if 2 * other > labelled:
        notes.append(
            f"the one label of {other / labelled:.1%} of the {labelled:,} labelled items is "
            f"{OTHER}, as theirs have fewer than {min_count} items: a lower --category-min-count "
            "keeps more of them"
        )
    return notes
