"""What a model does over the whole catalogue: weights and experts by category, confusion, a map."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from recbole_cammsr.analysis.item_view import ItemView

#: what is said of all items, beside the rows of categories
ALL_ITEMS = "all items"


@dataclass(frozen=True)
class ByCategory:
    """Means over the items of each category.

    Attributes:
        rows: :data:`ALL_ITEMS`, then categories by number of items.
        counts: items of each row.
        columns: what is averaged.
        means: ``(rows, columns)``; NaN where a category has no such item.
    """

    rows: tuple[str, ...]
    counts: tuple[int, ...]
    columns: tuple[str, ...]
    means: np.ndarray

    def to_json(self) -> dict[str, dict[str, float | None]]:
        """Row to ``items`` and the mean of each column; None where there is none."""
        return {
            row: {
                "items": count,
                **{name: None if np.isnan(x) else float(x) for name, x in zip(self.columns, means)},
            }
            for row, count, means in zip(self.rows, self.counts, self.means)
        }


def labels_by_size(view: ItemView, most: int | None) -> list[int]:
    """Numbers of the most frequent labels, most frequent first; None for all."""
    if view.true is None:
        return []
    size = view.true.sum(axis=0)
    return [int(i) for i in np.argsort(-size, kind="stable")[:most] if size[i] > 0]


def rarest_labels(view: ItemView, most: int) -> dict[int, np.ndarray]:
    """Items by the rarest of their labels, which says most about them.

    Args:
        view: of the model's items.
        most: labels at most. The most frequent ones are looked at first; one that is the rarest of
            no item, such as the top of a tree of categories, leaves its place to another.

    Returns:
        Label to ``(n - 1,)`` bool over the items without padding, most frequent label first; no
        item stands under two labels, and none of them is empty.
    """
    if view.true is None:
        return {}
    true, waiting = view.true[1:], labels_by_size(view, None)
    found: dict[int, np.ndarray] = {}
    while waiting and len(found) < most:
        shown, waiting = [*found, *waiting[: most - len(found)]], waiting[most - len(found) :]
        taken = np.zeros(len(true), dtype=bool)
        found = {}
        for label in reversed(shown):
            members = true[:, label] & ~taken
            taken |= members
            if members.any():
                found[label] = members
        found = dict(reversed(found.items()))
    return found


def weights_by_category(view: ItemView, most: int | None = 20) -> ByCategory:
    """Mean modality weights; an item that lacks a modality does not count for it."""
    weights = np.where(view.present, view.weights, np.nan)
    return _by_category(view, weights, view.modality_names, most)


def attention_by_category(view: ItemView, most: int | None = 20) -> ByCategory:
    """Mean attention of each expert.

    Raises:
        ValueError: the model has no experts.
    """
    if view.attention is None:
        raise ValueError("the model has no experts")
    return _by_category(view, view.attention, view.expert_names, most)


def confusion(view: ItemView, most: int = 20) -> ByCategory:
    """Which label is predicted for items of which label, as shares of a row.

    With several labels an item, a true label counts as found where it is among as many of the most
    likely labels as the item has; otherwise its count goes to those of them that are wrong.

    Raises:
        ValueError: the model predicts no categories.
    """
    if view.true is None or view.predicted is None:
        raise ValueError("the model predicts no categories")
    shown = labels_by_size(view, most)
    place = {label: row for row, label in enumerate(shown)}
    counts = np.zeros((len(shown), len(shown) + 1))
    for item in np.flatnonzero(view.true.any(axis=1)):
        true = set(np.flatnonzero(view.true[item]).tolist())
        order = np.argsort(-view.predicted[item], kind="stable")[: len(true)].tolist()
        wrong = [label for label in order if label not in true]
        for label in true:
            if label not in place:
                continue
            if label in order:
                counts[place[label], place[label]] += 1
            for other in wrong if label not in order else ():
                counts[place[label], place.get(other, len(shown))] += 1 / len(wrong)
    totals = counts.sum(axis=1)
    names = tuple(view.labels[label] for label in shown)
    shares = counts / np.maximum(totals, 1)[:, None]
    if not counts[:, -1].any():
        shares = shares[:, :-1]
    columns = (*names, "others")[: shares.shape[1]]
    return ByCategory(names, tuple(round(t) for t in totals), columns, shares)


def plane(vectors: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Vectors on their two principal axes.

    Args:
        vectors: ``(n, d)``.

    Returns:
        ``(n, 2)`` positions, signs fixed by the largest entry of each axis, and ``(2,)`` shares of
        the variance.
    """
    centred = vectors - vectors.mean(axis=0)
    _, strength, axes = np.linalg.svd(centred, full_matrices=False)
    axes = axes[:2] * np.sign(axes[np.arange(2), np.abs(axes[:2]).argmax(axis=1)])[:, None]
    total = max(float((strength**2).sum()), 1e-12)
    return centred @ axes.T, strength[:2] ** 2 / total


def mechanism(view: ItemView) -> dict[str, Any]:
    """Figures that say whether the guidance works at all, over the items (padding left out).

    Returns:
        ``weight_deviation`` per modality (items that have it), ``attention`` (mean per expert),
        ``attention_entropy`` (mean over the items that can use several experts, 1 is uniform over
        those that the item can use),
        ``category_accuracy`` (the most likely label is a true one) and ``most_frequent_label``
        (its share of the labelled items), ``weight_by_category`` and ``attention_by_category``
        (means of every category); what the model does not have is left out.
    """
    figures: dict[str, Any] = {"items": len(view.items) - 1}
    if view.weighted:
        figures["weight_mean"] = {}
        figures["weight_deviation"] = {}
        for m, name in enumerate(view.modality_names):
            own = view.weights[1:, m][view.present[1:, m]]
            figures["weight_mean"][name] = float(own.mean()) if len(own) else None
            figures["weight_deviation"][name] = float(own.std()) if len(own) else None
        figures["weight_by_category"] = weights_by_category(view, None).to_json()
    if view.attention is not None:
        attention = view.attention[1:]
        figures["attention"] = dict(zip(view.expert_names, attention.mean(axis=0).tolist()))
        if view.usable is not None:
            entropy = _entropy(attention, view.usable[1:])
            if len(entropy):
                figures["attention_entropy"] = float(entropy.mean())
        figures["attention_by_category"] = attention_by_category(view, None).to_json()
    if view.true is not None and view.predicted is not None:
        labelled = view.true.any(axis=1)
        best = view.predicted[labelled].argmax(axis=1)
        true = view.true[labelled]
        figures["category_accuracy"] = float(true[np.arange(len(true)), best].mean())
        figures["most_frequent_label"] = float(true.mean(axis=0).max())
    return figures


def _entropy(attention: np.ndarray, usable: np.ndarray) -> np.ndarray:
    """Entropy of each item's attention as a share of the largest that it can have.

    Args:
        attention: ``(n, K)``.
        usable: ``(n, K)`` bool, the experts that the item can use. Attention does not tell them: a
            sharp softmax gives a usable expert an exact zero.

    Returns:
        Of the items that can use several experts; where nothing is chosen there is no entropy.
    """
    count = usable.sum(axis=1)
    several = count > 1
    attention = attention[several]
    entropy = -(attention * np.log(np.where(attention > 0, attention, 1.0))).sum(axis=1)
    share: np.ndarray = entropy / np.log(count[several])
    return share


def _by_category(
    view: ItemView, values: np.ndarray, columns: Sequence[str], most: int | None
) -> ByCategory:
    rows, counts, means = [ALL_ITEMS], [len(values) - 1], [_means(values[1:])]
    for label in labels_by_size(view, most):
        members = view.true[:, label] if view.true is not None else np.zeros(0, dtype=bool)
        rows.append(view.labels[label])
        counts.append(int(members.sum()))
        means.append(_means(values[members]))
    return ByCategory(tuple(rows), tuple(counts), tuple(columns), np.array(means))


def _means(values: np.ndarray) -> np.ndarray:
    known = ~np.isnan(values)
    total = np.where(known, values, 0.0).sum(axis=0)
    count = known.sum(axis=0)
    return np.where(count > 0, total / np.maximum(count, 1), np.nan)
