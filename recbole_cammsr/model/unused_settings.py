"""Tells of settings that do nothing beside others: a sweep over one of them gives equal rows.

Settings that a model never reads are told of elsewhere (run/script_settings.py). Those here are
read in some configurations of their model and not in others.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any, NamedTuple

from recbole_cammsr import registry
from recbole_cammsr.data.settings import modality_names


class _Condition(NamedTuple):
    """When some settings of some models are read.

    Attributes:
        models: names of classes.
        settings: names; one may stand in several conditions, which must all hold.
        holds: whether a configuration meets it.
        words: what to set for that; ends a sentence.
    """

    models: tuple[str, ...]
    settings: tuple[str, ...]
    holds: Callable[[Any], bool]
    words: str


def _contents(config: Any) -> int:
    return len(modality_names(config["modalities"]))


def _mixes(config: Any) -> bool:
    return _contents(config) + bool(config["use_id"]) > 1


_OF_EXPERTS = ("expert_size", "experts_per_view", "expert_dropout", "expert_scale")
_OF_SWAPS = ("swap_ratio", "swap_temperature")
_OF_PLACEHOLDERS = ("placeholder_temperature", "placeholder_share")
_SEVERAL = "more than one modality (`modalities`, `use_id`)"

_CONDITIONS = (
    _Condition(
        ("CAMMSR", "SASRecMM"),
        ("position_slope",),
        lambda config: config["position_encoding"] == "relative",
        "`position_encoding: relative`",
    ),
    _Condition(
        ("CAMMSR",),
        ("score_temperature",),
        lambda config: config["scoring"] == "cosine",
        "`scoring: cosine`",
    ),
    _Condition(
        ("CAMMSR",),
        ("temporal_experts", "interval_scale", "time_unit"),
        lambda config: config["time_encoding"] == "experts",
        "`time_encoding: experts`",
    ),
    _Condition(
        ("CAMMSR",),
        ("interval_buckets",),
        lambda config: config["time_encoding"] == "interval",
        "`time_encoding: interval`",
    ),
    _Condition(
        ("CAMMSR",),
        (*_OF_EXPERTS, "mixture_dropout", "gate_scale"),
        lambda config: config["fusion"] == "camoe",
        "`fusion: camoe`",
    ),
    _Condition(
        ("CAMMSR",),
        ("gate_scale", "complete_missing"),
        lambda config: bool(config["category_weight"]),
        "a `category_weight` above 0",
    ),
    _Condition(("CAMMSR",), ("gate_scale",), _mixes, _SEVERAL),
    _Condition(
        ("CAMMSR",),
        ("complete_missing",),
        lambda config: _contents(config) > 0,
        "content (`modalities`)",
    ),
    _Condition(
        ("CAMMSR",),
        _OF_SWAPS,
        lambda config: bool(config["swap_weight"]),
        "a `swap_weight` above 0",
    ),
    _Condition(("CAMMSR",), _OF_SWAPS, _mixes, _SEVERAL),
    _Condition(
        ("CAMMSR", "HM4SR", "SASRecMM", "UniSRec"),
        ("packing_overlap",),
        lambda config: bool(config["train_packing"]),
        "`train_packing: True`",
    ),
    _Condition(
        ("CAMMSR", "HM4SR", "SASRecMM", "UniSRec"),
        ("packing_overlap",),
        lambda config: config["benchmark_filename"] is None,
        "data that are not split before (`benchmark_filename`)",
    ),
    _Condition(
        ("HM4SR",),
        ("time_unit",),
        lambda config: not config["original_defects"],
        "`original_defects: False`",
    ),
    _Condition(
        ("HM4SR",),
        ("id_contrast_temperature",),
        lambda config: bool(config["id_contrast_weight"]),
        "an `id_contrast_weight` above 0",
    ),
    _Condition(
        ("HM4SR",),
        _OF_PLACEHOLDERS,
        lambda config: bool(config["placeholder_weight"]),
        "a `placeholder_weight` above 0",
    ),
    _Condition(
        ("HM4SR",),
        (*_OF_PLACEHOLDERS, "content_expert_scale"),
        lambda config: _contents(config) > 0,
        "content (`modalities`)",
    ),
    _Condition(
        ("MISSRec",),
        ("candidate_fusion",),
        lambda config: _contents(config) > 1,
        "more than one content modality (`modalities`)",
    ),
)


def tell_of_unused_settings(config: Any, model_class: type) -> None:
    """Warn of settings that a command or a script gave and that are not read beside the others.

    Args:
        config: RecBole's Config.
        model_class: of the model; one of the user's may read what only its author knows.
    """
    model = model_class.__name__
    if registry.family(model_class) != model:
        return
    unmet: dict[str, str] = {}
    for condition in _CONDITIONS:
        if model in condition.models and not condition.holds(config):
            for name in condition.settings:
                unmet.setdefault(name, condition.words)
    for name, words in unmet.items():
        if _asked_for(config, name):
            logging.getLogger().warning(
                f"`{name}: {config[name]}` is not used: {model} reads it with {words} only."
            )


def tell_of_unused_weight(config: Any, name: str, reason: str) -> None:
    """Log that the weight of a task does nothing: a warning only where somebody asked for it.

    Args:
        config: RecBole's Config.
        name: of a setting that is above 0.
        reason: why there is no such task; ends the sentence.
    """
    asked_for = getattr(config, "external_config_dict", {}).get(name)
    logging.getLogger().log(
        logging.WARNING if asked_for else logging.INFO,
        f"`{name}: {config[name]}` is not used: {reason}",
    )


def _asked_for(config: Any, name: str) -> bool:
    """Whether a command or a script gave a value; one that switches something off asks for nothing.

    A file of settings serves several models and switches, as a preset does for the plain sum in it.
    """
    sources = (getattr(config, of, {}) for of in ("variable_config_dict", "cmd_config_dict"))
    return any(source.get(name) for source in sources)
