"""Answers the import of a package for as long as RecBole's code runs that asks for it."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from types import ModuleType
from typing import Any


@contextmanager
def stand_in(name: str, **attributes: Any) -> Iterator[None]:
    """Let ``import name`` give a module with these attributes, and afterwards what it gave before.

    Args:
        name: of a package; without a dot.
        **attributes: what the module holds.
    """
    module = ModuleType(name)
    vars(module).update(attributes)
    earlier = {name: sys.modules[name]} if name in sys.modules else {}
    sys.modules[name] = module
    try:
        yield
    finally:
        del sys.modules[name]
        sys.modules.update(earlier)


def with_stand_in(method: Callable[..., Any], name: str, **attributes: Any) -> Callable[..., Any]:
    """``method``, which imports ``name`` when it is called, inside :func:`stand_in`.

    Args:
        method: a function.
        name: of a package; without a dot.
        **attributes: what the module holds.

    Returns:
        The function that does so.
    """

    @wraps(method)
    def helped(*args: Any, **kwargs: Any) -> Any:
        with stand_in(name, **attributes):
            return method(*args, **kwargs)

    return helped
