"""Means and deviations over seeds, improvements, and comparisons over users and over seeds."""

from __future__ import annotations

import functools
import math
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from recbole_cammsr.analysis.benchmark import Run
from recbole_cammsr.analysis.metric_classes import smaller_is_better
from recbole_cammsr.analysis.ranks import UserRanks, is_per_user, per_user
from recbole_cammsr.analysis.significance import PairedTest, holm, paired_test, seed_test

#: that a test over users can be made of
FEWEST_USERS = 2
#: a p value below it is taken for a difference
SIGNIFICANT = 0.05


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


def is_borne_out(one: Comparison) -> bool:
    """Whether the reference is better by both tests over users and by that between seeds."""
    if one.test.difference <= 0 or one.seeds_p is None:
        return False
    return max(one.t_holm, one.wilcoxon_holm, one.seeds_p) < SIGNIFICANT


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
    """Labels that have the metric, best mean first; equals in their given order.

    What is no number is left out: it would be neither better nor worse than another.
    """
    sign = 1 if smaller_is_better(metric) else -1
    return sorted(
        (
            label
            for label in cells
            if metric in cells[label] and not math.isnan(cells[label][metric].mean)
        ),
        key=lambda label: sign * cells[label][metric].mean,
    )


def improvement(
    cells: Mapping[str, Mapping[str, Cell]], metric: str, reference: str
) -> tuple[str, float] | None:
    """Relative distance of the reference from the best other contender.

    Returns:
        That contender and the distance, above zero where the reference is better, be that a larger
        or a smaller value; None where there is no other, or it scores zero.
    """
    ranked = ranking(cells, metric)
    others = [label for label in ranked if label != reference]
    if not others or reference not in ranked:
        return None
    best = cells[others[0]][metric].mean
    if not best:
        return None
    gain = cells[reference][metric].mean / best - 1.0
    return others[0], -gain if smaller_is_better(metric) else gain


def user_means(ranks: Sequence[UserRanks], metric: str) -> tuple[np.ndarray, np.ndarray]:
    """A metric per user, averaged over the user's rows and over seeds.

    Args:
        ranks: of the same contender and data set, one per seed.
        metric: of a single user, e.g. ``ndcg@10``.

    Returns:
        ``(n,)`` sorted tokens of the users that every seed tested, and ``(n,)`` values.

    Raises:
        ValueError: there is nothing to average.
    """
    if not ranks:
        raise ValueError("there is no run to average")
    per_seed = []
    for one in ranks:
        names, where = np.unique(one.user, return_inverse=True)
        sums = np.bincount(where.reshape(-1), weights=per_user(metric, one.rank))
        per_seed.append((names, sums / np.bincount(where.reshape(-1))))
    common = functools.reduce(np.intersect1d, (names for names, _ in per_seed))
    values = [means[np.searchsorted(names, common)] for names, means in per_seed]
    return common, np.mean(np.sort(values, axis=0), axis=0)  # sums do not depend on the order


def compare(runs: Sequence[Run], metric: str, reference: str) -> list[Comparison]:
    """Test the reference against every other contender, on each data set.

    Args:
        runs: of all contenders.
        metric: of a single user; other metrics give no comparison.
        reference: label.

    Returns:
        In the order of the runs; Holm's correction is over the comparisons of a data set. Each is
        over the users that both have in every run (:mod:`same_questions
        <recbole_cammsr.analysis.same_questions>` says where that is not all), and left out where
        these are too few.
    """
    if not is_per_user(metric):
        return []
    comparisons = []
    for dataset in dict.fromkeys(run.dataset for run in runs):
        # ranks would give any cut-off; a column that was not asked for on a data set is not tested
        here = [run for run in runs if run.dataset == dataset and metric in run.result.test]
        labels = list(dict.fromkeys(run.contender for run in here))
        if reference not in labels:
            continue
        means = {
            label: user_means([run.ranks for run in here if run.contender == label], metric)
            for label in labels
        }
        cells = summarise(here)[dataset]
        paired = {
            label: common
            for label in labels
            if label != reference
            and len((common := _paired(means[reference], means[label]))[0]) >= FEWEST_USERS
        }
        tests = [paired_test(own, other) for own, other in paired.values()]
        t_holm = holm([test.t_p for test in tests])
        wilcoxon_holm = holm([test.wilcoxon_p for test in tests])
        for label, test, by_t, by_wilcoxon in zip(paired, tests, t_holm, wilcoxon_holm):
            own, other = paired[label]
            relative = float(own.mean() / other.mean() - 1.0) if other.any() else None
            between = seed_test(cells[reference][metric].values, cells[label][metric].values)
            comparisons.append(
                Comparison(dataset, metric, label, relative, test, by_t, by_wilcoxon, between)
            )
    return comparisons


def _paired(
    first: tuple[np.ndarray, np.ndarray], second: tuple[np.ndarray, np.ndarray]
) -> tuple[np.ndarray, np.ndarray]:
    """The values of the users that both have, given sorted users and values of each."""
    _, here, there = np.intersect1d(first[0], second[0], assume_unique=True, return_indices=True)
    return first[1][here], second[1][there]
