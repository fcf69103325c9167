"""Where RecBole is, and what to say where it is missing."""

from __future__ import annotations

import importlib.util
import sys
from functools import cache

#: the last Python for which RecBole's own pin of ray (<= 2.6.3) has a wheel
_LAST_RESOLVABLE = (3, 11)


def require_recbole() -> None:
    """Say how to install RecBole, where it is absent.

    Raises:
        ImportError: RecBole cannot be found.
    """
    if sys.modules.get("recbole") is not None or importlib.util.find_spec("recbole") is not None:
        return
    if sys.version_info[:2] <= _LAST_RESOLVABLE:
        raise ImportError("recbole is not installed: pip install recbole==1.2.1", name="recbole")
    raise ImportError(
        "recbole is not installed, and on Python 3.12 and later pip cannot resolve its pin of ray: "
        "pip install --no-deps recbole==1.2.1, then pip install recbole-cammsr for the rest",
        name="recbole",
    )


@cache
def recbole_folder() -> str:
    """The folder of the installed RecBole, found without importing it.

    Raises:
        ImportError: RecBole is not installed; says how to install it.
    """
    require_recbole()
    spec = importlib.util.find_spec("recbole")
    locations = spec.submodule_search_locations if spec is not None else None
    if not locations:
        raise ImportError("the module 'recbole' that Python finds is not RecBole")
    return next(iter(locations))
