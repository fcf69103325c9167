"""Runs somebody's script or module as ``__main__`` with this package registered, spawned
processes included.

A spawned process imports the main script again, as ``__mp_main__``, before anything of ours is
unpickled there, and the script's own ``import recbole`` would then meet RecBole without our help.
So spawned processes are told to import this module instead, which registers first and runs the
script after.
"""

from __future__ import annotations

import importlib.util
import multiprocessing.spawn
import os
import runpy
import sys
from typing import Any

from recbole_cammsr.run.errors import UsageError

#: where a spawned process finds the script: ``path:<file>`` or ``module:<name>``
_ENVIRONMENT_KEY = "RECBOLE_CAMMSR_MAIN"


def run_script(path: str, arguments: list[str]) -> None:
    """Execute a file as ``python path arguments`` would, with this package registered.

    Args:
        path: the script.
        arguments: what the script sees after its name in ``sys.argv``.

    Raises:
        UsageError: there is no such file.
    """
    if not os.path.exists(path):
        raise UsageError(f"script {path!r} does not exist")
    sys.argv[:] = [path, *arguments]
    # as python does; a folder or zip file with a __main__.py is put there by runpy itself
    if os.path.isfile(path):
        sys.path[0] = os.path.dirname(os.path.abspath(path))
    _lead_spawned_processes(f"path:{os.path.abspath(path)}")
    runpy.run_path(path, run_name="__main__")


def run_module(name: str, arguments: list[str]) -> None:
    """Execute a module as ``python -m name arguments`` would, with this package registered.

    Args:
        name: dotted module or package name.
        arguments: what it sees after its name in ``sys.argv``.

    Raises:
        UsageError: there is no such module.
    """
    sys.path[0] = os.getcwd()
    try:
        found = importlib.util.find_spec(name)
    except (ImportError, ValueError):
        found = None
    if found is None:
        raise UsageError(f"module {name!r} does not exist")
    sys.argv[:] = [name, *arguments]
    _lead_spawned_processes(f"module:{name}")
    runpy.run_module(name, run_name="__main__", alter_sys=True)


def _lead_spawned_processes(main: str) -> None:
    """Make processes that ``multiprocessing`` spawns from here import this module as their main."""
    os.environ[_ENVIRONMENT_KEY] = main
    stock = multiprocessing.spawn.get_preparation_data
    if getattr(stock, "leads_to_recbole_cammsr", False):
        return

    def get_preparation_data(name: str) -> dict[str, Any]:
        data = stock(name)
        had_path = data.pop("init_main_from_path", None) is not None
        if had_path or "init_main_from_name" in data:
            data["init_main_from_name"] = __name__
        return data

    get_preparation_data.leads_to_recbole_cammsr = True  # type: ignore[attr-defined]
    multiprocessing.spawn.get_preparation_data = get_preparation_data


def _become_main_again() -> dict[str, Any]:
    """In a spawned process: the script's names, after registering."""
    import recbole_cammsr  # noqa: F401  registers

    kind, _, main = os.environ[_ENVIRONMENT_KEY].partition(":")
    _lead_spawned_processes(os.environ[_ENVIRONMENT_KEY])  # it may spawn further ones
    if kind == "path":
        return runpy.run_path(main, run_name="__mp_main__")
    return runpy.run_module(main, run_name="__mp_main__", alter_sys=True)


if __name__ == "__mp_main__":  # multiprocessing imports a spawned process's main by this name
    globals().update(_become_main_again())
