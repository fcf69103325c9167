"""Refuses settings of an experiment that would change nothing, before the first of its runs."""

from __future__ import annotations

from collections.abc import Iterable

from recbole_cammsr import model_path
from recbole_cammsr.run import config_files, known_settings
from recbole_cammsr.run.errors import UsageError

#: what every job has besides its settings
_OWN_PLACE = ("seed", "model", "dataset")
#: what decides which data are read, who is tested and what is ranked: rows of a table share it
COMPARED_BY = (
    "benchmark_filename",
    "USER_ID_FIELD",
    "ITEM_ID_FIELD",
    "TIME_FIELD",
    "exact_time_order",
    "threshold",
    "rm_dup_inter",
    "val_interval",
    "filter_inter_by_user_or_item",
    "user_inter_num_interval",
    "item_inter_num_interval",
    "eval_args",
    "repeatable",
    "mask_history",
    "metrics",
    "topk",
)
#: where the data lie and how long a model may learn: what rows of an ablation share as well
COMMON = (
    "data_path",
    "epochs",
    "stopping_step",
    "eval_step",
    "valid_metric",
    "valid_metric_bigger",
)


def check_names(names: Iterable[str], where: str, own_place: str) -> None:
    """Refuse names that no model reads, and what is no setting of a run but the run itself.

    Args:
        names: of settings.
        where: they stand; opens the sentence.
        own_place: where seed, model and data set are given instead; ends the sentence.

    Raises:
        UsageError: names the first one, and the nearest setting.
    """
    for name in names:
        if name in _OWN_PLACE:
            raise UsageError(f"{where} must not set {name!r}; {own_place}")
        if name not in known_settings.settings():
            near = known_settings.nearest_setting(str(name), ())
            hint = f"; did you mean {near!r}?" if near else ""
            raise UsageError(f"{where}: no model reads the setting {name!r}{hint}")


def check_comparable(names: Iterable[str], where: str, place: str) -> None:
    """Refuse settings of one model that would let it be tested on something else than the others.

    Args:
        names: of settings.
        where: they stand; opens the sentence.
        place: where they hold for all models; ends the sentence.

    Raises:
        UsageError: names the first one.
    """
    for name in names:
        if name in COMPARED_BY:
            raise UsageError(
                f"{where} sets {name!r}, which decides what is ranked for whom: rows of one table "
                f"must share it; {place}"
            )


def check_own_defaults(model: str, place: str) -> None:
    """Refuse what :func:`check_comparable` refuses in the defaults beside a model of one's own.

    Args:
        model: its name; of others there is nothing to look at.
        place: where the settings hold for all models; ends the sentence.

    Raises:
        UsageError: names the file and the setting.
    """
    if not model_path.is_path(model):
        return
    _, *defaults = model_path.files(model)
    for path in defaults:
        check_comparable(config_files.read(path), path, place)


def check_read(names: Iterable[str], model: str, where: str) -> None:
    """Refuse settings that a model does not read.

    Args:
        names: of settings.
        model: of RecBole or of this package.
        where: they stand; opens the sentence.

    Raises:
        UsageError: names the first one, and the models that read it.
    """
    for name in names:
        if known_settings.reads(model, name):
            continue
        others = known_settings.only_read_by(name, model)
        whose = f", which is one of {' and '.join(others)}" if others else ""
        raise UsageError(f"{where}: {model} does not read the setting {name!r}{whose}")
