"""Without RecBole this package can be imported and says how to get it."""

from __future__ import annotations

import importlib.util
import subprocess
import sys

import pytest

from recbole_cammsr.compat.requirement import require_recbole


def test_silent_where_recbole_is_present() -> None:
    require_recbole()


@pytest.mark.parametrize(
    ("version", "needed", "absent"),
    [((3, 11), "pip install recbole==1.2.1", "--no-deps"), ((3, 12), "--no-deps", "\n")],
)
def test_says_how_to_install(
    monkeypatch: pytest.MonkeyPatch, version: tuple[int, int], needed: str, absent: str
) -> None:
    monkeypatch.setitem(sys.modules, "recbole", None)
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    monkeypatch.setattr(sys, "version_info", (*version, 0))
    with pytest.raises(ImportError, match="recbole is not installed") as caught:
        require_recbole()
    assert caught.value.name == "recbole"
    assert needed in str(caught.value)
    assert absent not in str(caught.value)


def test_import_without_recbole() -> None:
    code = (
        "import sys; sys.modules['recbole'] = None; import recbole_cammsr;"
        "from recbole_cammsr.compat import require_recbole; require_recbole()"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=600)
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1].startswith("ImportError: recbole is not installed")
