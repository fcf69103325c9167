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
from collections.abc import Sequence
from contextvars import ContextVar
from types import ModuleType
from typing import Any

from recbole_cammsr import model_path
from recbole_cammsr.compared_settings import ComparedSettings
from recbole_cammsr.compat.import_hooks import install_finder, rebind, when_imported
from recbole_cammsr.compat.requirement import recbole_folder

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
    "exact_time_order",
    "keep_last_items",
)

#: settings of this package that every model is made to follow
FOLLOWED_BY_ALL_MODELS = ("mask_history",)
#: settings of this package that RecBole's own sequential models are made to read
READ_BY_RECBOLES_MODELS = (
    *("train_packing", "trim_padding", "exact_time_order", "keep_last_items"),
)

# while a data set is made: the name under which RecBole looks for its class, and what stands for it
# (None: RecBole's, though the name may be one of ours)
_sought: ContextVar[tuple[str, Any] | None] = ContextVar("sought", default=None)

_MODEL_PACKAGE = "recbole.model.sequential_recommender"


def register() -> None:
    """Attach the hooks; a second call has no effect."""
    install_finder(_ModelFinder())
    when_imported("recbole.utils.utils", model_path.offer)
    when_imported("recbole.utils.argument_list", _add_dataset_arguments)
    when_imported("recbole.data.dataset", _offer_datasets)
    when_imported("recbole.config.configurator", _offer_properties)
    when_imported("recbole.data.utils", _offer_data)
    when_imported("recbole.model.abstract_recommender", _offer_faster_models)
    when_imported("recbole.utils.case_study", _mask_case_studies)
    when_imported("recbole.trainer.trainer", _guard_checkpoints)


def is_ours(name: str) -> bool:
    """Whether a model's name stands for one of this package's.

    A file of that name in RecBole's folder, where many put their models, is what RecBole finds.

    Args:
        name: of a model, not a path.
    """
    if name not in MODELS:
        return False
    inside = os.path.join(*_MODEL_PACKAGE.split(".")[1:], f"{name.lower()}.py")
    return not os.path.isfile(os.path.join(recbole_folder(), inside))


class _ModelFinder(importlib.abc.MetaPathFinder):
    """Serves ``recbole.model.sequential_recommender.<name>`` for the names in MODELS."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        package, _, leaf = fullname.rpartition(".")
        if package != _MODEL_PACKAGE:
            return None
        for model, module in MODELS.items():
            if leaf == model.lower() and is_ours(model):
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


def family_of_name(name: str) -> str | None:
    """Which of our models a name stands for or inherits from.

    Args:
        name: of a model; a module is imported where it says one.

    Returns:
        The name in :data:`MODELS`, None for somebody else's.
    """
    if model_path.is_path(name):
        return family(model_path.load(name))
    return name if is_ours(name) else None


def _add_dataset_arguments(module: ModuleType) -> None:
    """Let RecBole compare our settings too before it reuses a pickled data set.

    At import rather than when a ``Config`` is made: ``load_data_and_model`` unpickles one instead.
    For other models the comparison is between two absent values.
    """
    arguments = module.dataset_arguments
    arguments.extend(key for key in DATASET_ARGUMENTS if key not in arguments)


def _offer_datasets(module: ModuleType) -> None:
    """Let ``recbole.data.dataset.<Model>Dataset`` resolve, importing our class on first use.

    RecBole's own sequential ones are let know whole histories, for ``mask_history``, and keep the
    last items of those that files bring, with ``keep_last_items``.
    """
    from recbole_cammsr.data import last_items, own_items

    own_items.offer(module)
    last_items.offer(module)
    earlier = getattr(module, "__getattr__", None)

    def resolve(name: str) -> Any:
        sought = _sought.get()
        if sought is not None and sought[0] == name:
            if sought[1] is not None:
                return sought[1]
        elif name in DATASETS:
            return _dataset_class(name)
        if earlier is not None:
            return earlier(name)
        raise AttributeError(f"module {module.__name__!r} has no attribute {name!r}")

    module.__getattr__ = resolve  # type: ignore[method-assign]


def _dataset_class(name: str) -> Any:
    module_name, class_name = DATASETS[name]
    return getattr(importlib.import_module(module_name), class_name)


def _dataset_class_of(config: Any) -> Any:
    """The data set's class of a model that is ours, inherits from ours or has a path, else None."""
    model_class: Any = getattr(config, "model_class", None)
    ours = family(model_class)
    if ours is None and not model_path.is_path(config["model"]):
        return None
    own = model_path.beside(model_class, "Dataset")
    return _dataset_class(f"{ours}Dataset") if own is None and ours is not None else own


def _offer_properties(module: ModuleType) -> None:
    """Let ``Config`` read our YAML files where it would read its own."""
    from recbole_cammsr import default_settings

    default_settings.offer(module)


def _offer_faster_models(module: ModuleType) -> None:
    """Let RecBole's own models read ``trim_padding`` and ``train_packing``."""
    from recbole_cammsr.model import faster_models

    faster_models.offer(module)


def _offer_data(module: ModuleType) -> None:
    """Let RecBole give our models, and only them, our data set and the packed training loader.

    Every sequential model is given the loader of ``mask_history`` where that is set, and RecBole's
    own that of whole histories with ``train_packing``, and ``exact_time_order``.
    """
    from recbole.utils import ModelType

    from recbole_cammsr.data import token_digest

    compared = ComparedSettings(module.dataset_arguments)
    module.dataset_arguments = compared  # type: ignore[attr-defined]
    original_loader = module.get_dataloader
    original_create = module.create_dataset

    def get_dataloader(config: Any, phase: str) -> Any:
        packs = phase == "train" and config["train_packing"]
        if packs and config["benchmark_filename"] is not None:
            from recbole_cammsr.data import pre_split_dataset

            pre_split_dataset.warn_of_packing(config)
        elif packs:
            from recbole_cammsr.data import dataloader

            if family(getattr(config, "model_class", None)) is not None:
                return dataloader.PackedTrainDataLoader
            if config["MODEL_TYPE"] == ModelType.SEQUENTIAL:
                return dataloader.WholeHistoryDataLoader
        if phase != "train" and config["mask_history"] is not None:
            from recbole_cammsr.data import masked_history

            if masked_history.is_wanted(config):
                return masked_history.MaskedHistoryDataLoader
        loader = original_loader(config, phase)
        if (
            loader is module.FullSortEvalDataLoader
            and family(getattr(config, "model_class", None)) is not None
        ):
            from recbole_cammsr.data import ranking_dataloader

            return ranking_dataloader.RankingDataLoader
        return loader

    @functools.wraps(original_create)
    def create_dataset(config: Any) -> Any:
        token = _sought.set((f"{config['model']}Dataset", _dataset_class_of(config)))
        try:
            dataset = original_create(config)
        finally:
            _sought.reset(token)
        # of a pickled one it is that of the run that saved it, by which it would be split
        dataset.config = config
        if config["exact_time_order"]:
            from recbole_cammsr.data import exact_time_order

            exact_time_order.sort_by_exact_time(dataset)
        token_digest.note(config, dataset)
        return dataset

    rebind("get_dataloader", original_loader, get_dataloader)
    rebind("create_dataset", original_create, create_dataset)


def _mask_case_studies(module: ModuleType) -> None:
    """Let RecBole's ``full_sort_topk`` leave out what the loader it is given leaves out."""
    from recbole_cammsr.data import masked_history

    masked_history.offer(module)


def _guard_checkpoints(module: ModuleType) -> None:
    """Let a script that resumes one of our models' checkpoints by hand keep it."""
    from recbole_cammsr.run import script_resume

    script_resume.offer(module)
