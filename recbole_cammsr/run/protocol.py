"""The evaluation protocol of this package, for other models: ``--protocol``.

CAMMSR is evaluated with RecBole's settings for sequential models, then its own model file, then
this package's file for the data set. A baseline ranks the same candidates for the same rows when
it gets the part of these that concerns data and evaluation. Nothing else is carried over: epochs,
batch sizes and the like stay the baseline's own.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from recbole_cammsr import default_settings, model_path, registry
from recbole_cammsr.compat.requirement import recbole_folder
from recbole_cammsr.run import config_files, pre_split_files, setting_text

#: settings about data that RecBole's own list of them leaves out
_MORE_DATA_SETTINGS = frozenset({"data_path"})
#: the model whose protocol the others follow
_REFERENCE_MODEL = "CAMMSR"


def settings_for(model: str, dataset: str, chosen: Mapping[str, Any]) -> dict[str, Any]:
    """The settings that make a model follow the protocol of a data set.

    Args:
        model: name of the model.
        dataset: name of the data set.
        chosen: what the user's config files and command line set; wins over the protocol.

    Returns:
        Settings for RecBole's ``config_dict``, without those that the user chose.
    """
    if registry.family_of_name(model) is not None:
        return {}  # RecBole's Config already reads these files for our own models
    settings = {**_data_and_evaluation(dataset), "exact_time_order": True}
    own = model_settings(model)
    if _ranks_all_items(model, {**own, **chosen}):
        settings["train_neg_sample_args"] = None
    of_any = recboles_settings("dataset", "sample")
    if "load_col" not in settings:
        settings["load_col"] = _columns({**of_any, **own, **settings, **chosen})
    if _learns_from_ids(model):
        everything = {**own, **of_any, **settings, **chosen}
        settings.update(pre_split_files.reading_histories(dataset, everything))
    if chosen.get("mask_history") is True and not is_sequential(model):
        settings["repeatable"] = False  # then RecBole takes histories out of general models' too
    return {key: value for key, value in settings.items() if key not in chosen}


def followed(model: str, dataset: str, chosen: Mapping[str, Any]) -> dict[str, Any]:
    """The protocol of a data set with a user's settings in it.

    Args:
        model: name of the model.
        dataset: name of the data set.
        chosen: what the user sets; wins. The rest of a part of ``eval_args`` is the protocol's.
    """
    settings = {**settings_for(model, dataset, chosen), **chosen}
    given = evaluation_given(settings)
    if given is not None:
        settings["eval_args"] = {**evaluation(dataset), **given}
    return settings


def evaluation_given(settings: Mapping[str, Any]) -> dict[str, Any] | None:
    """``eval_args`` among settings, be they written as text; None where they are no mapping.

    Args:
        settings: of a user.
    """
    given = settings.get("eval_args")
    value = setting_text.value(given) if isinstance(given, str) else given
    return value if isinstance(value, dict) else None


def evaluation(dataset: str) -> dict[str, Any]:
    """``eval_args`` of the protocol: split, order, grouping and candidates.

    Args:
        dataset: name of the data set.
    """
    return dict(_data_and_evaluation(dataset)["eval_args"])


def recboles_settings(kind: str, name: str) -> dict[str, Any]:
    """What one of RecBole's own settings files says; nothing where it is absent or empty.

    Args:
        kind: folder below RecBole's ``properties``.
        name: of the file, without ``.yaml``.
    """
    path = os.path.join(recbole_folder(), "properties", kind, f"{name}.yaml")
    return config_files.read(path) if os.path.isfile(path) and os.path.getsize(path) else {}


def model_settings(model: str) -> dict[str, Any]:
    """What the files of a model's defaults say: RecBole's, this package's or the user's.

    Args:
        model: its name.
    """
    own = recboles_settings("model", model)
    if registry.is_ours(model) or model_path.is_path(model):
        from recbole.utils import get_model

        own.update(config_files.read_all(default_settings.default_files(model, get_model(model))))
    return own


def _data_and_evaluation(dataset: str) -> dict[str, Any]:
    from recbole.utils.argument_list import dataset_arguments, evaluation_arguments

    files = [
        default_settings.properties_file("model", _REFERENCE_MODEL),
        default_settings.properties_file("dataset", dataset),
    ]
    wanted = {*dataset_arguments, *evaluation_arguments, *_MORE_DATA_SETTINGS}
    wanted -= set(registry.DATASET_ARGUMENTS)
    everything = {
        **recboles_settings("quick_start_config", "sequential"),
        **config_files.read_all([path for path in files if path is not None]),
    }
    return {key: value for key, value in everything.items() if key in wanted}


def _columns(settings: Mapping[str, Any]) -> dict[str, list[str]]:
    """Columns of a data set without a file: RecBole's default lacks the time, hence the order."""
    user, item, time = (settings[f"{name}_FIELD"] for name in ("USER_ID", "ITEM_ID", "TIME"))
    columns = {"inter": [user, item, time]}
    features = settings.get("selected_features")
    if features:
        columns["item"] = [item, *features]
    return columns


def is_sequential(model: str) -> bool:
    """Whether a model ranks by the order of histories; imports RecBole.

    Args:
        model: its name.
    """
    from recbole.utils import ModelType, get_model

    return bool(get_model(model).type == ModelType.SEQUENTIAL)


def _learns_from_ids(model: str) -> bool:
    """Whether a model reads users and items only: to others every column is a feature."""
    from recbole.utils import ModelType, get_model

    return get_model(model).type not in (ModelType.CONTEXT, ModelType.DECISIONTREE)


def _ranks_all_items(model: str, settings: Mapping[str, Any]) -> bool:
    """Whether RecBole refuses negative sampling for this model: sequential, with the CE loss."""
    from recbole.utils import get_model

    if not is_sequential(model) or hasattr(get_model(model), "input_type"):
        return False
    return settings.get("loss_type") == "CE"
