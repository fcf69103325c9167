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
        name: of a package, or of a module in one: the packages above it are stood in for as well.
        **attributes: what the module holds.
    """
    parts = name.split(".")
    names = [".".join(parts[: depth + 1]) for depth in range(len(parts))]
    modules = [ModuleType(each) for each in names]
    for package, part, module in zip(modules, parts[1:], modules[1:]):
        setattr(package, part, module)
    vars(modules[-1]).update(attributes)
    earlier = {each: sys.modules[each] for each in names if each in sys.modules}
    sys.modules.update(zip(names, modules))
    try:
        yield
    finally:
        for each in names:
            del sys.modules[each]
        sys.modules.update(earlier)
