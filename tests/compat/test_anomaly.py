"""Importing RecBole's models leaves autograd's anomaly mode as it was.

Every case runs in a fresh interpreter: the import under test happens once in each.
"""

from __future__ import annotations

import subprocess
import sys

import pytest

_CASES = {
    "off stays off": (
        "from recbole_cammsr.compat import anomaly; anomaly.install(); anomaly.install();"
        "import torch, recbole.model.sequential_recommender",
        "False True",
    ),
    "on stays on": (
        "from recbole_cammsr.compat import anomaly; anomaly.install();"
        "import torch; torch.autograd.set_detect_anomaly(True, check_nan=False);"
        "import recbole.model.sequential_recommender",
        "True False",
    ),
    "imported before": (
        # by hand, since recbole_cammsr would have attached the hook by itself
        "import torch, types, sys;"
        "sys.modules['recbole.model.sequential_recommender.sine'] = types.ModuleType('sine');"
        "torch.autograd.set_detect_anomaly(True);"
        "from recbole_cammsr.compat import anomaly; anomaly.install()",
        "False True",
    ),
    "chosen after install": (
        "import torch; from recbole_cammsr.compat import anomaly; anomaly.install();"
        "import recbole.model.sequential_recommender;"
        "torch.autograd.set_detect_anomaly(True); anomaly.install()",
        "True True",
    ),
}


@pytest.mark.parametrize("case", _CASES)
def test_mode_after_import(case: str) -> None:
    code, expected = _CASES[case]
    ask = "print(torch.is_anomaly_enabled(), torch.is_anomaly_check_nan_enabled())"
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", f"{code}; {ask}"],
        capture_output=True,
        text=True,
        timeout=600,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == expected


def test_upstream_still_needs_this() -> None:
    """Fails once RecBole no longer does what the hook undoes."""
    import importlib.util

    package = importlib.util.find_spec("recbole")
    assert package is not None
    assert package.submodule_search_locations is not None
    folder = package.submodule_search_locations[0]
    with open(f"{folder}/model/sequential_recommender/sine.py", encoding="utf-8") as source:
        assert "set_detect_anomaly(True)" in source.read()
