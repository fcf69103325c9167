"""hyperopt: its draws call ``Generator.integers``, RecBole hands them a ``RandomState``.

``exhaustive_search`` in ``recbole/trainer/hyper_tuning.py``, the default way of ``HyperTuning``,
draws with ``np.random.RandomState(seed)``. hyperopt 0.2.5, RecBole's pin, calls ``randint`` on it;
later ones call ``integers``, which a ``RandomState`` has not, and end with an AttributeError.
"""

from __future__ import annotations

from types import ModuleType
from typing import Any

from recbole_cammsr.compat.import_hooks import when_imported
from recbole_cammsr.compat.module_proxy import ModuleProxy


def install() -> None:
    """Attach the shim to ``recbole.trainer.hyper_tuning``."""
    when_imported("recbole.trainer.hyper_tuning", _offer_integers)


def _offer_integers(module: ModuleType) -> None:
    if isinstance(module.np, ModuleProxy):
        return
    numpy = module.np

    class RandomState(numpy.random.RandomState):  # type: ignore[misc, name-defined]
        """A RandomState that answers to both names, with the draws that it always made."""

        def integers(self, *args: Any, **kwargs: Any) -> Any:
            return self.randint(*args, **kwargs)

    random = ModuleProxy(numpy.random, RandomState=RandomState)
    module.np = ModuleProxy(numpy, random=random)  # type: ignore[attr-defined]
