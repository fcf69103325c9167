"""The Python scripts that the documents show run as they stand."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


def scripts(page: str) -> list[str]:
    return re.findall(r"```python\n(.*?)```", (ROOT / page).read_text(), re.DOTALL)


@pytest.mark.parametrize(
    ("page", "known_by"),
    [("README.md", 'model="CAMMSR"'), ("docs/recbole.md", "class Mine(CAMMSR)")],
)
def test_a_script_trains_and_tests(tmp_path, page, known_by):
    (script,) = (each for each in scripts(page) if known_by in each and "epochs" in each)
    (tmp_path / "script.py").write_text(script)
    done = subprocess.run(
        [sys.executable, "script.py", "--epochs=1", "--show_progress=False"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    assert "ndcg@10" in done.stdout + done.stderr
    assert list((tmp_path / "saved").glob("*.pth"))
