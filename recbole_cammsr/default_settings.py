"""Default settings of this package: its YAML files, and where RecBole's ``Config`` reads them."""

from __future__ import annotations

import os
from types import ModuleType
from typing import Any

from recbole_cammsr import model_path, registry

#: the folder with this package's YAML defaults
PROPERTIES = os.path.join(os.path.dirname(os.path.realpath(__file__)), "properties")
if not os.path.isdir(PROPERTIES):  # a checkout on the path: the folder stands beside the package
    PROPERTIES = os.path.join(os.path.dirname(os.path.dirname(PROPERTIES)), "properties")


def properties_file(kind: str, name: str) -> str | None:
    """Path of this package's ``properties/<kind>/<name>.yaml``, or None where there is none."""
    path = os.path.join(PROPERTIES, kind, f"{name}.yaml")
    return path if os.path.isfile(path) else None


def preset(name: str) -> str:
    """Path of one of this package's presets: settings of CAMMSR that were chosen together.

    For RecBole's ``config_file_list``; commands take ``--config_files=preset/<name>.yaml``.

    Args:
        name: ``wide``, ``scaled`` or ``masked``; each file says what it is for.

    Returns:
        The path of ``properties/preset/<name>.yaml``.

    Raises:
        ValueError: no preset has that name.
    """
    path = properties_file("preset", name)
    if path is None:
        files = sorted(os.listdir(os.path.join(PROPERTIES, "preset")))
        names = ", ".join(os.path.splitext(file)[0] for file in files)
        raise ValueError(f"there is no preset {name!r}; the presets are {names}")
    return path


def default_files(name: str, model_class: Any) -> list[str]:
    """YAML files with a model's defaults, beside RecBole's own; a later one wins.

    Args:
        name: of the model.
        model_class: its class.

    Returns:
        Paths: that of the model of ours, or of RecBole's, which it inherits from, and that beside
        its module.
    """
    ours = registry.family(model_class)
    inherited = model_path.inherited_defaults(model_class)
    found = [inherited if ours is None else properties_file("model", ours)]
    if model_path.is_path(name) or (ours is not None and model_class.__name__ != ours):
        found.append(model_path.defaults_file(model_class))
    return [path for path in found if path is not None]


def offer(module: ModuleType) -> None:
    """Let ``Config`` read our YAML files where it would read its own.

    Order, later wins: RecBole's overall, **our model file**, that of a class of the user's,
    RecBole's sample and data set files and its quick start settings, **our data set file**, then
    what the user gives.
    """
    config_class = module.Config
    original_load = config_class._load_internal_config_dict
    original_update = config_class._update_internal_config_dict
    original_final = config_class._get_final_config_dict

    def final(self: Any) -> Any:
        result = original_final(self)
        if registry.family(self.model_class) is not None:
            # of a part of it the rest would be RecBole's, a random split by ratio
            own, given = self.internal_config_dict.get("eval_args"), result.get("eval_args")
            if isinstance(own, dict) and isinstance(given, dict):
                result["eval_args"] = {**own, **given}
            from recbole_cammsr.run import script_settings

            script_settings.check(self)
        return result

    def load_internal(self: Any, model: str, model_class: type, dataset: str) -> None:
        self._own_files = default_files(model, model_class)
        try:
            original_load(self, model, model_class, dataset)
        finally:
            del self._own_files  # a Config is pickled into checkpoints: leave no trace in it
        own_dataset_file = properties_file("dataset", dataset)
        if own_dataset_file is not None and registry.family(model_class) is not None:
            original_update(self, own_dataset_file)

    def update_internal(self: Any, file: str) -> Any:
        result = original_update(self, file)
        if os.path.basename(file) == "overall.yaml":
            for own_file in getattr(self, "_own_files", ()):
                original_update(self, own_file)
        return result

    config_class._get_final_config_dict = final
    config_class._load_internal_config_dict = load_internal
    config_class._update_internal_config_dict = update_internal
