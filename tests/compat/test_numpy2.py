"""RecBole's numpy aliases exist on every numpy, and numpy's own names stay."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from recbole_cammsr.compat import numpy2

_REMOVED = ("float_", "complex_", "unicode_")
_MEANT = {
    "float": np.float64,
    "int": np.int_,
    "complex": np.complex128,
    "object": np.object_,
    "str": np.str_,
    "unicode": np.str_,
}


def _configurator() -> ModuleType:
    class Config:
        def compatibility_settings(self) -> str:
            return "stock"

    module = ModuleType("configurator")
    module.Config = Config  # type: ignore[attr-defined]
    return module


def test_aliases_after_a_config(make_config: Any) -> None:
    make_config("BPR", train_neg_sample_args={"distribution": "uniform", "sample_num": 1})
    for name, scalar_type in _MEANT.items():
        assert getattr(np, name) is scalar_type, name
    assert np.zeros(1, dtype=np.float).dtype == np.float64  # type: ignore[attr-defined]
    assert np.ones(1, dtype=np.bool).dtype == bool


def test_left_alone_where_numpy_has_the_names(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in _REMOVED:
        monkeypatch.setattr(np, name, np.float64, raising=False)
    module = _configurator()
    numpy2._mend_aliases(module)
    assert module.Config().compatibility_settings() == "stock"


def test_applied_where_one_is_gone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(np, "unicode_", raising=False)
    own_long = np.dtype(np.int64).type
    monkeypatch.setattr(np, "long", own_long, raising=False)
    for name in _MEANT:
        monkeypatch.delattr(np, name, raising=False)
    module = _configurator()
    numpy2._mend_aliases(module)
    module.Config().compatibility_settings()
    for name, scalar_type in _MEANT.items():
        assert getattr(np, name) is scalar_type, name
    assert np.long is own_long  # numpy's own name is not overwritten


def test_the_modules_that_read_the_names_are_known(
    recbole_modules: Callable[[str], set[str]],
) -> None:
    found = recbole_modules(rf"\bnp\.({'|'.join([*_MEANT, 'long', 'bool'])})\b")
    assert found == {*numpy2._READERS, "recbole.config.configurator"}


def test_the_names_need_no_config() -> None:
    code = (
        "import sys, recbole_cammsr, recbole.evaluator.metrics, numpy as np\n"
        "assert np.float is np.float64\n"
        "from recbole.data.interaction import Interaction\n"
        "assert 'recbole.config.configurator' not in sys.modules\n"
        "print(Interaction({'a': [1, 2]})['a'].tolist())"
    )
    command = [sys.executable, "-W", "ignore", "-c", code]
    done = subprocess.run(command, capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == "[1, 2]"
