"""thop can be imported without distutils, and no stand-in stays behind."""

from __future__ import annotations

import subprocess
import sys

import pytest

from recbole_cammsr.compat.thop import LooseVersion


@pytest.mark.parametrize("blocked", ["sys.modules['distutils'] = None; ", ""])
def test_thop_is_importable(blocked: str) -> None:
    code = (
        f"import sys; {blocked}import recbole_cammsr;"
        "from thop.profile import register_hooks;"
        "kept = sys.modules.get('distutils');"
        "print(len(register_hooks) > 10, hasattr(kept, '__file__') or kept is None)"
    )
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code], capture_output=True, text=True, timeout=600
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == ["True", "True"]


@pytest.mark.parametrize(
    ("older", "newer"),
    [("1.9.1", "1.10.0"), ("1.0.0", "2.13.0+cpu"), ("1.1", "1.1.1"), ("2.13.0+cpu", "2.13.1+cpu")],
)
def test_versions_compare_by_number(older: str, newer: str) -> None:
    assert LooseVersion(older) < LooseVersion(newer)
    assert LooseVersion(newer) >= LooseVersion(older)
    assert not LooseVersion(newer) < LooseVersion(older)
