"""Mends RecBole's exhaustive search for hyperopt 0.2.6 and later.

``recbole/trainer/hyper_tuning.py`` draws with ``np.random.RandomState``; since 0.2.6 hyperopt calls
``integers`` on the generator, a method that only ``np.random.Generator`` has, so that every
exhaustive search ends with an AttributeError before its first trial.
"""

from __future__ import annotations

from types import ModuleType
from typing import Any

from recbole_cammsr.compat.import_hooks import when_imported


def install() -> None:
    """Attach the mend to RecBole's module (idempotent)."""
    when_imported("recbole.trainer.hyper_tuning", _mend)


def _mend(module: ModuleType) -> None:
    import numpy as np

    class StateWithIntegers(np.random.RandomState):
        def integers(self, *args: Any, **keywords: Any) -> Any:
            return self.randint(*args, **keywords)

    stock = module.exhaustive_search

    def exhaustive_search(*args: Any, **keywords: Any) -> Any:
        original = np.random.RandomState
        np.random.RandomState = StateWithIntegers  # type: ignore[misc]
        try:
            return stock(*args, **keywords)
        finally:
            np.random.RandomState = original  # type: ignore[misc]

    module.exhaustive_search = exhaustive_search  # type: ignore[attr-defined]
