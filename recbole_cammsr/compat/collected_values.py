"""Lets RecBole evaluate the metrics that need more than ranks: coverage, popularity, Gini index.

``Collector.get_data_struct`` (``recbole/evaluator/collector.py``) calls ``.cpu()`` on everything
that was collected, and for ``ItemCoverage``, ``GiniIndex``, ``AveragePopularity`` and
``TailPercentage`` that includes the number of items and a ``Counter`` of the training split, which
have no such method: the first validation fails. Here only tensors are moved.
"""

from __future__ import annotations

from functools import wraps
from types import ModuleType
from typing import Any

from recbole_cammsr.compat.import_hooks import when_imported


def install() -> None:
    """Attach the hook; a second call has no effect."""
    when_imported("recbole.evaluator.collector", _move_tensors_only)


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
