"""Refuses settings of an experiment that would change nothing, before the first of its runs."""

from __future__ import annotations

from collections.abc import Iterable

from recbole_cammsr.cli import known_settings
from recbole_cammsr.cli.errors import UsageError

#: what every job has besides its settings
_OWN_PLACE = ("seed", "model", "dataset")


def check_names(names: Iterable[str], where: str, own_place: str) -> None:
    """Refuse names that no model reads, and what is no setting of a run but the run itself.

    Args:
        names: of settings.
        where: they stand; opens the sentence.
        own_place: where seed, model and data set are given instead; ends the sentence.

    Raises:
        UsageError: names the first one, and the nearest setting.
    """
    for name in names:
        if name in _OWN_PLACE:
            raise UsageError(f"{where} must not set {name!r}; {own_place}")
        if name not in known_settings.settings():
            near = known_settings.nearest_setting(str(name), ())
            hint = f"; did you mean {near!r}?" if near else ""
            raise UsageError(f"{where}: no model reads the setting {name!r}{hint}")


def check_read(names: Iterable[str], model: str, where: str) -> None:
    """Refuse settings that a model does not read.

    Args:
        names: of settings.
        model: of RecBole or of this package.
        where: they stand; opens the sentence.

    Raises:
        UsageError: names the first one, and the models that read it.
    """
    for name in names:
        if known_settings.reads(model, name):
            continue
        others = known_settings.only_read_by(name, model)
        whose = f", which is one of {' and '.join(others)}" if others else ""
        raise UsageError(f"{where}: {model} does not read the setting {name!r}{whose}")
