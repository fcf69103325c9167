"""HyperTuning searches with every hyperopt, and says what is missing without one."""

from __future__ import annotations

import importlib
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import recbole_cammsr  # noqa: F401  attaches the shim, also where this file is run by itself
from recbole_cammsr.compat import hyperopt as shim

_PARAMETERS = {"choice": {"a": [1, 2]}}


def test_draws_are_those_of_randint() -> None:
    from recbole.trainer import hyper_tuning

    drawn = hyper_tuning.np.random.RandomState(3).integers(0, 9, size=20)
    np.testing.assert_array_equal(drawn, np.random.RandomState(3).randint(0, 9, size=20))
    assert not hasattr(np.random.RandomState, "integers")  # nobody else's is changed


@pytest.mark.parametrize("algo", ["exhaustive", "random", "bayes"])
def test_search_finds_the_best(algo: str, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("hyperopt", reason="hyperopt is optional")
    from recbole.trainer import HyperTuning

    def objective(config_dict: dict[str, Any], config_files: Any = None) -> dict[str, Any]:
        score = config_dict["a"] + 10 * config_dict["b"]
        return {
            "model": "none",
            "best_valid_score": score,
            "valid_score_bigger": True,
            "best_valid_result": {"score": score},
            "test_result": {"score": score},
        }

    tuning = HyperTuning(
        objective,
        params_dict={"choice": {"a": [1, 2, 3], "b": [1, 2]}},
        algo=algo,
        max_evals=8,
        early_stop=100,
    )
    tuning.run()
    tried = {
        key: result["best_valid_result"]["score"] for key, result in tuning.params2result.items()
    }
    if algo == "exhaustive":
        assert len(tried) == 6
    assert tuning.best_score == max(tried.values())


def test_says_what_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    from recbole.trainer import HyperTuning

    monkeypatch.setitem(sys.modules, "hyperopt", None)
    with pytest.raises(ImportError, match="needs hyperopt: pip install hyperopt"):
        HyperTuning(print, params_dict=_PARAMETERS)


@pytest.mark.parametrize("fault", ["import no_such_module", "import sys; sys.bool8"])
def test_says_what_is_broken(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, fault: str) -> None:
    from recbole.trainer import HyperTuning

    for name in [name for name in sys.modules if name.split(".")[0] == "hyperopt"]:
        monkeypatch.delitem(sys.modules, name)
    (tmp_path / "hyperopt.py").write_text(fault + "\n", encoding="utf-8")
    monkeypatch.syspath_prepend(str(tmp_path))
    with pytest.raises(ImportError, match=r"hyperopt cannot be imported .*(no_such|bool8)"):
        HyperTuning(print, params_dict=_PARAMETERS)


def test_resources_are_lent_to_hyperopt_alone(tmp_path: Path) -> None:
    (tmp_path / "hyperopt").mkdir()
    (tmp_path / "hyperopt" / "__init__.py").write_text("import hyperopt.atpe\n", encoding="utf-8")
    (tmp_path / "hyperopt" / "atpe.py").write_text(
        "import pkg_resources\n"
        "def model():\n    return pkg_resources.resource_string(__name__, 'model.txt')\n",
        encoding="utf-8",
    )
    (tmp_path / "hyperopt" / "model.txt").write_text("a forest", encoding="utf-8")
    code = (
        # what setuptools may have left on the path is hidden: as with today's setuptools
        "import sys, importlib.util as util; find = util.find_spec\n"
        "hidden = lambda name: name == 'pkg_resources'\n"
        "util.find_spec = lambda name, *more: None if hidden(name) else find(name, *more)\n"
        f"sys.path.insert(0, {str(tmp_path)!r})\n"
        "import recbole_cammsr, hyperopt.atpe\n"
        "print(hyperopt.atpe.model().decode(), 'pkg_resources' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "a forest False"


@pytest.mark.parametrize("is_imported", [True, False])
def test_resources_that_are_there_are_nobodys_to_replace(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, is_imported: bool
) -> None:
    monkeypatch.setitem(sys.modules, "pkg_resources", None)  # what is there comes back afterwards
    del sys.modules["pkg_resources"]
    monkeypatch.syspath_prepend(str(tmp_path))
    (tmp_path / "pkg_resources.py").write_text("own = True\n", encoding="utf-8")
    if is_imported:
        own = importlib.import_module("pkg_resources")
        own.__spec__ = None  # as of a module that somebody made up
    with shim._resources_for_hyperopt():
        assert importlib.import_module("pkg_resources").own
    assert "pkg_resources" in sys.modules
