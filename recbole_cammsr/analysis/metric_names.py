"""The columns that an experiment asks for, checked before its first run."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from recbole_cammsr import default_settings, registry
from recbole_cammsr.run import config_files, known_settings
from recbole_cammsr.run.errors import UsageError

if TYPE_CHECKING:
    from recbole_cammsr.analysis.experiment import Experiment

#: RecBole's metrics that have no cut-off
_WITHOUT_CUT = frozenset({"auc", "gauc", "mae", "rmse", "logloss"})
#: what RecBole computes by default for models that are not sequential
_OTHER_DEFAULTS = frozenset({"auc", "logloss"})


def read(value: Any) -> list[str]:
    """Names of columns: a list, or one name.

    Args:
        value: of `metrics` in an experiment file; None for all.

    Raises:
        UsageError: something else.
    """
    if isinstance(value, str) and "," in value:
        listed = ", ".join(filter(None, map(str.strip, value.strip("[]() ").split(","))))
        raise UsageError(f"'metrics' is the text {value!r}; write a list: metrics: [{listed}]")
    names = [value] if isinstance(value, str) else [] if value is None else value
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise UsageError(f"'metrics' must be a list of names such as [NDCG@10], not {value!r}")
    return list(dict.fromkeys(names))


def check(experiment: Experiment, where: str) -> None:
    """Refuse a column that no run of a data set would compute.

    Args:
        experiment: with its final settings.
        where: the columns are named; opens the sentence.

    Raises:
        UsageError: names the first one, those that are computed, and the fix.
    """
    several = len(experiment.datasets) > 1
    for dataset in experiment.datasets:
        computed: dict[str, None] = {}
        for one in experiment.contenders:
            computed.update(_computed(experiment.settings_of(one, dataset), dataset, one.model))
        for name in experiment.metrics:
            if name.lower() not in computed:
                near = difflib.get_close_matches(name.lower(), computed, n=1)
                hint = f"did you mean {near[0]!r}? " if near else ""
                place = f" on {dataset}" if several else ""
                raise UsageError(
                    f"{where}: no run{place} computes the metric {name!r}; {hint}computed are "
                    f"{', '.join(computed)}, and the settings `metrics` and `topk` change that"
                )


def _computed(settings: Mapping[str, Any], dataset: str, model: str) -> dict[str, None]:
    """Names of the metrics of a run, in RecBole's order."""
    path = default_settings.properties_file("dataset", dataset)
    of_data_set = {} if path is None else config_files.read(path)
    given = {**known_settings.defaults(), **of_data_set, **settings}
    names, cuts = given["metrics"], given["topk"]
    names = [names] if isinstance(names, str) else names
    cuts = cuts if isinstance(cuts, (list, tuple)) else [cuts]
    if not isinstance(names, (list, tuple)):
        raise UsageError(f"the setting `metrics` must be a list of names, not {names!r}")
    computed: dict[str, None] = {}
    for name in map(str.lower, map(str, names)):
        full = [name] if name in _WITHOUT_CUT else [f"{name}@{cut}" for cut in cuts]
        computed.update(dict.fromkeys(full))
    if registry.family_of_name(model) is None and "metrics" not in {**of_data_set, **settings}:
        computed.update(dict.fromkeys(sorted(_OTHER_DEFAULTS)))
    return computed
