"""scikit-learn: seconds of every start, for three functions of metrics that few runs use.

``recbole/evaluator/metrics.py`` takes ``auc``, ``mean_absolute_error`` and ``mean_squared_error``
from ``sklearn.metrics``, for AUC, MAE and RMSE. That import, with the
``scipy.stats`` behind it, is a third of the processor time until a model's class is there
(docs/performance.md, "Start-up"), in every command and every worker process. RecBole gets functions
that import scikit-learn when they are called.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from recbole_cammsr.compat.import_hooks import around_import
from recbole_cammsr.compat.stand_in import stand_in

_METRICS = "sklearn.metrics"
_FUNCTIONS = ("auc", "mean_absolute_error", "mean_squared_error")
#: what RecBole's metrics import besides: loaded first, so that nobody else meets the stand-in
_NEIGHBOURS = ("recbole.evaluator.utils", "recbole.evaluator.base_metric", "recbole.utils")


def install() -> None:
    """Attach the shim to ``recbole.evaluator.metrics``."""
    around_import("recbole.evaluator.metrics", _imported_when_called)


@contextmanager
def _imported_when_called() -> Iterator[None]:
    """Answer ``from sklearn.metrics import ...`` with functions that import it later."""
    if "sklearn" in sys.modules:  # paid for already
        yield
        return
    for name in _NEIGHBOURS:
        importlib.import_module(name)
    with stand_in(_METRICS, **{name: _later(name) for name in _FUNCTIONS}):
        yield


def _later(name: str) -> Callable[..., Any]:
    def call(*args: Any, **kwargs: Any) -> Any:
        return getattr(importlib.import_module(_METRICS), name)(*args, **kwargs)

    return call
