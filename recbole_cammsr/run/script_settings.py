"""What a script gives to ``Config`` for this package's models; commands look at theirs before.

RecBole accepts any setting, and any value of most. A warning goes to the log where code of the
user's may know better, as a trainer with a setting or a learner of its own does.
"""

from __future__ import annotations

from logging import getLogger
from typing import Any

from recbole_cammsr import registry
from recbole_cammsr.run import known_settings, unread_settings, value_rules

#: a script may have registered a metric of its own; whether it is computed is looked at by `fit`
_NOT_LOOKED_AT = "valid_metric"


def check(config: Any) -> None:
    """Refuse values that cannot work; warn of settings that the model does not read.

    Args:
        config: RecBole's Config of one of this package's models, or of a class that inherits from
            one; it has read its files.

    Raises:
        ValueError: a setting of the user's has a value that RecBole would misread, or fail with
            late.
    """
    # a class of the user's may read what only its author knows
    as_shipped = config.model_class.__name__ == registry.family(config.model_class)
    for name, given in config.external_config_dict.items():
        expected = None if name == _NOT_LOOKED_AT else _expected_instead(name, given)
        if expected is None:
            continue
        sentence = f"`{name}` is {given!r}; it must be {expected}"
        if as_shipped and not _may_be_a_trainers(name, given):
            raise ValueError(sentence)
        getLogger().warning(f"{sentence}, unless code of your own reads it")
    if as_shipped:
        _warn_of_unread(config)


def _expected_instead(name: str, given: Any) -> str | None:
    if name == "learner" and value_rules.is_sparse_learner(given):
        return value_rules.LEARNER  # commands let it pass: they may train models of the user's
    return known_settings.expected_instead(name, given)


def _may_be_a_trainers(name: str, given: Any) -> bool:
    """Whether an optimizer is none that RecBole knows; sparse ones fail with all our models."""
    return name == "learner" and not value_rules.is_sparse_learner(given)


def _warn_of_unread(config: Any) -> None:
    models = [config.model_class.__name__]
    own, given = config.internal_config_dict, config.variable_config_dict
    told = [unread_settings.sentence({k: v for k, v in given.items() if k not in own}, models)]
    if not unread_settings.are_left_to_command():
        elsewhere = {*own, *given}
        in_files = {k: v for k, v in config.file_config_dict.items() if k not in elsewhere}
        told.append(unread_settings.in_files(in_files, models))
    for sentence in filter(None, told):
        getLogger().warning(sentence)
