"""RecBole's own tests of data, settings and metrics pass on the installed stack.

They are read from a checkout of RecBole's repository, since the released package has none: name
its folder in the environment variable ``RECBOLE_CHECKOUT``.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

_SUITES = ("tests/data", "tests/config", "tests/metrics", "tests/evaluation_setting")


def test_recbole_suite() -> None:
    folder = os.environ.get("RECBOLE_CHECKOUT")
    if not folder:
        pytest.skip("RECBOLE_CHECKOUT does not name a checkout of RecBole's repository")
    checkout = Path(folder)
    missing = [suite for suite in _SUITES if not (checkout / suite).is_dir()]
    if missing:
        pytest.fail(f"RECBOLE_CHECKOUT, {checkout}, has no {', '.join(missing)}")
    package_root = Path(__file__).resolve().parents[2]
    paths = [str(package_root), os.environ.get("PYTHONPATH", "")]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, paths))}
    environment.pop("TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD", None)
    options = ["-q", "-p", "recbole_cammsr", "-p", "no:cacheprovider", "-W", "ignore"]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", *options, *_SUITES],
        cwd=checkout,
        env=environment,
        capture_output=True,
        text=True,
        timeout=1800,
    )
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-2000:]
    passed = re.search(r"(\d+) passed", done.stdout)
    assert passed is not None
    assert int(passed.group(1)) >= 92
