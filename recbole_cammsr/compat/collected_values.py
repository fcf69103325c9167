"""Lets RecBole evaluate the metrics that need more than ranks: coverage, popularity, Gini index.

``Collector.get_data_struct`` (``recbole/evaluator/collector.py``) calls ``.cpu()`` on everything
that was collected, and for ``ItemCoverage``, ``GiniIndex``, ``AveragePopularity`` and
``TailPercentage`` that includes the number of items and a ``Counter`` of the training split, which
have no such method: the first validation fails. Here only tensors are moved.

All of this only ``fit`` collects. A trainer that evaluates without it, after
``load_data_and_model``, would find it missing once all is ranked: here it says what is to be done.
"""

from __future__ import annotations

from functools import wraps
from types import ModuleType
from typing import Any

from recbole_cammsr.compat.import_hooks import when_imported

#: what ``Collector.data_collect`` collects of the training split
_OF_TRAINING = ("data.num_items", "data.num_users", "data.count_items", "data.count_users")


def install() -> None:
    """Attach the hook; a second call has no effect."""
    when_imported("recbole.evaluator.collector", _move_tensors_only)
    when_imported("recbole.evaluator.collector", _ask_for_training_data)


def _move_tensors_only(module: ModuleType) -> None:
    stock = module.Collector.get_data_struct

    @wraps(stock)
    def get_data_struct(self: Any) -> Any:
        import torch

        held = self.data_struct._data_dict
        others = {key: value for key, value in held.items() if not torch.is_tensor(value)}
        for key in others:
            del held[key]
        try:
            struct = stock(self)
        finally:
            held.update(others)
        struct._data_dict.update(others)
        return struct

    module.Collector.get_data_struct = get_data_struct


def _ask_for_training_data(module: ModuleType) -> None:
    stock = module.Collector.eval_batch_collect

    @wraps(stock)
    def eval_batch_collect(self: Any, *args: Any, **kwargs: Any) -> None:
        needed = {name for name in _OF_TRAINING if self.register.need(name)}
        missing = {name for name in needed if name not in self.data_struct}
        if missing:
            from recbole.evaluator.register import metric_information

            of_metric = {each: metric_information[each.lower()] for each in self.config["metrics"]}
            metrics = [each for each, needs in of_metric.items() if missing & set(needs)]
            raise ValueError(
                f"metrics {', '.join(metrics)} need the training data, which only `fit` hands "
                "over: call trainer.eval_collector.data_collect(train_data) before "
                "trainer.evaluate(...)"
            )
        stock(self, *args, **kwargs)

    module.Collector.eval_batch_collect = eval_batch_collect
