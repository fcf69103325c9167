"""Refuses values that every run of an experiment would refuse by itself, before the first one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from recbole_cammsr import default_settings, model_path, registry
from recbole_cammsr.analysis.tuning import trials
from recbole_cammsr.run import config_files, known_settings, setting_text
from recbole_cammsr.run.errors import UsageError

if TYPE_CHECKING:
    from recbole_cammsr.analysis.experiment import Contender, Experiment


def check(experiment: Experiment) -> None:
    """Refuse values that cannot work, wherever they stand: settings, grids, tuning settings.

    Looked at are the numbers that RecBole has a default for, whether tuning validates, and all
    settings of the models of this package, in every combination that tuning draws. What depends
    on the data, and settings of RecBole's own models, is left to the runs.

    Args:
        experiment: with its final settings.

    Raises:
        UsageError: names the model, the data set, the setting, its value and what it may be.
    """
    for one in experiment.contenders:
        defaults = _own_defaults(one)
        for dataset in experiment.datasets:
            given: list[Mapping[str, Any]] = [experiment.settings_of(one, dataset)]
            if one.grid:
                given.append(experiment.tuning_settings)
                given += [{name: each} for name, values in one.grid.items() for each in values]
            read = [_as_read(settings) for settings in given]
            try:
                _check_numbers(read)
                if defaults is not None:
                    _check_own_values(read)
                for tried, final in _combinations(experiment, one, dataset):
                    if one.grid:
                        _check_validated(tried)
                    if defaults is not None:
                        _check_own_together([{**defaults, **each} for each in (tried, final)])
            except ValueError as error:
                raise UsageError(f"{one.label} on {dataset}: {error}") from error


def _as_read(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Text as RecBole reads it (YAML takes ``1e-3`` for text), without what it computes."""
    values = {}
    for name, given in settings.items():
        if not isinstance(given, str):
            values[name] = given
        elif not setting_text.is_arithmetic(given):
            values[name] = setting_text.value(given)
    return values


def _combinations(
    experiment: Experiment, one: Contender, dataset: str
) -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
    """The settings of every combination that tuning will draw: when tried, and when chosen."""
    base = experiment.settings_of(one, dataset)
    of_tuning = experiment.tuning_settings if one.grid else {}
    for combination in trials(one.grid, experiment.trials, experiment.tuning_seeds[0]):
        yield _as_read({**base, **of_tuning, **combination}), _as_read({**base, **combination})


def _check_validated(settings: Mapping[str, Any]) -> None:
    """Refuse to choose from a grid where nothing is validated."""
    given = {**known_settings.defaults(), **settings}
    epochs, step = given["epochs"], given["eval_step"]
    if isinstance(step, (int, float)) and not 0 < step <= epochs:
        raise ValueError(
            f"a grid is chosen from by validation, and with `epochs` {epochs} and `eval_step` "
            f"{step} there is none; take the grid out, or let `eval_step` be 1 or more, and no "
            "more than `epochs`"
        )
    arguments_given = settings.get("eval_args")
    split = arguments_given.get("split") if isinstance(arguments_given, Mapping) else None
    if not isinstance(split, Mapping):
        return
    shares = split.get("RS")
    none_left = isinstance(shares, (list, tuple)) and len(shares) == 3 and not shares[1]
    if split.get("LS") == "test_only" or none_left:
        raise ValueError(
            f"a grid is chosen from by validation, and the split {dict(split)} has none; take the "
            "grid out, or split with LS: valid_and_test"
        )


def _check_numbers(given: Sequence[Mapping[str, Any]]) -> None:
    for name, value in (pair for settings in given for pair in settings.items()):
        expected = known_settings.expected_instead(name, value)
        if expected is not None:
            raise ValueError(f"`{name}` is {value!r}; it must be {expected}.")


def _check_own_values(given: Sequence[Mapping[str, Any]]) -> None:
    """The rules of this package's models on single values, also of those that are not drawn."""
    from recbole_cammsr.model.settings import check_values

    for settings in given:
        check_values(settings)


def _check_own_together(given: Sequence[Mapping[str, Any]]) -> None:
    """The rules of this package's models on all settings of a run."""
    from recbole_cammsr.model.settings import check_settings

    for settings in given:
        check_settings(settings)


def _own_defaults(contender: Contender) -> dict[str, Any] | None:
    """The defaults of a model of this package, and its name; None for others."""
    ours = registry.family_of_name(contender.model)
    path = None if ours is None else default_settings.properties_file("model", ours)
    if path is None:
        return None
    beside = model_path.files(contender.model)[1:] if contender.model != ours else []
    return {**config_files.read_all([path, *beside]), "model": contender.model}
