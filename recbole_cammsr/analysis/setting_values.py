"""Refuses values that every run of an experiment would refuse by itself, before the first one."""

from __future__ import annotations

from collections.abc import Mapping
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
            settings = _as_read(experiment.settings_of(one, dataset))
            tuning = _as_read(experiment.tuning_settings) if one.grid else {}
            try:
                for values in (settings, tuning, *_of_grid(one)):
                    _check_each(one.model, values)
                _check_together(one, settings)
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


def _of_grid(contender: Contender) -> list[dict[str, Any]]:
    return [_as_read({name: value}) for name, values in contender.grid.items() for value in values]


def _check_each(model: str, values: Mapping[str, Any]) -> None:
    for name, value in values.items():
        expected = known_settings.expected_instead(name, value)
        if expected is not None:
            raise ValueError(f"`{name}` is {value!r}; it must be {expected}.")
    if model in registry.MODELS:
        from recbole_cammsr.model.settings import check_values

        check_values(values)


def _check_together(contender: Contender, settings: Mapping[str, Any]) -> None:
    """The rules between settings, where tuning chooses none of them."""
    path = registry.properties_file("model", contender.model)
    if contender.model not in registry.MODELS or path is None or contender.grid:
        return
    from recbole_cammsr.model.settings import check_settings

    check_settings({**config_files.read(path), **settings, "model": contender.model})
