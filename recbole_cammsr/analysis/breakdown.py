"""Metrics of groups of test rows, by the item to be found and by the history before it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from recbole_cammsr.analysis.benchmark import Run
from recbole_cammsr.analysis.ranks import UserRanks, is_per_user, per_user

CATEGORY, HISTORY, POPULARITY = "category", "history length", "popularity"
#: of the last item before the target: on leave-one-out the training split may hardly know it
LAST_POPULARITY = "popularity of the last item"
#: where quartiles of the rows are cut
_QUANTILES = (0.25, 0.5, 0.75)


def quartile_edges(values: np.ndarray) -> list[int]:
    """Upper ends (inclusive) of up to four groups of about equal size; equal values stay together.

    Args:
        values: ``(n,)`` integers.
    """
    inner = [int(np.quantile(values, q, method="inverted_cdf")) for q in _QUANTILES]
    return sorted({*inner, int(values.max())})


def range_names(values: np.ndarray, edges: Sequence[int]) -> list[str]:
    """Names such as ``4-7`` for the groups that edges cut."""
    starts = [int(values.min()), *(edge + 1 for edge in edges[:-1])]
    return [f"{a}-{b}" if a != b else str(a) for a, b in zip(starts, edges)]


def groups(ranks: UserRanks) -> list[tuple[str, str, np.ndarray]]:
    """All groups of the rows of a run.

    Args:
        ranks: of any run on the data set.

    Returns:
        Breakdown, name of the group, and ``(n,)`` bool. A target with several categories counts in
        each of them; categories come most frequent first.
    """
    result = []
    for breakdown, values in (
        (HISTORY, ranks.history_length),
        (POPULARITY, ranks.popularity),
        (LAST_POPULARITY, ranks.last_popularity),
    ):
        if values is None:
            continue
        edges = quartile_edges(values)
        group = np.searchsorted(edges, values)
        for index, name in enumerate(range_names(values, edges)):
            result.append((breakdown, name, group == index))
    labels = [set(cell.split("|")) - {""} for cell in ranks.category.tolist()]
    every = sorted(set().union(*labels)) if labels else []
    by_category = [(name, np.array([name in own for own in labels])) for name in every]
    by_category.sort(key=lambda entry: -int(entry[1].sum()))
    result += [(CATEGORY, name, rows) for name, rows in by_category]
    return result


def breakdown(runs: Sequence[Run], metrics: Sequence[str]) -> list[dict[str, Any]]:
    """Metrics of every group, averaged over seeds.

    Args:
        runs: of all contenders.
        metrics: those that are no metric of a single user are left out.

    Returns:
        Rows with dataset, model, breakdown, group, users, metric, value. Seeds have the same users
        in a group where they have the same split; else their mean number is given, rounded.
    """
    cells: dict[tuple[Any, ...], list[tuple[int, float]]] = {}
    metrics = [metric for metric in metrics if is_per_user(metric)]
    for run in runs:
        for kind, name, rows in groups(run.ranks):
            for metric in metrics:
                key = (run.dataset, run.contender, kind, name, metric)
                value = per_user(metric, run.ranks.rank[rows]).mean()
                cells.setdefault(key, []).append((int(rows.sum()), float(value)))
    names = ("dataset", "model", "breakdown", "group", "metric")
    result = []
    for key, of_seeds in cells.items():
        users, value = np.mean(of_seeds, axis=0).tolist()
        result.append({**dict(zip(names, key)), "users": round(users), "value": value})
    return result
