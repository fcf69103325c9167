"""Models that are named by where they are imported from: ``--model=my_models.Mine``.

RecBole finds models by name in its own folders alone. A name with a dot in it is a module and a
class there: of the folder that a command runs in, or of anything that is installed. What RecBole
looks for under a model's name is looked for beside the class: ``MineDataset`` and ``MineTrainer``
in its module, and defaults of its settings in ``Mine.yaml`` in the module's folder.
"""

from __future__ import annotations

import functools
import importlib
import importlib.util
import os
import re
import sys
from typing import Any

from recbole_cammsr.compat.import_hooks import rebind
from recbole_cammsr.compat.requirement import recbole_folder

_PATH = re.compile(r"[^\W\d]\w*(\.[^\W\d]\w*)+")
_PACKAGE_OF_MODELS = re.compile(r"recbole\.model\.(?!abstract_)\w+_recommender")


def is_path(name: str) -> bool:
    """Whether a model's name says where it is imported from."""
    return _PATH.fullmatch(name) is not None


def search_working_folder() -> bool:
    """Let modules be found in the folder that the command runs in, after everything installed.

    An installed command, unlike ``python -m``, does not look there.

    Returns:
        False where it has been looked through already.
    """
    if {"", os.getcwd()} & set(sys.path):
        return False
    sys.path.append(os.getcwd())
    importlib.invalidate_caches()
    return True


def source(name: str) -> str:
    """The file of a model's module, without executing it (the packages around it are).

    Args:
        name: module and class.

    Raises:
        ValueError: there is no such module, no such name in its text, or it is the script itself.
    """
    module, _, model_class = name.rpartition(".")
    if module == "__main__":
        raise ValueError(
            f"model {name!r}: a class of the script itself has no path; put {model_class} in a "
            f"module beside it, my_models.py for one, and name it my_models.{model_class}"
        )
    search_working_folder()
    try:
        spec = importlib.util.find_spec(module)
    except ModuleNotFoundError:
        spec = None
    if spec is None or spec.origin is None or not os.path.isfile(spec.origin):
        raise ValueError(
            f"model {name!r}: there is no module {module!r} in {os.getcwd()} or among what is "
            "installed"
        )
    with open(spec.origin, encoding="utf-8", errors="replace") as file:
        if not re.search(rf"\b{model_class}\b", file.read()):
            raise ValueError(f"model {name!r}: {spec.origin} has no class {model_class!r}")
    return spec.origin


def load(name: str) -> Any:
    """The class of a model.

    Args:
        name: module and class.

    Raises:
        ValueError: it does not exist, or is no model of RecBole's kind.
    """
    path = source(name)
    module, _, model_class = name.rpartition(".")
    found = getattr(importlib.import_module(module), model_class, None)
    if not isinstance(found, type) or not hasattr(found, "type"):
        raise ValueError(
            f"model {name!r}: {model_class} in {path} is no model; it must be a class that "
            "inherits from one of RecBole's or of this package's models"
        )
    return found


def defaults_file(model_class: type) -> str | None:
    """The YAML file of a class's own settings, beside the module that defines it.

    Args:
        model_class: of a model.

    Returns:
        Its path; None where there is none.
    """
    module = getattr(sys.modules.get(model_class.__module__), "__file__", None)
    return None if module is None else _yaml_beside(module, model_class.__name__)


def inherited_defaults(model_class: type | None) -> str | None:
    """RecBole's YAML file of the model of its own that a class inherits from.

    Args:
        model_class: of a model; one of RecBole's own has its file read by RecBole.

    Returns:
        Its path; None where there is none.
    """
    if model_class is None or model_class.__module__.startswith("recbole.model."):
        return None
    for parent in model_class.__mro__[1:]:
        if parent.__module__.startswith("recbole.model."):
            path = os.path.join(recbole_folder(), "properties", "model", f"{parent.__name__}.yaml")
            if os.path.isfile(path):
                return path
    return None


def beside(model_class: type, suffix: str) -> Any:
    """What stands under a class's name with a suffix in its module.

    Args:
        model_class: of a model.
        suffix: ``Dataset`` or ``Trainer``, as RecBole calls them.

    Returns:
        It, None where there is nothing.
    """
    module = sys.modules.get(model_class.__module__)
    return getattr(module, f"{model_class.__name__}{suffix}", None)


def files(name: str) -> list[str]:
    """What a model's numbers depend on, as far as its name tells: its module and its defaults.

    Args:
        name: of a model; only one with a path has such files.

    Returns:
        Their paths.
    """
    if not is_path(name):
        return []
    module = source(name)
    defaults = _yaml_beside(module, name.rpartition(".")[2])
    return [module] if defaults is None else [module, defaults]


def _yaml_beside(module: str, class_name: str) -> str | None:
    path = os.path.join(os.path.dirname(os.path.abspath(module)), f"{class_name}.yaml")
    return path if os.path.isfile(path) else None


def offer(module: Any) -> None:
    """Let RecBole's ``get_model`` and ``get_trainer`` take names with a path.

    ``get_model`` then also says of a name that nobody has that there is no such model: RecBole
    looks for it among the models of lightgbm and xgboost last, and reports that those are missing.
    What a model that exists fails with when it is imported is raised as it is.

    Args:
        module: ``recbole.utils.utils``.
    """
    original_model, original_trainer = module.get_model, module.get_trainer

    @functools.wraps(original_model)
    def get_model(model_name: str) -> Any:
        if is_path(model_name):
            return load(model_name)
        try:
            return original_model(model_name)
        except (ImportError, AttributeError, ValueError) as error:
            if not _has_broken_module(model_name):
                _refuse_unknown(model_name, error)
            raise

    @functools.wraps(original_trainer)
    def get_trainer(model_type: Any, model_name: str) -> Any:
        own = beside(load(model_name), "Trainer") if is_path(model_name) else None
        return original_trainer(model_type, model_name) if own is None else own

    rebind("get_model", original_model, get_model)
    rebind("get_trainer", original_trainer, get_trainer)


def _has_broken_module(name: str) -> bool:
    """Whether there is a module of a model, of RecBole or added to its packages, that fails.

    Args:
        name: without a path; RecBole has looked for it.
    """
    if not name.isidentifier():
        return False
    packages = [each for each in sys.modules if _PACKAGE_OF_MODELS.fullmatch(each)]
    modules = [f"{each}.{name.lower()}" for each in packages]
    return any(
        module not in sys.modules and importlib.util.find_spec(module) is not None
        for module in modules
    )


def _refuse_unknown(name: str, error: Exception) -> None:
    """Say so where an error is that of a model that does not exist.

    Args:
        name: without a path.
        error: of RecBole's, in looking for it.

    Raises:
        ValueError: there is no such model; names the nearest ones.
    """
    # the names are the commands' to know, and they read this module
    from recbole_cammsr.run import known_settings
    from recbole_cammsr.run.errors import UsageError

    try:
        known_settings.check_model(name)
    except UsageError as unknown:
        raise ValueError(str(unknown)) from error
