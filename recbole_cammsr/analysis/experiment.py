"""The YAML file of a benchmark: models, data sets, seeds, settings and grids, read and checked."""

from __future__ import annotations

import glob
import os
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from recbole_cammsr import default_settings
from recbole_cammsr.analysis import corruption, metric_names, setting_values
from recbole_cammsr.analysis import experiment_entries as entries
from recbole_cammsr.analysis.setting_names import (
    check_comparable,
    check_names,
    check_own_defaults,
    check_read,
)
from recbole_cammsr.run import config_files, known_settings
from recbole_cammsr.run.errors import UsageError, missing_data_set
from recbole_cammsr.run.unique_keys import DuplicateKeyError

_TOP = ("name", "datasets", "models", "seeds", "settings", "reference", "tuning", "metrics")
_MODEL = ("model", "settings", "settings_for", "grid", "corruption")
_TUNING = ("trials", "seed", "settings")
_OWN_PLACE = "the file has its own place for it"
_FOR_ALL = "put it under the file's 'settings', or under a data set"


@dataclass(frozen=True)
class Contender:
    """A row of the benchmark's table.

    Attributes:
        label: what the table calls it.
        model: name of a RecBole model.
        settings: on every data set.
        settings_for: data set to settings that hold there only.
        grid: setting to the values that tuning tries; empty for no tuning.
        corruption: as in :class:`recbole_cammsr.analysis.job.TrainingJob`.
    """

    label: str
    model: str
    settings: Mapping[str, Any] = field(default_factory=dict)
    settings_for: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    grid: Mapping[str, Sequence[Any]] = field(default_factory=dict)
    corruption: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Experiment:
    """Everything that a benchmark's results depend on.

    Attributes:
        name: title of the report.
        datasets: data set to settings that hold there for every model.
        contenders: rows of the table, in order.
        seeds: each contender runs once with each.
        settings: of every job.
        reference: label of the contender that the others are compared with.
        trials: tuning budget, combinations per contender and data set.
        tuning_seeds: of the tuning runs, of which a combination's mean counts; the first one also
            draws the combinations.
        tuning_settings: for tuning runs only, e.g. fewer epochs.
        metrics: columns of the table, empty for all; the first one of single users, such as NDCG,
            is tested and drawn.
    """

    name: str
    datasets: Mapping[str, Mapping[str, Any]]
    contenders: Sequence[Contender]
    seeds: Sequence[int]
    settings: Mapping[str, Any] = field(default_factory=dict)
    reference: str = ""
    trials: int = 1
    tuning_seeds: Sequence[int] = (0,)
    tuning_settings: Mapping[str, Any] = field(default_factory=dict)
    metrics: Sequence[str] = ()

    def settings_of(self, contender: Contender, dataset: str) -> dict[str, Any]:
        """Settings of a contender on a data set, before tuning; the more special ones win."""
        return {
            **self.settings,
            **self.datasets[dataset],
            **contender.settings,
            **contender.settings_for.get(dataset, {}),
        }

    def with_settings(self, settings: Mapping[str, Any]) -> Experiment:
        """The same with settings that win over everything in the file, e.g. of a command line."""
        if not settings:
            return self
        return replace(
            self,
            settings={**self.settings, **settings},
            tuning_settings={k: v for k, v in self.tuning_settings.items() if k not in settings},
            datasets={name: {**own, **settings} for name, own in self.datasets.items()},
            contenders=[
                replace(
                    one,
                    settings={**one.settings, **settings},
                    settings_for={k: {**v, **settings} for k, v in one.settings_for.items()},
                    grid={name: v for name, v in one.grid.items() if name not in settings},
                )
                for one in self.contenders
            ],
        )


def find(name: str) -> str:
    """Path of an experiment file: as given, or one that this package ships.

    Args:
        name: a path, or the name of a shipped experiment with or without ``.yaml``.

    Raises:
        UsageError: neither exists; lists the shipped ones.
    """
    folder = os.path.join(default_settings.PROPERTIES, "experiments")
    for path in (name, os.path.join(folder, name), os.path.join(folder, f"{name}.yaml")):
        if os.path.isfile(path):
            return path
    shipped = sorted(os.path.basename(path)[:-5] for path in glob.glob(f"{folder}/*.yaml"))
    raise UsageError(
        f"experiment file {name!r} does not exist; this package ships {', '.join(shipped)}"
    )


def read(path: str) -> Experiment:
    """Read and check an experiment file.

    Raises:
        UsageError: one sentence that names the file, the entry and the fix.
    """
    try:
        content = config_files.read(path)
    except DuplicateKeyError as error:
        if error.within != ("models",):
            raise
        twice = _row_twice(error.key, error.lines)
        raise UsageError(f"experiment file {path}: {twice}") from error
    try:
        return parse(content)
    except UsageError as error:
        raise UsageError(f"experiment file {path}: {error}") from error


def parse(content: Mapping[str, Any]) -> Experiment:
    """Check the content of an experiment file.

    Raises:
        UsageError: one sentence that names the entry and the fix.
    """
    entries.check_keys(content, _TOP, "the file")
    for needed in ("datasets", "models", "seeds"):
        if content.get(needed) in (None, [], {}, ""):
            raise UsageError(f"it has no {needed!r}")
    known_settings.note_models(_named_models(content["models"]))
    datasets = content["datasets"]
    if isinstance(datasets, list):
        datasets = dict.fromkeys(entries.names(datasets, "datasets"))
    datasets = {
        name: _settings(own, f"data set {name!r}")
        for name, own in entries.by_name(datasets, "'datasets'").items()
    }
    models = content["models"]
    if isinstance(models, list):
        for position, name in enumerate(entries.names(models, "models")):
            if name in models[:position]:
                raise UsageError(_row_twice(name, "write a mapping"))
        models = dict.fromkeys(models)
    contenders = [
        _contender(label, own, datasets)
        for label, own in entries.by_name(models, "'models'").items()
    ]
    reference = str(content.get("reference") or contenders[0].label)
    if reference not in {one.label for one in contenders}:
        raise UsageError(f"the reference {reference!r} is none of the models {list(models)}")
    tuning = entries.mapping(content.get("tuning"), "'tuning'")
    entries.check_keys(tuning, _TUNING, "'tuning'")
    trials = tuning.get("trials", 1 if not any(one.grid for one in contenders) else None)
    if not isinstance(trials, int) or isinstance(trials, bool) or trials < 1:
        raise UsageError(
            "'tuning' needs 'trials': the number of combinations that each model with a grid may "
            f"try, at least 1, not {trials!r}"
        )
    return Experiment(
        name=entries.title(content.get("name")),
        datasets=datasets,
        contenders=contenders,
        seeds=entries.seeds(content["seeds"]),
        settings=_settings(content.get("settings"), "'settings'"),
        reference=reference,
        trials=trials,
        tuning_seeds=entries.seeds(tuning.get("seed", 0)),
        tuning_settings=_settings(tuning.get("settings"), "'settings' of 'tuning'"),
        metrics=metric_names.read(content.get("metrics")),
    )


def check_before_runs(experiment: Experiment, columns: str) -> None:
    """Refuse what each of many runs would find out by itself.

    Args:
        experiment: with its final settings.
        columns: where its metrics are named, for the sentence.

    Raises:
        UsageError: a data set that cannot be opened, a value that cannot work, a column that no
            run computes.
    """
    check_data_folders(experiment)
    setting_values.check(experiment)
    metric_names.check(experiment, columns)


def check_data_folders(experiment: Experiment) -> None:
    """Refuse a data set that no run could open, before each of many runs finds that out.

    Args:
        experiment: whose data sets, with the settings of each contender, are looked for.

    Raises:
        UsageError: a folder does not exist, and RecBole neither ships nor downloads its data.
    """
    for dataset in experiment.datasets:
        for one in experiment.contenders:
            check_data_folder(dataset, experiment.settings_of(one, dataset).get("data_path"))


def check_data_folder(dataset: str, data_path: str | None) -> None:
    """Refuse a data set that no run could open.

    Args:
        dataset: its name.
        data_path: the setting; None for its default.

    Raises:
        UsageError: the folder does not exist, and RecBole neither ships nor downloads its data.
    """
    folder = known_settings.data_folder(dataset, data_path)
    if dataset not in known_settings.downloads() and not os.path.isdir(folder):
        raise UsageError(missing_data_set(dataset, folder))


def _row_twice(label: str, place: str) -> str:
    """The sentence on two rows of one name, of which a mapping keeps the second alone."""
    model = f" and `model: {label}`" if label in known_settings.models() else ""
    return (
        f"{label!r} stands twice in 'models' ({place}); give the second row its own name{model}, "
        "or take it out"
    )


def _named_models(models: Any) -> list[str]:
    """The names of models in a file that is not checked yet."""
    if not isinstance(models, dict):
        return [str(each) for each in models] if isinstance(models, list) else []
    entry = ((label, own if isinstance(own, dict) else {}) for label, own in models.items())
    return [str(own.get("model", label)) for label, own in entry]


def _contender(label: str, own: Any, datasets: Collection[str]) -> Contender:
    where = f"model {label!r}"
    entry = entries.mapping(own, where)
    entries.check_keys(entry, _MODEL, where)
    model = str(entry.get("model", label))
    known_settings.check_model(model)
    check_own_defaults(model, _FOR_ALL)
    grid = entries.grid(entry.get("grid"), f"'grid' of {where}")
    check_names(grid, f"'grid' of {where}", _OWN_PLACE)
    settings_for = {
        name: _settings(chosen, f"'settings_for' of {where}")
        for name, chosen in entries.by_name(
            entry.get("settings_for"), f"'settings_for' of {where}"
        ).items()
    }
    settings = _settings(entry.get("settings"), f"'settings' of {where}")
    for names in (settings, grid, *settings_for.values()):
        check_read(names, model, where)
        check_comparable(names, where, _FOR_ALL)
    strangers = [name for name in settings_for if name not in datasets]
    if strangers:
        raise UsageError(
            f"'settings_for' of {where} names {strangers[0]!r}, which is no data set of this file"
        )
    damage = entries.mapping(entry.get("corruption"), f"'corruption' of {where}")
    try:
        corruption.check(damage)
    except ValueError as error:
        raise UsageError(f"'corruption' of {where}: {error}") from error
    return Contender(label, model, settings, settings_for, grid, damage)


def _settings(value: Any, where: str) -> dict[str, Any]:
    settings = entries.settings(value, where)
    check_names(settings, where, _OWN_PLACE)
    return settings
