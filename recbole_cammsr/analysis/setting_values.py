"""Refuses values that every run of an experiment would refuse by itself, before the first one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from recbole_cammsr import registry
from recbole_cammsr.cli import arguments, config_files, known_settings
from recbole_cammsr.cli.errors import UsageError

if TYPE_CHECKING:
    from recbole_cammsr.analysis.experiment import Contender, Experiment


def check(experiment: Experiment) -> None:
    """Refuse values that cannot work, wherever they stand: settings, grids, tuning settings.

    Looked at are the numbers that RecBole has a default for, and all settings of the models of
    this package. What depends on the data, and settings of RecBole's own models, is left to the
    runs.

    Args:
        experiment: with its final settings.

    Raises:
        UsageError: names the model, the data set, the setting, its value and what it may be.
    """
    for dataset in experiment.datasets:
        for one in experiment.contenders:
            given: list[Mapping[str, Any]] = [experiment.settings_of(one, dataset)]
            if one.grid:
                given.append(experiment.tuning_settings)
                given += [{name: each} for name, values in one.grid.items() for each in values]
            read = [_as_read(settings) for settings in given]
            try:
                _check_numbers(read)
                _check_own(one, read)
            except ValueError as error:
                raise UsageError(f"{one.label} on {dataset}: {error}") from error


def _as_read(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Text as RecBole reads it (YAML takes ``1e-3`` for text), without what it computes."""
    values = {}
    for name, given in settings.items():
        if not isinstance(given, str):
            values[name] = given
        elif not arguments.is_arithmetic(given):
            values[name] = arguments.value(given)
    return values


def _check_numbers(given: Sequence[Mapping[str, Any]]) -> None:
    for name, value in (pair for settings in given for pair in settings.items()):
        expected = known_settings.expected_instead(name, value)
        if expected is not None:
            raise ValueError(f"`{name}` is {value!r}; it must be {expected}.")


def _check_own(contender: Contender, given: Sequence[Mapping[str, Any]]) -> None:
    """The rules of this package's models; those between settings where tuning chooses none."""
    path = registry.properties_file("model", contender.model)
    if path is None:
        return
    from recbole_cammsr.model.settings import check_settings, check_values

    if not contender.grid:
        check_settings({**config_files.read(path), **given[0], "model": contender.model})
        return
    for settings in given:
        check_values(settings)
