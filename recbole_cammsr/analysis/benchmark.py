"""Runs an experiment: tuning on validation, then the chosen configuration with every seed."""

from __future__ import annotations

import statistics
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from recbole_cammsr.analysis import whole_evaluation
from recbole_cammsr.analysis.experiment import Contender, Experiment
from recbole_cammsr.analysis.job import TEST, TUNE, JobResult, TrainingJob
from recbole_cammsr.analysis.ranks import UserRanks
from recbole_cammsr.analysis.runner import Runner
from recbole_cammsr.analysis.tuning import grid_size, trials


@dataclass(frozen=True)
class Trial:
    """One combination of a grid, tried on validation; once with every tuning seed."""

    contender: str
    dataset: str
    number: int
    combination: Mapping[str, Any]
    results: Sequence[JobResult]
    chosen: bool

    @property
    def score(self) -> float:
        """Mean of what validation says; larger is better, -inf where a run diverged."""
        return statistics.fmean(result.score for result in self.results)

    @property
    def diverged(self) -> str:
        """Why its loss or scores became NaN, with the first seed that had it; else empty."""
        return next((result.diverged for result in self.results if result.diverged), "")


@dataclass(frozen=True)
class Run:
    """One seed of the chosen configuration."""

    contender: str
    dataset: str
    seed: int
    result: JobResult
    ranks: UserRanks


@dataclass(frozen=True)
class Outcome:
    """What an experiment gave.

    Attributes:
        trials: of all contenders with a grid.
        runs: of the chosen configurations, in the order of data sets, contenders and seeds;
            contenders of which a run failed are left out on that data set.
        chosen: (data set, label) to all settings of the chosen configuration.
        failures: sentences, one a failed job, and what is missing because of it.
        incomplete: the finished runs of contenders that ``runs`` leaves out.
    """

    trials: Sequence[Trial]
    runs: Sequence[Run]
    chosen: Mapping[tuple[str, str], Mapping[str, Any]]
    failures: Sequence[str]
    incomplete: Sequence[Run] = ()


def run(experiment: Experiment, runner: Runner) -> Outcome:
    """Carry out an experiment, or what is left of it.

    Args:
        experiment: what to run.
        runner: starts the jobs, knows those that are done.

    Raises:
        ValueError: the data changed while the runs were made.
    """
    all_trials, failures = tune(experiment, runner)
    chosen: dict[tuple[str, str], dict[str, Any]] = {}
    for dataset in experiment.datasets:
        for one in experiment.contenders:
            combination = {
                (t.dataset, t.contender): t.combination for t in all_trials if t.chosen
            }.get((dataset, one.label))
            if one.grid and combination is None:
                continue  # one of its trials failed, or all diverged
            settings = experiment.settings_of(one, dataset)
            chosen[(dataset, one.label)] = whole_evaluation.completed(
                {**settings, **(combination or {})}, dataset
            )
    runs, incomplete, more = _final(experiment, runner, chosen)
    runner.check_data(result for trial in all_trials for result in trial.results)
    runner.check_data(one.result for one in [*runs, *incomplete])
    failures = [*failures, *more, *_untested(experiment, runs)]
    return Outcome(all_trials, runs, chosen, failures, incomplete)


def unequal_budgets(experiment: Experiment) -> list[str]:
    """A sentence for each contender that tries fewer combinations than the budget allows.

    Nothing to say where nobody is tuned.
    """
    if not any(one.grid for one in experiment.contenders):
        return []
    return [
        f"{one.label} tries {grid_size(one.grid)} of {experiment.trials} combinations: "
        + ("its grid has no more" if one.grid else "it has no grid")
        for one in experiment.contenders
        if grid_size(one.grid) < experiment.trials
    ]


def tune(experiment: Experiment, runner: Runner) -> tuple[list[Trial], list[str]]:
    """Try the combinations of every grid on validation.

    Args:
        experiment: what to run.
        runner: starts the jobs, knows those that are done.

    Returns:
        The trials of which all runs finished, and a sentence for each run that failed. Where a
        trial of a contender failed none is chosen: with it another one might have been, and then
        the test split would be asked twice. One that diverged would do so again: it counts as the
        worst, and none is chosen only where all did.
    """
    planned: list[tuple[Contender, str, int, dict[str, Any], list[TrainingJob]]] = []
    titles: dict[str, str] = {}
    for dataset in experiment.datasets:
        for one in experiment.contenders:
            if not one.grid:
                continue
            combinations = trials(one.grid, experiment.trials, experiment.tuning_seeds[0])
            for number, combination in enumerate(combinations):
                settings = whole_evaluation.completed(
                    {
                        **experiment.settings_of(one, dataset),
                        **experiment.tuning_settings,
                        **combination,
                    },
                    dataset,
                )
                jobs = [
                    TrainingJob(one.model, dataset, seed, settings, TUNE, one.corruption)
                    for seed in experiment.tuning_seeds
                ]
                planned.append((one, dataset, number, combination, jobs))
                values = ", ".join(f"{name}={value}" for name, value in combination.items())
                for job in jobs:
                    of_seed = f", seed {job.seed}" if len(jobs) > 1 else ""
                    _add_title(titles, job, f"tuning {one.label} on {dataset}, {values}{of_seed}")
    if not planned:
        return [], []
    failed = runner.run([job for *_, jobs in planned for job in jobs], titles)
    tried = [
        Trial(
            one.label,
            dataset,
            number,
            combination,
            [runner.store.load(job) for job in jobs],
            chosen=False,
        )
        for one, dataset, number, combination, jobs in planned
        if not any(job.fingerprint in failed for job in jobs)
    ]
    lost = Counter(
        (dataset, one.label)
        for one, dataset, *_, jobs in planned
        if any(job.fingerprint in failed for job in jobs)
    )
    best: dict[tuple[str, str], Trial] = {}
    for trial in tried:  # the first of equals
        key = (trial.dataset, trial.contender)
        if key in lost or trial.diverged:
            continue
        if key not in best or trial.score > best[key].score:
            best[key] = trial
    kept = [
        replace(trial, chosen=best.get((trial.dataset, trial.contender)) is trial)
        for trial in tried
    ]
    sentences = [f"{titles[key]}: {reason}" for key, reason in failed.items()]
    sentences += [
        f"{label} on {dataset} is not tested: {count} of its combinations failed, and the choice "
        f"is made among all of them"
        for (dataset, label), count in lost.items()
    ]
    sentences += [
        f"{label} on {dataset} is not tested: the loss or the scores of all its combinations "
        f"became NaN; give its grid other values, such as a lower `learning_rate`"
        for dataset, label in dict.fromkeys((trial.dataset, trial.contender) for trial in tried)
        if (dataset, label) not in {**lost, **best}
    ]
    return kept, sentences


def _add_title(titles: dict[str, str], job: TrainingJob, title: str) -> None:
    """Name a run by all rows that it is of: those of equal settings share their runs."""
    earlier = titles.get(job.fingerprint)
    titles[job.fingerprint] = title if earlier is None else f"{earlier}; {title}"


def _final(
    experiment: Experiment,
    runner: Runner,
    chosen: Mapping[tuple[str, str], Mapping[str, Any]],
) -> tuple[list[Run], list[Run], list[str]]:
    """Every seed of the chosen configurations: runs of complete rows, of others, what failed."""
    planned: list[tuple[Contender, str, TrainingJob]] = []
    titles: dict[str, str] = {}
    # one seed of everything first: a killed benchmark then has something to say of every model
    for seed in experiment.seeds:
        for dataset in experiment.datasets:
            for one in experiment.contenders:
                if (dataset, one.label) not in chosen:
                    continue
                settings = chosen[(dataset, one.label)]
                job = TrainingJob(one.model, dataset, seed, settings, TEST, one.corruption)
                planned.append((one, dataset, job))
                _add_title(titles, job, f"{one.label} on {dataset}, seed {seed}")
    failed = runner.run([job for *_, job in planned], titles)
    lost = Counter(
        (dataset, one.label) for one, dataset, job in planned if job.fingerprint in failed
    )
    place = {one.label: index for index, one in enumerate(experiment.contenders)}
    names = list(experiment.datasets)
    planned.sort(key=lambda plan: (names.index(plan[1]), place[plan[0].label]))
    finished = [
        Run(one.label, dataset, job.seed, runner.store.load(job), runner.store.load_ranks(job))
        for one, dataset, job in planned
        if job.fingerprint not in failed
    ]
    runs = [run for run in finished if (run.dataset, run.contender) not in lost]
    incomplete = [run for run in finished if (run.dataset, run.contender) in lost]
    sentences = [f"{titles[key]}: {reason}" for key, reason in failed.items()]
    sentences += [
        f"{label} on {dataset} is not in the tables: {_of_seeds(count, len(experiment.seeds))}; "
        "run the command again"
        for (dataset, label), count in lost.items()
    ]
    return runs, incomplete, sentences


def _of_seeds(failed: int, planned: int) -> str:
    if planned == 1:
        return "its run failed"
    if failed == planned:
        return f"the runs of all {planned} seeds failed"
    others = "`results.csv` and `timings.csv` have the others"
    return f"{failed} of its {planned} seeds failed ({others})"


def _untested(experiment: Experiment, runs: Sequence[Run]) -> list[str]:
    """A sentence for every data set whose tables have rows, but not the reference."""
    labels = {
        dataset: {run.contender for run in runs if run.dataset == dataset}
        for dataset in experiment.datasets
    }
    return [
        f"nothing is tested on {dataset}, since the reference {experiment.reference} is not in "
        "its table"
        for dataset, there in labels.items()
        if there and experiment.reference not in there
    ]
