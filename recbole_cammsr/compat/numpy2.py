"""Numpy 2: the aliases that ``recbole/config/configurator.py`` reads, and sets.

``Config.compatibility_settings`` gives numpy back the names that RecBole's code still uses
(``np.float``, ``np.int``, ...). It takes them from ``np.float_``, ``np.complex_`` and
``np.unicode_``, which numpy 2.0 removed, so that no ``Config`` can be made. Whoever takes a module
of RecBole's without a ``Config``, ``Interaction`` for one, finds the names too.
"""

from __future__ import annotations

from types import ModuleType
from typing import Any

from recbole_cammsr.compat.import_hooks import when_imported

#: modules of RecBole that read the names
_READERS = (
    "recbole.data.interaction",
    "recbole.data.dataset.dataset",
    "recbole.evaluator.metrics",
    "recbole.model.abstract_recommender",
    "recbole.model.context_aware_recommender.ffm",
    "recbole.model.layers",
    "recbole.trainer.hyper_tuning",
)


def install() -> None:
    """Attach the shim to ``recbole.config.configurator`` and to what reads the names."""
    when_imported("recbole.config.configurator", _mend_aliases)
    for name in _READERS:
        when_imported(name, _set_aliases)


def _mend_aliases(module: ModuleType) -> None:
    import numpy as np

    if not all(hasattr(np, name) for name in ("float_", "complex_", "unicode_")):
        module.Config.compatibility_settings = _set_aliases
    # a ``Config`` that comes out of a checkpoint never ran its constructor, and the metrics of
    # ``load_data_and_model`` read ``np.float``
    module.Config.compatibility_settings(None)


def _set_aliases(_: Any) -> None:
    """Give numpy the aliases that RecBole's code reads, where numpy has none of its own."""
    import numpy as np

    # what the removed names stood for on the last numpy that had them
    aliases: dict[str, Any] = {
        "bool": np.bool_,
        "int": np.int_,
        "float": np.float64,
        "complex": np.complex128,
        "object": np.object_,
        "str": np.str_,
        "long": np.int_,
        "unicode": np.str_,
    }
    for name, scalar_type in aliases.items():
        if name not in vars(np):
            setattr(np, name, scalar_type)
