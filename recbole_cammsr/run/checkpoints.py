"""Reads what a checkpoint says about its run, and opens one."""

from __future__ import annotations

import copy
import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from recbole_cammsr import registry
from recbole_cammsr.compat.torch26 import data_and_model, load_checkpoint
from recbole_cammsr.run import known_settings, protocol, same_data
from recbole_cammsr.run.errors import RunError, UsageError
from recbole_cammsr.run.setting_text import compared, shown

#: settings of the process rather than of the run, or given anew with every command
_NOT_CARRIED_OVER = frozenset(
    {"model", "dataset", "model_list", "config_files"}
    | {"nproc", "world_size", "ip", "port", "offset", "group_offset", "local_rank"}
)

#: settings that say which of the data shape a model's parameters
_SHAPED_BY_DATA = ("modalities", "category_field", "complete_missing")

#: settings that change what the same parameters say
_SCORED_BY = (
    *("scoring", "n_heads", "hidden_act", "layer_norm_eps", "norm_first", "gate_scale"),
    *("time_unit", "interval_scale", "feature_scaling", "original_defects"),
    *("interest_share", "neighbour_share", "n_layers", "MAX_ITEM_LIST_LENGTH"),
)


@dataclass(frozen=True)
class Origin:
    """What a checkpoint was trained with: model, data set and the user's settings."""

    model: str
    dataset: str
    settings: dict[str, Any]


def check_exists(path: str) -> None:
    """Refuse a checkpoint path that is no file.

    Raises:
        UsageError: nothing there, or a folder.
    """
    if not os.path.isfile(path):
        raise UsageError(f"checkpoint {path!r} does not exist")


def origin_of(path: str) -> Origin:
    """What a checkpoint was trained with.

    Args:
        path: a file that RecBole's trainer saved.

    Raises:
        RunError: the file is damaged or was written by something else.
    """
    config = load(path)["config"]
    settings = {
        key: value
        for key, value in config.external_config_dict.items()
        if key not in _NOT_CARRIED_OVER
    }
    return Origin(model=config["model"], dataset=config["dataset"], settings=settings)


def load(path: str) -> Any:
    """What RecBole's trainer saved in a file, the Config of the run among it.

    Args:
        path: the file.

    Raises:
        RunError: it is damaged or was written by something else.
    """
    import pickle

    import recbole.config  # noqa: F401  classes in the file must import under our shims

    try:
        content = load_checkpoint(path, map_location="cpu")
    except (pickle.UnpicklingError, EOFError, RuntimeError, KeyError, ValueError) as error:
        raise RunError(f"{path} is damaged, or no checkpoint of RecBole's trainer") from error
    needed = ("config", "state_dict", "epoch")
    if not isinstance(content, dict) or not all(key in content for key in needed):
        raise RunError(f"{path} is no checkpoint of RecBole's trainer")
    return content


def check_same(origin: Origin, path: str, model: str | None, dataset: str | None) -> None:
    """Refuse a model or data set other than the checkpoint's.

    Raises:
        UsageError: they differ.
    """
    for name, given, saved in (
        ("model", model, origin.model),
        ("dataset", dataset, origin.dataset),
    ):
        if given is not None and given != saved:
            raise UsageError(f"{path} was trained with --{name}={saved}, not {given}")


def check_goes_on(config: Any, path: str) -> None:
    """Refuse to go on with a checkpoint whose best score or embeddings would mean something else.

    Args:
        config: RecBole's Config of the run that goes on, of which the data set has been made.
        path: its checkpoint.

    Raises:
        RunError: validation has another metric, split or ranking than the checkpoint's, the
            learner or what scores depend on is another, or users and items have other numbers.
    """
    saved = load(path)["config"]
    _check_validated_alike(saved, config, path)
    _check_trained_alike(saved, config, path)
    same_data.check(saved, config, path)


def _check_validated_alike(saved: Any, config: Any, path: str) -> None:
    before, now = _validation(saved), _validation(config)
    for name, value in before.items():
        if value != now[name]:
            also = " (--evaluate takes --mask_history)" if name == "mask_history" else ""
            raise RunError(
                f"{path} was validated with {name}: {value}, not {now[name]}; its best score "
                f"cannot be compared with new ones: keep the setting, or train anew{also}"
            )


def _check_trained_alike(saved: Any, config: Any, path: str) -> None:
    for name in _SCORED_BY:
        if name in saved and saved[name] != config[name]:
            raise RunError(
                f"{path} was trained with {name}: {shown(saved[name])}, not "
                f"{shown(config[name])}, and would give other scores with it: keep the setting, "
                "or train anew"
            )
    learners = [str(of["learner"]).lower() for of in (saved, config)]
    if learners[0] != learners[1]:
        raise RunError(
            f"{path} was trained with learner: {learners[0]}, not {learners[1]}, which cannot go "
            "on from its state: keep the setting, or train anew"
        )


def open_checkpoint(
    path: str, changed: Mapping[str, Any] | None = None, loaded: Any = None
) -> tuple[Any, ...]:
    """Model and data of a checkpoint, of a file that has been checked.

    Args:
        path: a file that RecBole's trainer saved.
        changed: settings of the evaluation that are others than the checkpoint's.
        loaded: what :func:`load` has read of it; None reads it.

    Returns:
        Configuration, model, data set, and training, validation and test data.

    Raises:
        RunError: the file is damaged or was written by something else, or the data have changed.
    """
    from recbole.utils import ModelType

    checkpoint = load(path) if loaded is None else loaded
    saved = checkpoint["config"]
    # an unpickled Config has not given numpy the aliases that RecBole's metrics use
    saved.compatibility_settings()
    config = copy.deepcopy(saved)
    for name, value in (changed or {}).items():
        config[name] = value
        if name == "data_path":
            config[name] = known_settings.data_folder(config["dataset"], value)
        if name == "gpu_id":
            _choose_device(config)
        if name == "mask_history" and config["MODEL_TYPE"] != ModelType.SEQUENTIAL:
            # RecBole's own switch: what a user has is taken out where it cannot be had again
            config["repeatable"] = not value
    try:
        opened = data_and_model({**checkpoint, "config": config})
    except (RuntimeError, ValueError):
        same_data.check(saved, config, path)  # parameters of other items do not fit
        raise
    same_data.check(saved, config, path)
    return opened


def _choose_device(config: Any) -> None:
    """As RecBole's Config does, which does so when it is made."""
    import torch

    given = config["gpu_id"]
    chosen = ",".join(map(str, given)) if isinstance(given, (list, tuple)) else str(given)
    config["gpu_id"] = os.environ["CUDA_VISIBLE_DEVICES"] = chosen
    config["device"] = torch.device("cuda" if chosen and torch.cuda.is_available() else "cpu")


def _validation(config: Any) -> dict[str, Any]:
    """What a validation score depends on, by setting, spelled in one way."""
    arguments = config["eval_args"]
    mode = arguments["mode"]
    return {
        "valid_metric": str(config["valid_metric"]).lower(),
        "mask_history": bool(config["mask_history"]),  # not set is the same as False
        "repeatable": config["repeatable"],
        **{f"eval_args {part}": arguments[part] for part in ("split", "order", "group_by")},
        "eval_args mode of validation": mode["valid"] if isinstance(mode, dict) else mode,
    }


def does_not_fit(config: Any, path: str, error: Exception) -> Exception:
    """What to say of parameters that cannot be loaded into the model of a run.

    Args:
        config: RecBole's Config of the run that would go on.
        path: its checkpoint.
        error: of the loading.

    Returns:
        The model, or the settings of model and data, that differ, in a sentence; the error itself
        where it is of something else, or is our model's own sentence on items or features.
    """
    if isinstance(error, RuntimeError) and "state_dict" not in str(error):
        return error
    before = load(path)["config"]
    models = before["model"], config["model"]
    if models[0] != models[1] and isinstance(error, RuntimeError):
        return RunError(f"{path} is a checkpoint of {models[0]}, which does not fit {models[1]}")
    differing = [name for name in _shaping(config["model"]) if before[name] != config[name]]
    # our model compares parameters with the data: of other settings it would call the files wrong
    if isinstance(error, ValueError) and not set(_SHAPED_BY_DATA) & set(differing):
        return error
    if not differing:
        return RunError(
            f"the parameters in {path} do not fit, though its settings are the same: the data or "
            "the package have changed since; train anew"
        )
    return RunError(
        f"{path} was trained with {compared(before, config, differing)}, and its parameters do "
        "not fit those of this run: keep what it was trained with, or train anew"
    )


def _shaping(model: str) -> list[str]:
    """Settings that a model's parameters may depend on: its own and those of the data."""
    from recbole.utils.argument_list import (
        dataset_arguments,
        evaluation_arguments,
        training_arguments,
    )

    settings = protocol.model_settings(model)
    names = dict.fromkeys([*settings, "data_path", *dataset_arguments, *registry.DATASET_ARGUMENTS])
    neither = {*training_arguments, *evaluation_arguments}
    return [name for name in names if name not in neither and "dropout" not in name]
