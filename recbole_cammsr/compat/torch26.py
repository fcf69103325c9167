"""Torch 2.6: ``torch.load`` refuses RecBole's own checkpoints by default.

From 2.6 on ``weights_only`` is true unless said otherwise, and a RecBole checkpoint holds its
pickled ``Config``, so ``Trainer.evaluate(load_best_model=True)``, ``Trainer.resume_checkpoint``,
``load_data_and_model`` and the models that start from a pretrained file fail, the first of them
after all the training. RecBole's calls, and only these, load as they did before 2.6. As ever with
pickled files: load none from a source you do not trust. ``TORCH_FORCE_WEIGHTS_ONLY_LOAD=1`` still
has the last word.
"""

from __future__ import annotations

import inspect
import sys
from types import ModuleType
from typing import Any

from recbole_cammsr.compat.import_hooks import rebind, when_imported
from recbole_cammsr.compat.module_proxy import ModuleProxy
from recbole_cammsr.model_path import search_working_folder

#: the modules of RecBole 1.2.1 that call ``torch.load`` through a module-level ``import torch``
LOADING_MODULES = (
    "recbole.trainer.trainer",
    "recbole.model.context_aware_recommender.kd_dagfm",
    "recbole.model.general_recommender.convncf",
    "recbole.model.general_recommender.nais",
    "recbole.model.general_recommender.neumf",
    "recbole.model.general_recommender.ract",
    "recbole.model.sequential_recommender.s3rec",
)


def install() -> None:
    """Attach the shim to every RecBole module that loads a checkpoint."""
    for name in LOADING_MODULES:
        when_imported(name, _load_pickled_objects)
    when_imported("recbole.quick_start.quick_start", _mend_load_data_and_model)


def load_checkpoint(*args: Any, **kwargs: Any) -> Any:
    """``torch.load`` with ``weights_only=False`` unless the caller chooses otherwise.

    Raises:
        AttributeError: the model's class is one of a script, and not of the one that runs.
    """
    import torch

    kwargs.setdefault("weights_only", False)
    try:
        return torch.load(*args, **kwargs)
    except ModuleNotFoundError:  # the class of a model of the user's is pickled by its path
        if not search_working_folder():
            raise
        return torch.load(*args, **kwargs)
    except AttributeError as error:
        # of `python -m` the module's text has the name that it was found by
        script = ("'__main__'", repr(sys.modules["__main__"]))
        if not any(name in str(error) for name in script):
            raise
        raise AttributeError(
            "the checkpoint's model is a class of the script that trained it; put the class in a "
            f"module, and train anew ({error})"
        ) from error


def _refuses_pickled_objects() -> bool:
    import torch

    parameter = inspect.signature(torch.load).parameters.get("weights_only")
    return parameter is not None and parameter.default is not False


def _is_there(device: Any) -> bool:
    import torch

    if device.type != "cuda":
        return True
    return torch.cuda.is_available() and (device.index or 0) < torch.cuda.device_count()


def _load_pickled_objects(module: ModuleType) -> None:
    if _refuses_pickled_objects() and not isinstance(module.torch, ModuleProxy):
        module.torch = ModuleProxy(module.torch, load=load_checkpoint)  # type: ignore[attr-defined]


def data_and_model(checkpoint: Any) -> tuple[Any, ...]:
    """What a checkpoint's run had, made again.

    Args:
        checkpoint: as RecBole's trainer saved it; its ``config`` may have been changed.

    Returns:
        Configuration, model, data set, and training, validation and test data.
    """
    import torch
    from recbole.quick_start import quick_start as recboles

    config = checkpoint["config"]
    if not _is_there(config["device"]):
        config["device"] = torch.device("cpu")
    recboles.init_seed(config["seed"], config["reproducibility"])
    recboles.init_logger(config)
    logger = recboles.getLogger()
    logger.info(config)

    dataset = recboles.create_dataset(config)
    logger.info(dataset)
    loaders = recboles.data_preparation(config, dataset)

    # seeded again: what making the loaders drew must not decide the model's first weights
    recboles.init_seed(config["seed"], config["reproducibility"])
    model = _model_class(config)(config, loaders[0]._dataset).to(config["device"])
    model.load_state_dict(checkpoint["state_dict"])
    model.load_other_parameter(checkpoint.get("other_parameter"))
    return (config, model, dataset, *loaders)


def _model_class(config: Any) -> Any:
    """The class that a run was given in place of a name, or the one that its name stands for."""
    from recbole.quick_start import quick_start as recboles

    given = getattr(config, "model_class", None)
    if getattr(given, "__name__", None) == config["model"]:
        return given
    return recboles.get_model(config["model"])


def _mend_load_data_and_model(module: ModuleType) -> None:
    """Replace ``load_data_and_model``, which imports torch inside its body, by the same steps.

    One is added, for every torch: a checkpoint that was written on a GPU opens without one.
    """
    original = module.load_data_and_model

    def load_data_and_model(model_file: str) -> tuple[Any, ...]:
        return data_and_model(load_checkpoint(model_file, map_location="cpu"))

    load_data_and_model.__doc__ = original.__doc__
    rebind("load_data_and_model", original, load_data_and_model)
