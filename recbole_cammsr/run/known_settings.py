"""The names that RecBole and this package read: settings and models, found without importing them.

A setting that nobody reads is accepted by RecBole in silence, so ``--epoch=5`` trains 300 epochs.
Names are collected from the YAML defaults and from the source text, which takes some hundredths
of a second where importing RecBole takes several seconds.
"""

from __future__ import annotations

import difflib
import glob
import os
import re
from collections.abc import Iterable
from functools import cache
from typing import Any

import yaml

from recbole_cammsr import default_settings, model_path, registry
from recbole_cammsr.compat.requirement import recbole_folder
from recbole_cammsr.run import config_files, value_rules
from recbole_cammsr.run.errors import UsageError

_YAML_KEY = re.compile(r"^([A-Za-z][\w-]*)[ \t]*:", re.MULTILINE)
_SOURCE_KEY = re.compile(r"config(?:_dict)?(?:\[|\.get\()\s*[\"']([\w-]+)[\"']")
#: what this package's models do anyway, and a protocol that they share with RecBole's sets
_TRUE_OF_OURS = frozenset({"exact_time_order", "keep_last_items"})
#: files whose keys are names of data sets
_NO_SETTINGS = ("url.yaml", "kg_url.yaml")
_CLASS = re.compile(r"^class (\w+)\(", re.MULTILINE)
#: files of models that are named by their path: their settings are known from then on
_noted: set[str] = set()
_QUOTED_WORD = re.compile(r"[\"'](\w+)[\"']")


def settings() -> frozenset[str]:
    """Every setting that RecBole, this package or a model of the user's reads or has a default."""
    patterns = ((path, _YAML_KEY if path.endswith(".yaml") else _SOURCE_KEY) for path in _noted)
    return _settings_of_packages().union(*(_keys(path, pattern) for path, pattern in patterns))


def note_models(names: Iterable[str]) -> None:
    """Know the settings of models that are named by their path.

    Args:
        names: as the user gave them; what is no model is refused by :func:`check_model`.
    """
    for name in names:
        try:
            _noted.update(model_path.files(name))
        except ValueError:
            continue


@cache
def _settings_of_packages() -> frozenset[str]:
    package = os.path.dirname(os.path.dirname(os.path.realpath(__file__)))
    own = _keys_below(default_settings.PROPERTIES, _YAML_KEY) | _keys_below(package, _SOURCE_KEY)
    return _read_by_recbole() | own | set(registry.DATASET_ARGUMENTS)


def only_read_by(name: str, model: str) -> tuple[str, ...]:
    """This package's models that read a setting which the given model does not.

    Args:
        name: of the setting.
        model: of either package.

    Returns:
        Their names; empty where the model reads the setting, or more than models do.
    """
    if model_path.is_path(model):
        return ()  # it may inherit from the one that reads it
    ours = filter(registry.is_ours, registry.MODELS)
    files = {each: default_settings.properties_file("model", each) for each in ours}
    readers = {each for each, path in files.items() if path and name in _keys(path, _YAML_KEY)}
    if not readers or model in readers:
        return ()
    # which of its settings a model of RecBole's reads cannot be told from its files
    elsewhere = _read_by_recbole(models=not registry.is_ours(model))
    return () if name in elsewhere else tuple(sorted(readers))


def reads(model: str, name: str) -> bool:
    """Whether a model reads a setting, as far as files tell.

    Args:
        model: of either package.
        name: of a setting.

    Returns:
        False only where it is certain: for one of this package's models, or one of their settings.
    """
    if only_read_by(name, model):
        return False
    path = default_settings.properties_file("model", model) if registry.is_ours(model) else None
    if path is None:
        return True
    own = _keys(path, _YAML_KEY) | _TRUE_OF_OURS
    return name in own or name in _read_by_recbole(models=False)


def whose(name: str, model: str) -> str:
    """Which models read a setting that the given one does not.

    Args:
        name: of a setting that some model reads.
        model: of either package.

    Returns:
        E.g. "CAMMSR and HM4SR"; "other models" where files do not tell.
    """
    return " and ".join(only_read_by(name, model)) or "other models"


@cache
def _read_by_recbole(models: bool = True) -> frozenset[str]:
    """Settings that RecBole gives a default or reads, with its models or without them."""
    folder = recbole_folder()
    names = _keys_below(os.path.join(folder, "properties"), _YAML_KEY, models)
    argument_list = os.path.join(folder, "utils", "argument_list.py")
    made_to_read = registry.READ_BY_RECBOLES_MODELS if models else ()
    names = names.union(
        _keys(argument_list, _QUOTED_WORD), made_to_read, registry.FOLLOWED_BY_ALL_MODELS
    )
    return names | _keys_below(folder, _SOURCE_KEY, models)


def _keys_below(folder: str, pattern: re.Pattern[str], models: bool = True) -> frozenset[str]:
    """Keys of all YAML files, or of all sources, below a folder; ``model`` folders if asked for."""
    suffix = "yaml" if pattern is _YAML_KEY else "py"
    names: set[str] = set()
    for path in glob.glob(os.path.join(folder, "**", f"*.{suffix}"), recursive=True):
        inside = os.path.relpath(path, folder).split(os.sep)
        if (models or "model" not in inside) and inside[-1] not in _NO_SETTINGS:
            names |= _keys(path, pattern)
    return frozenset(names)


@cache
def _keys(path: str, pattern: re.Pattern[str]) -> frozenset[str]:
    return frozenset(pattern.findall(_read(path)))


@cache
def defaults() -> dict[str, Any]:
    """RecBole's defaults for all models."""
    values = yaml.safe_load(_read(os.path.join(recbole_folder(), "properties", "overall.yaml")))
    return dict(values)


def expected_instead(name: str, value: Any) -> str | None:
    """What a setting must be where RecBole would take a value that cannot work, or fail late.

    Args:
        name: of a setting.
        value: of it.

    Returns:
        E.g. "a number (default 300)"; None where the value can work, or nothing is known of the
        setting.
    """
    if value is None:
        missing = name in value_rules.NEEDED
        return f"a number (default {defaults()[name]})" if missing else None
    if name == "valid_metric":
        source = os.path.join(recbole_folder(), "evaluator", "metrics.py")
        return value_rules.of_metric(value, sorted(_keys(source, _CLASS)))
    default = defaults().get(name)
    if isinstance(default, (int, float)) and not isinstance(default, bool):
        return value_rules.of_number(name, value, default)
    expected = value_rules.of_other(name, value)
    # a setting of a model of the user's own may be any text, a template for one
    if (
        expected is None
        and name not in value_rules.READ_AS_TEXT
        and name in _settings_of_packages()
    ):
        return value_rules.of_collection(value)
    return expected


def data_folder(dataset: str, data_path: str | None) -> str:
    """The folder in which RecBole looks for the files of a data set.

    Args:
        dataset: name of the data set; RecBole ships one, and looks for it nowhere else.
        data_path: the setting; None for its default.
    """
    if dataset == "ml-100k":
        return os.path.join(recbole_folder(), "dataset_example", dataset)
    return os.path.join(data_path or defaults()["data_path"], dataset)


@cache
def downloads() -> frozenset[str]:
    """Names of the data sets that RecBole can download."""
    path = os.path.join(recbole_folder(), "properties", "dataset", "url.yaml")
    return frozenset(yaml.safe_load(_read(path)))


@cache
def models() -> tuple[str, ...]:
    """Every model that can be named: RecBole's own, and this package's."""
    names = set(registry.MODELS)
    # as RecBole looks for them: `lightgbm.yaml` has the defaults of a model that is LightGBM
    for path in glob.glob(os.path.join(recbole_folder(), "model", "*_recommender", "*.py")):
        module = os.path.splitext(os.path.basename(path))[0]
        names.update(each for each in _keys(path, _CLASS) if each.lower() == module)
    return tuple(sorted(names))


def check_model(name: str) -> None:
    """Refuse a model that does not exist.

    Args:
        name: as the user gave it.

    Raises:
        UsageError: no such model; names the nearest ones. Or the file of its defaults cannot be
            read.
    """
    if model_path.is_path(name):
        try:
            _, *defaults = model_path.files(name)
        except ValueError as error:
            raise UsageError(str(error)) from error
        config_files.read_all(defaults)  # RecBole would not say in which file something is wrong
        return
    if name in models():
        return
    by_lower_case = {model.lower(): model for model in models()}
    if name.lower() in by_lower_case:
        raise UsageError(f"there is no model {name!r}; write {by_lower_case[name.lower()]!r}")
    if _has_module(name):
        return  # a model without a YAML file, e.g. one that the user added to RecBole
    near = difflib.get_close_matches(name.lower(), by_lower_case, n=3, cutoff=0.6)
    hint = f"; did you mean {_either(by_lower_case[match] for match in near)}?" if near else ""
    raise UsageError(f"there is no model {name!r}{hint}")


def nearest_setting(name: str, own_options: Iterable[str], likeness: float = 0.8) -> str | None:
    """The known setting or option that an unknown name was probably meant to be, if any.

    Args:
        name: unknown.
        own_options: of the command, known beside the settings.
        likeness: from 0 to 1, as ``difflib`` has it; below .8 it is a guess.
    """
    lowered = {known.lower(): known for known in [*settings(), *own_options]}
    near = difflib.get_close_matches(name.lower().replace("-", "_"), lowered, n=1, cutoff=likeness)
    return lowered[near[0]] if near else None


def _has_module(name: str) -> bool:
    pattern = os.path.join(recbole_folder(), "model", "*_recommender", f"{name.lower()}.py")
    return bool(glob.glob(pattern))


def _either(names: Iterable[str]) -> str:
    quoted = [repr(name) for name in names]
    return quoted[0] if len(quoted) == 1 else f"{', '.join(quoted[:-1])} or {quoted[-1]}"


def _read(path: str) -> str:
    with open(path, encoding="utf-8", errors="replace") as file:
        return file.read()
