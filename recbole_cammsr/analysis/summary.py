"""Means and deviations over seeds, improvements, and comparisons over users and over seeds."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from recbole_cammsr.analysis.benchmark import Run
from recbole_cammsr.analysis.ranks import UserRanks, is_per_user, per_user
from recbole_cammsr.analysis.significance import PairedTest, holm, paired_test, seed_test


@dataclass(frozen=True)
class Cell:
    """A metric of a contender on a data set.

    Attributes:
        mean: over seeds.
        deviation: sample standard deviation over seeds; None with a single one.
        values: per seed, in the order of runs.
    """

    mean: float
    deviation: float | None
    values: tuple[float, ...]

    @classmethod
    def of(cls, values: Sequence[float]) -> Cell:
        """Summarise the values of several seeds."""
        deviation = statistics.stdev(values) if len(values) > 1 else None
        return cls(statistics.fmean(values), deviation, tuple(values))


@dataclass(frozen=True)
class Comparison:
    """The reference against another contender, over the users and the seeds of a data set.

    Attributes:
        dataset: where.
        metric: of a single user, averaged over seeds.
        other: label of the contender.
        improvement: of the reference's mean over the other's, relative; None where that is zero.
        test: of the paired values.
        t_holm: p of the t-test after Holm's correction over the comparisons of the data set.
        wilcoxon_holm: the same for Wilcoxon's test.
        seeds_p: of Welch's t-test between the seeds of both, not corrected; None with one seed.
    """

    dataset: str
    metric: str
    other: str
    improvement: float | None
    test: PairedTest
    t_holm: float
    wilcoxon_holm: float
    seeds_p: float | None


#: data set -> label -> metric -> cell
Summary = Mapping[str, Mapping[str, Mapping[str, Cell]]]


def summarise(runs: Sequence[Run]) -> dict[str, dict[str, dict[str, Cell]]]:
    """Test metrics over seeds; data sets and contenders in the order of the runs."""
    values: dict[str, dict[str, dict[str, list[float]]]] = {}
    for run in runs:
        metrics = values.setdefault(run.dataset, {}).setdefault(run.contender, {})
        for metric, value in run.result.test.items():
            metrics.setdefault(metric, []).append(value)
    return {
        dataset: {
            label: {metric: Cell.of(seeds) for metric, seeds in metrics.items()}
            for label, metrics in contenders.items()
        }
        for dataset, contenders in values.items()
    }


def validation(runs: Sequence[Run], dataset: str) -> dict[str, tuple[str, Cell]]:
    """What chose the checkpoints of a data set's runs.

    Returns:
        Label to the metric and its best values over seeds, as RecBole rounds them; in the order of
        the runs. Contenders without validation are left out.
    """
    values: dict[str, tuple[str, list[float]]] = {}
    for run in runs:
        metric = run.result.valid_metric
        if run.dataset == dataset and metric in run.result.valid:
            values.setdefault(run.contender, (metric, []))[1].append(run.result.valid[metric])
    return {label: (metric, Cell.of(seeds)) for label, (metric, seeds) in values.items()}


def ranking(cells: Mapping[str, Mapping[str, Cell]], metric: str) -> list[str]:
    """Labels that have the metric, best mean first; equals in their given order."""
    return sorted(
        (label for label in cells if metric in cells[label]),
        key=lambda label: -cells[label][metric].mean,
    )


def improvement(
    cells: Mapping[str, Mapping[str, Cell]], metric: str, reference: str
) -> tuple[str, float] | None:
    """Relative distance of the reference from the best other contender.

    Returns:
        That contender and the distance; None where there is no other, or it scores zero.
    """
    others = [label for label in ranking(cells, metric) if label != reference]
    if not others or reference not in cells or metric not in cells[reference]:
        return None
    best = cells[others[0]][metric].mean
    return (others[0], cells[reference][metric].mean / best - 1.0) if best else None


def user_means(ranks: Sequence[UserRanks], metric: str) -> tuple[np.ndarray, np.ndarray]:
    """A metric per user, averaged over the user's rows and over seeds.

    Args:
        ranks: of the same contender and data set, one per seed.
        metric: of a single user, e.g. ``ndcg@10``.

    Returns:
        ``(n,)`` sorted user tokens and ``(n,)`` values.

    Raises:
        ValueError: the seeds were tested on different users.
    """
    users: np.ndarray | None = None
    total: np.ndarray | None = None
    for one in ranks:
        names, where = np.unique(one.user, return_inverse=True)
        sums = np.bincount(where.reshape(-1), weights=per_user(metric, one.rank))
        mean = sums / np.bincount(where.reshape(-1))
        if users is None or total is None:
            users, total = names, mean
        elif np.array_equal(users, names):
            total = total + mean
        else:
            raise ValueError(
                f"runs with different seeds were tested on {len(users)} and {len(names)} users "
                "that are not the same; compare only runs with the same data filters and split"
            )
    if users is None or total is None:
        raise ValueError("there is no run to average")
    return users, total / len(ranks)


def compare(runs: Sequence[Run], metric: str, reference: str) -> list[Comparison]:
    """Test the reference against every other contender, on each data set.

    Args:
        runs: of all contenders.
        metric: of a single user; other metrics give no comparison.
        reference: label.

    Returns:
        In the order of the runs; Holm's correction is over the comparisons of a data set.

    Raises:
        ValueError: contenders of a data set were tested on different users.
    """
    if not is_per_user(metric):
        return []
    comparisons = []
    for dataset in dict.fromkeys(run.dataset for run in runs):
        here = [run for run in runs if run.dataset == dataset]
        labels = list(dict.fromkeys(run.contender for run in here))
        if reference not in labels:
            continue
        means = {
            label: user_means([run.ranks for run in here if run.contender == label], metric)
            for label in labels
        }
        cells = summarise(here)[dataset]
        users, own = means[reference]
        others = [label for label in labels if label != reference]
        tests = []
        for label in others:
            if not np.array_equal(users, means[label][0]):
                raise ValueError(
                    f"on {dataset}, {reference} was tested on {len(users)} users and {label} on "
                    f"{len(means[label][0])} that are not the same; give both the same data "
                    "filters and split"
                )
            tests.append(paired_test(own, means[label][1]))
        t_holm = holm([test.t_p for test in tests])
        wilcoxon_holm = holm([test.wilcoxon_p for test in tests])
        for label, test, by_t, by_wilcoxon in zip(others, tests, t_holm, wilcoxon_holm):
            base = means[label][1].mean()
            relative = float(own.mean() / base - 1.0) if base else None
            between = seed_test(cells[reference][metric].values, cells[label][metric].values)
            comparisons.append(
                Comparison(dataset, metric, label, relative, test, by_t, by_wilcoxon, between)
            )
    return comparisons
