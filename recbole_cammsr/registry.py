"""Makes this package's models known to RecBole by name, without touching RecBole's files.

RecBole resolves a model called ``Name`` to the module ``recbole.model.<kind>.name``, its data set
class to ``recbole.data.dataset.NameDataset`` and its defaults to
``<recbole>/properties/model/Name.yaml``. Three hooks serve exactly these three places for the
names in :data:`MODELS` and for classes that inherit from these models, whatever their name; every
other name takes RecBole's own way, and so does a class of somebody else's that bears one of these
names.
"""

from __future__ import annotations

import functools
import importlib
import importlib.abc
import importlib.machinery
import os
import sys
from collections.abc import Sequence
from contextvars import ContextVar
from types import ModuleType
from typing import Any

from recbole_cammsr.compat.import_hooks import when_imported

#: model name -> module that defines it
MODELS: dict[str, str] = {
    "CAMMSR": "recbole_cammsr.model.cammsr",
    "HM4SR": "recbole_cammsr.model.hm4sr",
    "MISSRec": "recbole_cammsr.model.missrec",
    "SASRecMM": "recbole_cammsr.model.sasrecmm",
    "TedRec": "recbole_cammsr.model.tedrec",
    "UniSRec": "recbole_cammsr.model.unisrec",
}

#: data set class name (``<Model>Dataset``) -> module that defines it, class in it
DATASETS: dict[str, tuple[str, str]] = {
    **{f"{model}Dataset": ("recbole_cammsr.data.dataset", "UntimedDataset") for model in MODELS},
    "CAMMSRDataset": ("recbole_cammsr.data.dataset", "CAMMSRDataset"),
    "HM4SRDataset": ("recbole_cammsr.data.dataset", "AlwaysTimedDataset"),
}

#: settings that change what a data set or its loaders hold: pickled ones made with others are not
#: reused
DATASET_ARGUMENTS = (
    "modalities",
    "modality_files",
    "feature_dtype",
    "feature_device",
    "feature_budget",
    "category_field",
    "train_packing",
    "packing_overlap",
    "category_weight",
    "time_encoding",
    "interval_buckets",
    "mask_history",
)

#: settings of this package that every model is made to follow
FOLLOWED_BY_ALL_MODELS = ("mask_history",)
#: settings of this package that RecBole's own sequential models are made to read
READ_BY_RECBOLES_MODELS = ("train_packing", "trim_padding")

#: the folder with this package's YAML defaults
PROPERTIES = os.path.join(os.path.dirname(os.path.realpath(__file__)), "properties")
if not os.path.isdir(PROPERTIES):  # a checkout on the path: the folder stands beside the package
    PROPERTIES = os.path.join(os.path.dirname(os.path.dirname(PROPERTIES)), "properties")

# while a data set is made: the name under which RecBole looks for its class, and the one of ours
# that stands for it (None: not ours, though the name may be)
_sought: ContextVar[tuple[str, str | None] | None] = ContextVar("sought", default=None)

_MODEL_PACKAGE = "recbole.model.sequential_recommender"


def register() -> None:
    """Attach the hooks; a second call has no effect."""
    if not any(isinstance(finder, _ModelFinder) for finder in sys.meta_path):
        sys.meta_path.insert(0, _ModelFinder())
    when_imported("recbole.utils.argument_list", _add_dataset_arguments)
    when_imported("recbole.data.dataset", _offer_datasets)
    when_imported("recbole.config.configurator", _offer_properties)
    when_imported("recbole.data.utils", _offer_data)
    when_imported("recbole.model.abstract_recommender", _offer_faster_models)


def properties_file(kind: str, name: str) -> str | None:
    """Path of this package's ``properties/<kind>/<name>.yaml``, or None where there is none."""
    path = os.path.join(PROPERTIES, kind, f"{name}.yaml")
    return path if os.path.isfile(path) else None


class _ModelFinder(importlib.abc.MetaPathFinder):
    """Serves ``recbole.model.sequential_recommender.<name>`` for the names in MODELS."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        package, _, leaf = fullname.rpartition(".")
        if package != _MODEL_PACKAGE:
            return None
        for model, module in MODELS.items():
            if leaf == model.lower():
                return importlib.machinery.ModuleSpec(fullname, _AliasLoader(model, module))
        return None


class _AliasLoader(importlib.abc.Loader):
    """Fills a module with the model class of another one."""

    def __init__(self, model: str, module: str) -> None:
        self._model = model
        self._module = module

    def create_module(self, spec: importlib.machinery.ModuleSpec) -> ModuleType | None:
        return None

    def exec_module(self, module: ModuleType) -> None:
        source = importlib.import_module(self._module)
        module.__doc__ = source.__doc__
        setattr(module, self._model, getattr(source, self._model))


def family(model_class: Any) -> str | None:
    """Which of our models a class is or inherits from.

    The class decides and not its name: authors' own code may use HM4SR's name, for one, and a
    variant of CAMMSR will have a name of its own.

    Args:
        model_class: a model's class, None where there is none.

    Returns:
        The name in :data:`MODELS`, None for somebody else's class.
    """
    for base in getattr(model_class, "__mro__", ()):
        if MODELS.get(base.__name__) == base.__module__:
            return str(base.__name__)
    return None


def _family_of(config: Any) -> str | None:
    return family(getattr(config, "model_class", None))


def _add_dataset_arguments(module: ModuleType) -> None:
    """Let RecBole compare our settings too before it reuses a pickled data set.

    At import rather than when a ``Config`` is made: ``load_data_and_model`` unpickles one instead.
    For other models the comparison is between two absent values.
    """
    arguments = module.dataset_arguments
    arguments.extend(key for key in DATASET_ARGUMENTS if key not in arguments)


def _offer_datasets(module: ModuleType) -> None:
    """Let ``recbole.data.dataset.<Model>Dataset`` resolve, importing our class on first use."""
    earlier = getattr(module, "__getattr__", None)

    def resolve(name: str) -> Any:
        sought = _sought.get()
        ours = sought[1] if sought is not None and sought[0] == name else name
        if ours in DATASETS:
            module_name, class_name = DATASETS[ours]
            return getattr(importlib.import_module(module_name), class_name)
        if earlier is not None:
            return earlier(name)
        raise AttributeError(f"module {module.__name__!r} has no attribute {name!r}")

    module.__getattr__ = resolve  # type: ignore[method-assign]


def _offer_properties(module: ModuleType) -> None:
    """Let ``Config`` read our YAML files where it would read its own.

    Order, later wins: RecBole's overall, **our model file**, RecBole's sample and data set files
    and its quick start settings, **our data set file**, then what the user gives.
    """
    config_class = module.Config
    original_load = config_class._load_internal_config_dict
    original_update = config_class._update_internal_config_dict

    def load_internal(self: Any, model: str, model_class: type, dataset: str) -> None:
        own_model = family(model_class)
        if own_model is None:
            original_load(self, model, model_class, dataset)
            return
        self._own_model = own_model
        try:
            original_load(self, model, model_class, dataset)
        finally:
            del self._own_model  # a Config is pickled into checkpoints: leave no trace in it
        own_dataset_file = properties_file("dataset", dataset)
        if own_dataset_file is not None:
            original_update(self, own_dataset_file)

    def update_internal(self: Any, file: str) -> Any:
        result = original_update(self, file)
        own_model = getattr(self, "_own_model", None)
        if own_model is not None and os.path.basename(file) == "overall.yaml":
            own_model_file = properties_file("model", own_model)
            if own_model_file is not None:
                original_update(self, own_model_file)
        return result

    config_class._load_internal_config_dict = load_internal
    config_class._update_internal_config_dict = update_internal


def _offer_faster_models(module: ModuleType) -> None:
    """Let RecBole's own models read ``trim_padding`` and ``train_packing``."""
    from recbole_cammsr.model import faster_models

    faster_models.offer(module)


def _offer_data(module: ModuleType) -> None:
    """Let RecBole give our models, and only them, our data set and the packed training loader.

    Every sequential model is given the loader of ``mask_history`` where that is set, and RecBole's
    own that of whole histories with ``train_packing``.
    """
    from recbole.utils import ModelType

    original_loader = module.get_dataloader
    original_create = module.create_dataset

    def get_dataloader(config: Any, phase: str) -> Any:
        packs = phase == "train" and config["train_packing"]
        if packs and config["benchmark_filename"] is not None:
            from recbole_cammsr.data import pre_split_dataset

            pre_split_dataset.warn_of_packing(config)
        elif packs:
            from recbole_cammsr.data import dataloader

            if _family_of(config) is not None:
                return dataloader.PackedTrainDataLoader
            if config["MODEL_TYPE"] == ModelType.SEQUENTIAL:
                return dataloader.WholeHistoryDataLoader
        if phase != "train" and config["mask_history"] is not None:
            from recbole_cammsr.data import masked_history

            if masked_history.is_wanted(config):
                return masked_history.MaskedHistoryDataLoader
        return original_loader(config, phase)

    @functools.wraps(original_create)
    def create_dataset(config: Any) -> Any:
        own_model = _family_of(config)
        own_class = None if own_model is None else f"{own_model}Dataset"
        token = _sought.set((f"{config['model']}Dataset", own_class))
        try:
            return original_create(config)
        finally:
            _sought.reset(token)

    module.get_dataloader = get_dataloader  # type: ignore[attr-defined]
    module.create_dataset = create_dataset  # type: ignore[attr-defined]
