"""Answers the import of a package for as long as RecBole's code runs that asks for it."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import Any


@contextmanager
def stand_in(name: str, **attributes: Any) -> Iterator[None]:
    """Let ``import name`` give a module with these attributes, and afterwards what it gave before.

    Decorates functions that import it when they are called, as any context manager of contextlib's.

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
