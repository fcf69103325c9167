"""RecBole starts without ray, reports to any ray, and leaves no stand-in behind."""

from __future__ import annotations

import pickle
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from recbole_cammsr.compat import ray as shim


def _run(code: str) -> str:
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code], capture_output=True, text=True, timeout=600
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()[-1]


def test_recbole_imports_without_ray() -> None:
    code = (
        "import sys, importlib.abc\n"
        "class NoRay(importlib.abc.MetaPathFinder):\n"
        "    def find_spec(self, name, path, target=None):\n"
        "        if name.split('.')[0] == 'ray':\n"
        "            raise ModuleNotFoundError('No module named ray', name='ray')\n"
        "sys.meta_path.insert(0, NoRay())\n"
        "import recbole_cammsr, recbole.quick_start\n"
        "print([name for name in sys.modules if name.split('.')[0] == 'ray'])\n"
    )
    assert _run(code) == "[]"


@pytest.mark.parametrize("loaded", ["None", "type(sys)('ray')"])
def test_a_ray_without_tune_is_put_back(loaded: str) -> None:
    code = (
        f"import sys; ray = sys.modules['ray'] = {loaded}\n"
        "import recbole_cammsr\n"
        "from recbole.quick_start import quick_start\n"
        "print(sys.modules['ray'] is ray, type(quick_start.tune).__name__)\n"
    )
    assert _run(code) == "True LazyTune"


def test_other_imports_never_meet_the_stand_in() -> None:
    """Whatever is imported along the way asks for ray before or after, not during."""
    code = (
        "import recbole_cammsr, sys, builtins\n"
        "original, seen = builtins.__import__, set()\n"
        "def spy(name, *rest, **more):\n"
        "    if 'ray' in sys.modules: seen.add(name)\n"
        "    return original(name, *rest, **more)\n"
        "builtins.__import__ = spy\n"
        "import recbole.quick_start.quick_start\n"
        "outside = {'recbole', 'torch', 'ray', 'logging', 'sys', 'collections', '_io'}\n"
        "print(sorted(name for name in seen if name.split('.')[0] not in outside))\n"
    )
    assert _run(code) == "[]"


def _fake_ray(monkeypatch: pytest.MonkeyPatch, report: Any) -> None:
    ray, tune = ModuleType("ray"), ModuleType("ray.tune")
    ray.__path__ = []
    ray.tune, tune.report = tune, report  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "ray", ray)
    monkeypatch.setitem(sys.modules, "ray.tune", tune)


def test_reports_as_keywords_where_ray_takes_them(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[Any] = []

    def report(_metric: Any = None, **metrics: Any) -> None:
        seen.append((_metric, metrics))

    _fake_ray(monkeypatch, report)
    shim.LazyTune().report(**{"recall@10": 0.5})
    assert seen == [(None, {"recall@10": 0.5})]


def test_reports_a_dict_where_ray_wants_one(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[Any] = []

    def report(metrics: dict[str, Any], *, checkpoint: Any = None) -> None:
        seen.append((metrics, checkpoint))

    _fake_ray(monkeypatch, report)
    shim.LazyTune().report(**{"recall@10": 0.5})
    assert seen == [({"recall@10": 0.5}, None)]


def test_reports_nothing_where_no_ray_is_loaded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "ray", raising=False)
    shim.LazyTune().report(loss=1.0)
    assert "ray" not in sys.modules


def test_says_what_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(ImportError, match=r'tuning with Ray needs ray: pip install "ray\[tune\]"'):
        _ = shim.LazyTune().run


@pytest.mark.parametrize("fault", ["import no_such_module_of_ray", "import sys; sys.bool8"])
def test_says_what_is_broken(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, fault: str) -> None:
    for name in [name for name in sys.modules if name.split(".")[0] == "ray"]:
        monkeypatch.delitem(sys.modules, name)
    (tmp_path / "ray").mkdir()
    (tmp_path / "ray" / "__init__.py").write_text(fault + "\n", encoding="utf-8")
    monkeypatch.syspath_prepend(str(tmp_path))
    with pytest.raises(
        ImportError, match=r"the installed ray cannot be imported .*(bool8|no_such)"
    ):
        _ = shim.LazyTune().run


def test_inspection_is_no_use_of_ray(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    assert not hasattr(shim.LazyTune(), "__wrapped__")


def test_objective_brings_this_package_to_a_worker(monkeypatch: pytest.MonkeyPatch) -> None:
    import recbole.quick_start
    from recbole.quick_start import quick_start

    for module in (recbole.quick_start, quick_start):
        assert module.objective_function is shim.objective_function
    assert b"recbole_cammsr.compat.ray" in pickle.dumps(quick_start.objective_function)
    given: dict[str, Any] = {}

    def stock(**arguments: Any) -> dict[str, Any]:
        given.update(arguments)
        return {"test_result": {}}

    monkeypatch.setattr(quick_start, shim._STOCK_OBJECTIVE, stock)
    quick_start.objective_function({"a": 1}, config_file_list=["b.yaml"], saved=False)
    assert given == {"config_dict": {"a": 1}, "config_file_list": ["b.yaml"], "saved": False}


@pytest.mark.parametrize("in_ray", [True, False])
def test_last_result_has_the_reported_metrics(
    monkeypatch: pytest.MonkeyPatch, in_ray: bool
) -> None:
    """Ray ends a search with a scheduler where a trial's return value lacks its metric."""
    from recbole.quick_start import quick_start

    monkeypatch.setitem(sys.modules, "ray", ModuleType("ray") if in_ray else None)
    stock = {"model": "BPR", "best_valid_score": 0.25, "test_result": {"recall@10": 0.5}}
    monkeypatch.setattr(quick_start, shim._STOCK_OBJECTIVE, lambda **_: dict(stock))
    expected = {**stock, "recall@10": 0.5} if in_ray else stock
    assert quick_start.objective_function({}) == expected
