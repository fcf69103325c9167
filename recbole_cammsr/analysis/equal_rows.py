"""Names the rows of a table that are the same run under two names."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from recbole_cammsr.analysis.benchmark import Run
from recbole_cammsr.analysis.experiment import Experiment


def planned(experiment: Experiment) -> list[str]:
    """A sentence for every group of equal rows on a data set, before anything runs.

    A setting of the command line wins over those of the rows, and so can undo what tells two of
    them apart.

    Args:
        experiment: with its final settings.
    """
    rows = [
        (dataset, one.label, (one.model, settings, dict(one.grid), dict(one.corruption)))
        for dataset in experiment.datasets
        for one in experiment.contenders
        for settings in [experiment.settings_of(one, dataset)]
    ]
    return _sentences(rows)


def made(runs: Sequence[Run]) -> list[str]:
    """The same of runs that were made; rows that tuning made equal are among them.

    Args:
        runs: of all rows.
    """
    rows: dict[tuple[str, str], Any] = {}
    for run in runs:
        job = run.result.job
        content = (job.model, dict(job.settings), dict(job.corruption))
        rows.setdefault((run.dataset, run.contender), content)
    return _sentences((*key, content) for key, content in rows.items())


def _sentences(rows: Iterable[tuple[str, str, Any]]) -> list[str]:
    """Compared is what the rows hold, not its digest: 0 and 0.0 train the same model."""
    groups: list[tuple[str, Any, list[str]]] = []
    for dataset, label, content in rows:
        same = [labels for data, held, labels in groups if (data, held) == (dataset, content)]
        if same:
            same[0].append(label)
        else:
            groups.append((dataset, content, [label]))
    return [
        f"on {dataset}, {', '.join(labels[:-1])} and {labels[-1]} have the same model and "
        "settings, so they are one run under several names; a setting that was given for all "
        "rows, or chosen by tuning, may have undone what tells them apart"
        for dataset, _, labels in groups
        if len(labels) > 1
    ]
