"""Metrics of groups of test rows, by the item to be found and by the history before it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from recbole_cammsr.analysis.benchmark import Run
from recbole_cammsr.analysis.ranks import LABEL_SEPARATOR, UserRanks, is_per_user, per_user

CATEGORY, HISTORY, POPULARITY = "category", "history length", "popularity"
#: of the last item before the target: on leave-one-out the training split may hardly know it
LAST_POPULARITY = "popularity of the last item"
#: that tables and pictures show
MOST_CATEGORIES = 12
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


def _ranged(ranks: UserRanks) -> dict[str, np.ndarray | None]:
    """What rows are grouped by in ranges."""
    return {
        HISTORY: ranks.history_length,
        POPULARITY: ranks.popularity,
        LAST_POPULARITY: ranks.last_popularity,
    }


def cuts(together: Iterable[UserRanks]) -> dict[str, tuple[list[int], list[str]]]:
    """Where the rows of runs on a data set are cut into ranges, the same for all of them.

    RecBole's own models order interactions of equal times in another way, so a few of their rows
    have another target and another last item.

    Args:
        together: of the runs that are compared.

    Returns:
        Breakdown to edges (:func:`quartile_edges`) and names of the groups.
    """
    every = [_ranged(ranks) for ranks in together]
    result = {}
    for kind in every[0]:
        parts = [values for each in every if (values := each[kind]) is not None]
        if parts:
            values = np.concatenate(parts)
            edges = quartile_edges(values)
            result[kind] = edges, range_names(values, edges)
    return result


def groups(
    ranks: UserRanks, ranges: Mapping[str, tuple[list[int], list[str]]] | None = None
) -> list[tuple[str, str, np.ndarray]]:
    """All groups of the rows of a run.

    Args:
        ranks: of any run on the data set.
        ranges: of :func:`cuts`; None to cut the run by itself.

    Returns:
        Breakdown, name of the group, and the indices of its rows, ascending. A target with several
        categories counts in each of them; categories come most frequent first.
    """
    result = []
    of_run = _ranged(ranks)
    for kind, (edges, names) in (cuts([ranks]) if ranges is None else ranges).items():
        values = of_run[kind]
        if values is None:
            continue
        group = np.searchsorted(edges, values)
        for index, name in enumerate(names):
            result.append((kind, name, np.flatnonzero(group == index)))
    result += [(CATEGORY, name, rows) for name, rows in _by_category(ranks.category)]
    return result


def _by_category(category: np.ndarray) -> list[tuple[str, np.ndarray]]:
    """The rows of each label, the most frequent one first, equals by name."""
    found: dict[str, list[int]] = {}
    for row, cell in enumerate(category.tolist()):
        for name in set(cell.split(LABEL_SEPARATOR)) - {""}:
            found.setdefault(name, []).append(row)
    by_size = sorted(found.items(), key=lambda entry: (-len(entry[1]), entry[0]))
    return [(name, np.array(rows)) for name, rows in by_size]


def target_categories(together: Iterable[UserRanks]) -> dict[str, str]:
    """Labels by item token, from the runs on a data set that know them.

    Args:
        together: of the runs that are compared. Where they name other columns of categories, the
            first one counts, with those that do not contradict it.

    Returns:
        Token to joined labels, for the targets of these runs; empty where no run has labels.
    """
    known: dict[str, str] = {}
    for ranks in together:
        if not (ranks.category != "").any():
            continue
        own = dict(zip(ranks.target.tolist(), ranks.category.tolist()))
        if all(known.get(item, labels) == labels for item, labels in own.items()):
            known.update(own)
    return known


def _labelled(ranks: UserRanks, known: Mapping[str, str]) -> UserRanks:
    """The ranks of a run with the labels of others, where its settings named no category column."""
    if not known or (ranks.category != "").any():
        return ranks
    category = np.array([known.get(item, "") for item in ranks.target.tolist()], dtype=str)
    return ranks._replace(category=category)


def breakdown(runs: Sequence[Run], metrics: Sequence[str]) -> list[dict[str, Any]]:
    """Metrics of every group, averaged over seeds.

    The targets of a run without any categories, as of a baseline whose settings name no column,
    have those that other runs on its data set know.

    Args:
        runs: of all contenders.
        metrics: those that are no metric of a single user are left out.

    Returns:
        Rows with dataset, model, breakdown, group, test_rows, metric, value. Seeds have the same
        test rows in a group where they have the same split; else their mean number is given,
        rounded.
    """
    cells: dict[tuple[Any, ...], list[tuple[int, float]]] = {}
    metrics = [metric for metric in metrics if is_per_user(metric)]
    ranges = {
        dataset: cuts(run.ranks for run in runs if run.dataset == dataset)
        for dataset in dict.fromkeys(run.dataset for run in runs)
    }
    known = {
        dataset: target_categories(run.ranks for run in runs if run.dataset == dataset)
        for dataset in ranges
    }
    for run in runs:
        ranks = _labelled(run.ranks, known[run.dataset])
        values = {metric: per_user(metric, ranks.rank) for metric in metrics}
        for kind, name, rows in groups(ranks, ranges[run.dataset]):
            if not len(rows):
                continue
            for metric in metrics:
                key = (run.dataset, run.contender, kind, name, metric)
                cells.setdefault(key, []).append((len(rows), float(values[metric][rows].mean())))
    names = ("dataset", "model", "breakdown", "group", "metric")
    result = []
    for key, of_seeds in cells.items():
        count, value = np.mean(of_seeds, axis=0).tolist()
        result.append({**dict(zip(names, key)), "test_rows": round(count), "value": value})
    return result
