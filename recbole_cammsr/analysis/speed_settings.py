"""Settings of single contenders of the speed benchmark: ``--set`` and ``--variant``."""

from __future__ import annotations

from typing import Any

import yaml

from recbole_cammsr.analysis.setting_names import check_names
from recbole_cammsr.run.errors import UsageError

#: settings that would make a row another one than its name or the header says, and the flag of each
_DECIDED = {
    "train_packing": "--models takes cammsr and cammsr-classic",
    "train_batch_size": "--batch-size is for all contenders",
    "eval_batch_size": "--evaluation-rows is for all contenders",
    "seed": "--seed is for all contenders",
    "use_gpu": "--device is for all contenders",
    "gpu_id": "--device is for all contenders",
    "epochs": "--rounds and --batches say how much is trained",
    "load_col": "the columns are those of the data",
}


def settings(pairs: list[str]) -> dict[str, Any]:
    """``KEY=VALUE`` pairs, values read as YAML.

    Args:
        pairs: as given.

    Raises:
        UsageError: a pair without an equals sign or with a value that is no YAML, a setting that
            nobody reads, stands twice, or is decided elsewhere.
    """
    result: dict[str, Any] = {}
    for pair in pairs:
        key, equals, value = pair.partition("=")
        if not equals or not key.strip():
            raise UsageError(f"{pair!r} is no setting; write KEY=VALUE")
        key = key.strip()
        if key in result:
            raise UsageError(f"the setting {key!r} is given twice, in {pair!r} for the second time")
        if key in _DECIDED:
            raise UsageError(f"{pair!r}: {key} is no setting of one contender; {_DECIDED[key]}")
        check_names([key], repr(pair), "--models and --dataset name these")
        try:
            result[key] = yaml.safe_load(value)
        except yaml.YAMLError as error:
            raise UsageError(f"{pair!r}: {value!r} cannot be read as YAML") from error
    return result


def variants(texts: list[str]) -> dict[str, dict[str, Any]]:
    """``NAME:KEY=VALUE;KEY=VALUE`` by name.

    Args:
        texts: as given.

    Raises:
        UsageError: no name or one that stands twice, or no setting.
    """
    result: dict[str, dict[str, Any]] = {}
    for text in texts:
        name, colon, rest = text.partition(":")
        if not colon or not name.strip() or not rest.strip():
            raise UsageError(f"{text!r} is no variant; write NAME:KEY=VALUE;KEY=VALUE")
        if name.strip() in result:
            raise UsageError(f"--variant names {name.strip()!r} twice; rename one of them")
        result[name.strip()] = settings(rest.split(";"))
    return result
