"""hyperopt: optional to RecBole, whose ``HyperTuning`` meets breaks in it.

- ``exhaustive_search`` in ``recbole/trainer/hyper_tuning.py``, the default way of ``HyperTuning``,
  draws with ``np.random.RandomState(seed)``. hyperopt 0.2.5, RecBole's pin, calls ``randint`` on
  it; later ones call ``integers``, which a ``RandomState`` has not, and end with an AttributeError.
- ``HyperTuning.__init__`` imports hyperopt somewhere inside, so that its absence shows as a
  traceback.
- ``hyperopt/atpe.py`` before 0.3 (the last for Python 3.9 is 0.2.7) imports ``pkg_resources``,
  which today's setuptools has dropped, to read files of its own.
"""

from __future__ import annotations

import importlib
import importlib.util
import pkgutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import wraps
from types import ModuleType
from typing import Any

from recbole_cammsr.compat.import_hooks import around_import, when_imported
from recbole_cammsr.compat.module_proxy import ModuleProxy
from recbole_cammsr.compat.stand_in import stand_in


def install() -> None:
    """Attach the shims to ``recbole.trainer.hyper_tuning`` and ``hyperopt.atpe``."""
    around_import("hyperopt.atpe", _resources_for_hyperopt)
    when_imported("recbole.trainer.hyper_tuning", _offer_integers)
    when_imported("recbole.trainer.hyper_tuning", _say_what_is_missing)


def require_hyperopt() -> None:
    """Say what to install, where hyperopt cannot be imported.

    Raises:
        ImportError: hyperopt is absent, or does not import on this stack.
    """
    try:
        importlib.import_module("hyperopt")
    except ModuleNotFoundError as error:
        if error.name == "hyperopt":
            sentence = "tuning with hyperopt needs hyperopt: pip install hyperopt"
            raise ImportError(sentence, name="hyperopt") from error
        raise _unusable(error) from error
    except (ImportError, AttributeError) as error:
        raise _unusable(error) from error


def _unusable(error: Exception) -> ImportError:
    return ImportError(
        f"the installed hyperopt cannot be imported ({error}): pip install --upgrade hyperopt",
        name="hyperopt",
    )


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


def _say_what_is_missing(module: ModuleType) -> None:
    stock = module.HyperTuning.__init__

    @wraps(stock)
    def init(self: Any, *args: Any, **kwargs: Any) -> None:
        require_hyperopt()
        stock(self, *args, **kwargs)

    module.HyperTuning.__init__ = init


@contextmanager
def _resources_for_hyperopt() -> Iterator[None]:
    """Have ``pkg_resources`` importable while hyperopt is imported, and not afterwards."""
    name = "pkg_resources"
    if name in sys.modules or importlib.util.find_spec(name) is not None:
        yield
        return
    with stand_in(name, resource_string=pkgutil.get_data):
        yield
