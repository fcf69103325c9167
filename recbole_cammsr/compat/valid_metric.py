"""Refuses a `valid_metric` that is not computed before the first epoch rather than after it.

``Trainer._valid_epoch`` (``recbole/trainer/trainer.py``) looks it up in what ``metrics`` and
``topk`` gave, and a ``KeyError`` ends the run: ``topk: [5, 20]`` with ``valid_metric: NDCG@10``.
"""

from __future__ import annotations

from functools import wraps
from types import ModuleType
from typing import Any

from recbole_cammsr.compat.import_hooks import when_imported

#: RecBole's metrics without a cutoff, and those with one; of somebody's own nothing is known
_WITHOUT_CUTOFF = frozenset({"auc", "gauc", "logloss", "mae", "rmse"})
_WITH_CUTOFF = frozenset(
    {"hit", "itemcoverage", "map", "mrr", "ndcg", "precision", "recall", "averagepopularity"}
    | {"giniindex", "shannonentropy", "tailpercentage"}
)


def install() -> None:
    """Attach the hook; a second call has no effect."""
    when_imported("recbole.trainer.trainer", _look_before_training)


def not_computed(metric: str) -> str:
    """The sentence about a metric that validation needs and does not have."""
    return (
        f"the metric {metric} that validation needs is not computed: add it to --metrics and "
        "--topk, or choose another --valid_metric"
    )


def is_computed(config: Any) -> bool:
    """Whether `valid_metric` is among what `metrics` and `topk` ask for.

    Args:
        config: RecBole's Config.
    """
    name, _, cutoff = str(config["valid_metric"]).lower().partition("@")
    if name not in {str(metric).lower() for metric in config["metrics"]}:
        return False
    if not cutoff:
        return name not in _WITH_CUTOFF
    return name not in _WITHOUT_CUTOFF and cutoff in {str(k) for k in config["topk"]}


def _look_before_training(module: ModuleType) -> None:
    stock = module.Trainer.fit

    @wraps(stock)
    def fit(self: Any, train_data: Any, valid_data: Any = None, *args: Any, **kwargs: Any) -> Any:
        # a trainer of somebody's own may validate by something else
        is_looked_up = type(self)._valid_epoch.__module__.partition(".")[0] == "recbole"
        if is_looked_up and valid_data and self.eval_step > 0 and not is_computed(self.config):
            raise ValueError(not_computed(self.config["valid_metric"]))
        return stock(self, train_data, valid_data, *args, **kwargs)

    module.Trainer.fit = fit
