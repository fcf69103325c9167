"""Run a function right after, or a context around, the execution of a later imported module.

Everything this package does to RecBole is attached with these two calls, so that ``import
recbole_cammsr`` stays light (neither torch nor RecBole is loaded by it) and nothing happens to
modules that are never used.
"""

from __future__ import annotations

import importlib.abc
import importlib.machinery
import sys
import threading
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, ExitStack
from types import ModuleType
from typing import Any

Patch = Callable[[ModuleType], None]
ContextFactory = Callable[[], AbstractContextManager[Any]]

_patches: dict[str, list[Patch]] = {}
_contexts: dict[str, list[ContextFactory]] = {}
#: under this name a patched module keeps its patches, by name
_PATCHED = "__recbole_cammsr_patches__"


def when_imported(module_name: str, patch: Patch) -> None:
    """Call ``patch(module)`` once ``module_name`` has been executed; at once if it already has.

    Registering the same function twice for one module has no further effect. Where this package is
    purged and imported again, what its earlier functions patched stays as it is.

    Args:
        module_name: full dotted name, e.g. ``recbole.config.configurator``.
        patch: receives the module; what it raises reaches the importer.
    """
    registered = _patches.setdefault(module_name, [])
    if patch in registered:
        return
    registered.append(patch)
    install_finder(_HookFinder())
    module = sys.modules.get(module_name)
    if module is not None and not _is_executing(module):
        _apply(patch, module)


def around_import(module_name: str, context: ContextFactory) -> None:
    """Execute ``module_name`` inside ``with context():`` when it is imported later.

    No effect where the module is already loaded: it has then been imported without help.

    Args:
        module_name: full dotted name.
        context: makes the context manager.
    """
    registered = _contexts.setdefault(module_name, [])
    if context not in registered:
        registered.append(context)
        install_finder(_HookFinder())


def _is_executing(module: ModuleType) -> bool:
    return bool(getattr(getattr(module, "__spec__", None), "_initializing", False))


def _apply(patch: Patch, module: ModuleType) -> None:
    """Patch a module, unless the same function of an earlier import of this package did so."""
    done: dict[str, Patch] = module.__dict__.setdefault(_PATCHED, {})
    name = f"{patch.__module__}.{patch.__qualname__}"
    earlier = done.setdefault(name, patch)
    # one of this import has the same globals, as two functions without a name have
    if getattr(earlier, "__globals__", None) is getattr(patch, "__globals__", None):
        patch(module)


def install_finder(finder: importlib.abc.MetaPathFinder) -> None:
    """Let a finder of this package be asked first; in place of one of an earlier import of it.

    Args:
        finder: no effect where one of its class is installed.
    """
    kind = type(finder)
    if any(type(each) is kind for each in sys.meta_path):
        return
    name = (kind.__module__, kind.__qualname__)
    sys.meta_path[:] = [
        each for each in sys.meta_path if (type(each).__module__, type(each).__qualname__) != name
    ]
    sys.meta_path.insert(0, finder)


class _Asked(threading.local):
    """The modules that a thread is being found."""

    def __init__(self) -> None:  # run in every thread
        self.names: set[str] = set()


class _HookFinder(importlib.abc.MetaPathFinder):
    """Finds a hooked module with the finders behind this one and wraps its loader."""

    def __init__(self) -> None:
        self._asked = _Asked()

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        if fullname not in _patches and fullname not in _contexts:
            return None
        asked = self._asked.names
        # another package's finder may ask all the others, and this one is one of them
        if fullname in asked:
            return None
        asked.add(fullname)
        try:
            spec = self._spec_behind(fullname, path, target)
        finally:
            asked.remove(fullname)
        if spec is not None and hasattr(spec.loader, "exec_module"):
            spec.loader = _HookLoader(spec.loader)
        return spec

    def _spec_behind(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None
    ) -> importlib.machinery.ModuleSpec | None:
        finders = list(sys.meta_path)
        start = finders.index(self) + 1 if self in finders else 0  # not if another stands for it
        return first_spec(finders[start:], fullname, path, target)


def first_spec(
    finders: Sequence[Any],
    fullname: str,
    path: Sequence[str] | None,
    target: ModuleType | None = None,
) -> importlib.machinery.ModuleSpec | None:
    """What the first of these finders that knows a module says of it.

    Args:
        finders: some of ``sys.meta_path``, asked in their order.
        fullname: of the module, with its package's.
        path: folders of the package, None for a module in none.
        target: the module that is reloaded.

    Returns:
        The module's spec; None where nobody knows it.
    """
    for finder in finders:
        if hasattr(finder, "find_spec"):
            spec: importlib.machinery.ModuleSpec | None = finder.find_spec(fullname, path, target)
            if spec is not None:
                return spec
    return None


class _HookLoader(importlib.abc.Loader):
    """The original loader, with contexts around and patches after ``exec_module``."""

    def __init__(self, original: Any) -> None:
        self._original = original

    def __getattr__(self, name: str) -> Any:
        if name == "_original":  # a copy asks before it has been filled
            raise AttributeError(name)
        # resource readers, get_source for tracebacks and the like belong to the original
        return getattr(self._original, name)

    def create_module(self, spec: importlib.machinery.ModuleSpec) -> ModuleType | None:
        module: ModuleType | None = self._original.create_module(spec)
        return module

    def exec_module(self, module: ModuleType) -> None:
        name = module.__name__
        with ExitStack() as stack:
            for context in _contexts.get(name, []):
                stack.enter_context(context())
            self._original.exec_module(module)
        module.__dict__.pop(_PATCHED, None)  # a reload keeps it
        for patch in _patches.get(name, []):
            _apply(patch, module)


def rebind(name: str, original: object, replacement: object) -> None:
    """Let every loaded module that calls ``original`` by ``name`` have ``replacement`` instead.

    For a function that others may have taken with ``from ... import`` before this package came.

    Args:
        name: what the function is called in the modules that hold it.
        original: the function to look for.
        replacement: what to put in its place.
    """
    for module in list(sys.modules.values()):
        if getattr(module, "__dict__", {}).get(name) is original:
            setattr(module, name, replacement)
