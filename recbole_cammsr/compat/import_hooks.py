"""Run a function right after, or a context around, the execution of a later imported module.

Everything this package does to RecBole is attached with these two calls, so that ``import
recbole_cammsr`` stays light (neither torch nor RecBole is loaded by it) and nothing happens to
modules that are never used.
"""

from __future__ import annotations

import importlib.abc
import importlib.machinery
import sys
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, ExitStack
from types import ModuleType
from typing import Any

Patch = Callable[[ModuleType], None]
ContextFactory = Callable[[], AbstractContextManager[Any]]

_patches: dict[str, list[Patch]] = {}
_contexts: dict[str, list[ContextFactory]] = {}


def when_imported(module_name: str, patch: Patch) -> None:
    """Call ``patch(module)`` once ``module_name`` has been executed; at once if it already has.

    Registering the same function twice for one module has no further effect.

    Args:
        module_name: full dotted name, e.g. ``recbole.config.configurator``.
        patch: receives the module; what it raises reaches the importer.
    """
    registered = _patches.setdefault(module_name, [])
    if patch in registered:
        return
    registered.append(patch)
    _install()
    module = sys.modules.get(module_name)
    if module is not None and not _is_executing(module):
        patch(module)


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
        _install()


def _is_executing(module: ModuleType) -> bool:
    return bool(getattr(getattr(module, "__spec__", None), "_initializing", False))


def _install() -> None:
    if not any(isinstance(finder, _HookFinder) for finder in sys.meta_path):
        sys.meta_path.insert(0, _HookFinder())


class _HookFinder(importlib.abc.MetaPathFinder):
    """Finds a hooked module with the finders behind this one and wraps its loader."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        if fullname not in _patches and fullname not in _contexts:
            return None
        for finder in sys.meta_path:
            if finder is self or not hasattr(finder, "find_spec"):
                continue
            spec = finder.find_spec(fullname, path, target)
            if spec is not None:
                if spec.loader is not None and hasattr(spec.loader, "exec_module"):
                    spec.loader = _HookLoader(spec.loader)
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
        for patch in _patches.get(name, []):
            patch(module)


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
