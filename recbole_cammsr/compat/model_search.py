"""``get_model``: some eighty models of RecBole are imported to find one.

``recbole/utils/utils.py`` asks its packages of models in turn whether they have a module of the
name, and to ask a package is to import it with all models in it. A sequential model is sought among
the general ones first, of which two import scikit-learn. Here the packages are asked by their
folders, in RecBole's order, and the one that has the model is imported.
"""

from __future__ import annotations

import functools
import importlib
import importlib.util
import sys
from types import ModuleType
from typing import Any

from recbole_cammsr.compat.import_hooks import first_spec, rebind, when_imported

#: in the order in which RecBole looks through them
_PACKAGES = (
    "recbole.model.general_recommender",
    "recbole.model.context_aware_recommender",
    "recbole.model.sequential_recommender",
    "recbole.model.knowledge_aware_recommender",
    "recbole.model.exlib_recommender",
)


def install() -> None:
    """Attach the shim to ``recbole.utils.utils``."""
    when_imported("recbole.utils.utils", _import_one_package)


def _import_one_package(module: ModuleType) -> None:
    original = module.get_model

    @functools.wraps(original)
    def get_model(model_name: str) -> Any:
        name = model_name.lower()
        package = next((each for each in _PACKAGES if _has(each, name)), None)
        if package is None:
            return original(model_name)
        return getattr(importlib.import_module(f"{package}.{name}"), model_name)

    rebind("get_model", original, get_model)


def _has(package: str, name: str) -> bool:
    """Whether a package has a module of this name, without importing either.

    Args:
        package: of RecBole.
        name: of the module, without the package's.
    """
    full = f"{package}.{name}"
    if package in sys.modules:
        return importlib.util.find_spec(full) is not None
    found = importlib.util.find_spec(package)
    if found is None or found.submodule_search_locations is None:
        return False
    return first_spec(sys.meta_path, full, list(found.submodule_search_locations)) is not None
