"""Says whether the rows of a table answer the same question, before any model is trained."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

from recbole_cammsr import registry
from recbole_cammsr.analysis.setting_names import COMPARED_BY
from recbole_cammsr.cli.request import Request

#: what is computed of the ranks: a model that lacks a metric has no figure in its column
_COLUMNS = ("metrics", "topk")
#: all that matters where the data were filtered and split before (`benchmark_filename`)
_OF_PRE_SPLIT = (
    *("benchmark_filename", "USER_ID_FIELD", "ITEM_ID_FIELD", "threshold", "eval_args mode"),
)
#: two spellings of one question, answered together
_SPELLED = ("mask_history", "repeatable")
_MASKED = "own items left out of the ranking"


def of(request: Request, model: str, dataset: str) -> dict[str, Any] | None:
    """What decides who is tested and what is ranked for one model.

    Args:
        request: of the command.
        model: its name.
        dataset: name of the data set.

    Returns:
        By setting; None where RecBole refuses the settings, as training will say.
    """
    job = request.job(model, dataset, resume=None, origin=None)
    held = logging.root.manager.disable
    logging.disable(logging.WARNING)  # the run itself will say it
    try:
        from recbole.config import Config

        config = Config(model, dataset, job.config_files or None, dict(job.config_dict) or None)
    except Exception:
        return None
    finally:
        logging.disable(held)
    return in_effect(config)


def in_effect(config: Any) -> dict[str, Any]:
    """The same of RecBole's Config, spelled in one way for all kinds of models.

    Args:
        config: of a model.
    """
    from recbole.utils import ModelType

    sequential = config["MODEL_TYPE"] == ModelType.SEQUENTIAL
    names = [name for name in COMPARED_BY if name not in (*_COLUMNS, *_SPELLED, "eval_args")]
    found = {name: config[name] for name in names}
    found |= {f"eval_args {part}": value for part, value in config["eval_args"].items()}
    found[_MASKED] = bool(config["mask_history"]) if sequential else not config["repeatable"]
    found["exact_time_order"] = registry.family(config.model_class) is not None or bool(
        config["exact_time_order"]
    )
    if config["benchmark_filename"] is not None:
        return {name: found[name] for name in (*_OF_PRE_SPLIT, _MASKED)}
    if found["eval_args order"] != "TO":
        del found["exact_time_order"]  # times decide nothing
    return found


def difference(evaluated: Mapping[str, Mapping[str, Any] | None], protocol: bool) -> str | None:
    """The sentence on rows that cannot be compared.

    Args:
        evaluated: model to what :func:`of` gives.
        protocol: whether ``--protocol`` was given.

    Returns:
        None where all are evaluated in the same way.
    """
    known = {model: settings for model, settings in evaluated.items() if settings is not None}
    parts = []
    for name in next(iter(known.values()), {}):
        models: dict[str, list[str]] = {}
        for model, settings in known.items():
            if name in settings:
                models.setdefault(str(settings[name]), []).append(model)
        if len(models) > 1:
            each = (f"{value} for {' and '.join(of)}" for value, of in models.items())
            parts.append(f"{name} is {', '.join(each)}")
    if not parts:
        return None
    fix = "give these settings for all models" if protocol else "add --protocol"
    return f"these rows are not comparable: {'; '.join(parts)}; {fix}"
