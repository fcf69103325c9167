"""Hooks run around and after an import, once, and change nothing else about the module."""

from __future__ import annotations

import importlib
import importlib.abc
import importlib.machinery
import inspect
import subprocess
import sys
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType

import pytest

from recbole_cammsr import compat
from recbole_cammsr.compat import import_hooks
from recbole_cammsr.compat.import_hooks import around_import, rebind, when_imported


@pytest.fixture
def make_module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., str]]:
    """Writes a module of a fresh name on the path and gives the name."""
    monkeypatch.syspath_prepend(str(tmp_path))
    names: list[str] = []

    def make(code: str = "value = 1\ndef double():\n    return 2 * value\n") -> str:
        names.append(f"hooked_{uuid.uuid4().hex}")
        (tmp_path / f"{names[-1]}.py").write_text(code, encoding="utf-8")
        importlib.invalidate_caches()
        return names[-1]

    yield make
    for name in names:
        sys.modules.pop(name, None)
        import_hooks._patches.pop(name, None)
        import_hooks._contexts.pop(name, None)


def test_patch_runs_once_after_the_module(make_module: Callable[..., str]) -> None:
    name, seen = make_module(), []

    def patch(module: ModuleType) -> None:
        seen.append(module.value)
        module.value = 21  # type: ignore[attr-defined]

    when_imported(name, patch)
    when_imported(name, patch)
    assert seen == []
    assert importlib.import_module(name).double() == 42
    importlib.import_module(name)
    assert seen == [1]


def test_patch_runs_at_once_where_the_module_is_loaded(make_module: Callable[..., str]) -> None:
    name, seen = make_module(), []
    module = importlib.import_module(name)
    when_imported(name, seen.append)
    when_imported(name, seen.append)
    assert seen == [module]


def test_patch_runs_again_on_reload(make_module: Callable[..., str]) -> None:
    name = make_module()
    when_imported(name, lambda module: setattr(module, "value", 5))
    module = importlib.import_module(name)
    assert importlib.reload(module).double() == 10


def test_error_of_a_patch_reaches_the_importer(make_module: Callable[..., str]) -> None:
    name = make_module()

    def patch(module: ModuleType) -> None:
        raise RuntimeError("cannot mend this")

    when_imported(name, patch)
    with pytest.raises(RuntimeError, match="cannot mend this"):
        importlib.import_module(name)
    assert name not in sys.modules


@pytest.mark.parametrize("code", ["value = 1\n", "raise ValueError('broken')\n"])
def test_context_is_left_even_where_the_module_fails(
    make_module: Callable[..., str], code: str
) -> None:
    name, events = make_module(code), []

    @contextmanager
    def context() -> Iterator[None]:
        events.append("enter")
        try:
            yield
        finally:
            events.append("leave")

    around_import(name, context)
    around_import(name, context)
    if "raise" in code:
        with pytest.raises(ValueError, match="broken"):
            importlib.import_module(name)
    else:
        importlib.import_module(name)
    assert events == ["enter", "leave"]


def test_hooked_module_keeps_source_and_spec(make_module: Callable[..., str]) -> None:
    name = make_module()
    when_imported(name, lambda module: None)
    module = importlib.import_module(name)
    assert "return 2 * value" in inspect.getsource(module.double)
    assert module.__spec__ is not None
    assert module.__spec__.origin == module.__file__
    assert module.__loader__.is_package(name) is False  # type: ignore[union-attr]


def test_other_modules_are_not_touched(make_module: Callable[..., str]) -> None:
    module = importlib.import_module(make_module())
    assert not isinstance(module.__loader__, import_hooks._HookLoader)


def test_rebind_reaches_names_taken_earlier(make_module: Callable[..., str]) -> None:
    source = make_module()
    taker = make_module(f"from {source} import double\ndef call():\n    return double()\n")
    stranger = make_module("def double():\n    return 'own'\n")
    modules = [importlib.import_module(name) for name in (source, taker, stranger)]
    rebind("double", modules[0].double, lambda: "new")
    assert modules[0].double() == modules[1].call() == "new"
    assert modules[2].double() == "own"


def test_install_twice_adds_nothing() -> None:
    before = {name: list(patches) for name, patches in import_hooks._patches.items()}
    contexts = {name: list(entries) for name, entries in import_hooks._contexts.items()}
    finders = list(sys.meta_path)
    compat.install()
    assert before == import_hooks._patches
    assert contexts == import_hooks._contexts
    assert finders == sys.meta_path


class OtherFinder(importlib.abc.MetaPathFinder):
    """Another package's, which asks all finders but itself."""

    def __init__(self, name: str) -> None:
        self.name = name

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        if fullname != self.name:
            return None
        others = [each for each in sys.meta_path if each is not self]
        specs = (each.find_spec(fullname, path, target) for each in others)
        return next((spec for spec in specs if spec is not None), None)


@pytest.mark.parametrize("first", [True, False])
def test_another_package_may_hook_the_same_module(
    make_module: Callable[..., str], monkeypatch: pytest.MonkeyPatch, first: bool
) -> None:
    name, seen = make_module(), []
    when_imported(name, seen.append)
    finders = list(sys.meta_path)
    finders.insert(0 if first else len(finders), OtherFinder(name))
    if not first:  # before the one that finds files, behind this package's
        ours = next(i for i, each in enumerate(finders) if type(each).__name__ == "_HookFinder")
        finders.insert(ours + 1, finders.pop())
    monkeypatch.setattr(sys, "meta_path", finders)
    assert seen == [importlib.import_module(name)]


def test_a_second_import_of_the_package_patches_nothing_twice() -> None:
    code = """
import sys, recbole_cammsr, recbole.trainer.trainer as trainer
def purge(package):
    for name in [each for each in sys.modules if each.split(".")[0] == package]:
        del sys.modules[name]
def depth():
    function, count = sys.modules["recbole.trainer.trainer"].Trainer.fit, 0
    while hasattr(function, "__wrapped__"):
        function, count = function.__wrapped__, count + 1
    return count
before, finders = depth(), len(sys.meta_path)
purge("recbole_cammsr")
import recbole_cammsr
assert (depth(), len(sys.meta_path)) == (before, finders), depth()
purge("recbole")
import recbole.trainer.trainer
assert depth() == before > 0
"""
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code], capture_output=True, text=True, timeout=600
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("first", ["", "import recbole.config, recbole.trainer; "])
def test_import_is_light_and_also_works_after_recbole(first: str) -> None:
    code = (
        f"import sys; {first}import recbole_cammsr;"
        "heavy = {'torch', 'numpy', 'pandas', 'scipy', 'recbole', 'ray'} & set(sys.modules);"
        "print(sorted(heavy));"
        "from recbole.config import Config;"
        "c = Config(model='BPR', dataset='ml-100k', config_dict={'use_gpu': False});"
        "import recbole.trainer.trainer as t, numpy as np;"
        "print(c['model'], np.float is not None, 'ray' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code], capture_output=True, text=True, timeout=600
    )
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    if not first:
        assert lines[0] == "[]"
    assert lines[-1] == "BPR True False"
