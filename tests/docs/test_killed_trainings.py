"""The count of models that go on exactly, in docs/benchmark.md, is made by a script that works."""

from __future__ import annotations

import csv
import subprocess
import sys
from pathlib import Path

SCRIPT = Path(__file__).parents[2] / "docs" / "measurements" / "killed_trainings.py"
#: the script with a defect: what models count is not put back
BROKEN = f"""
import runpy, sys
from recbole_cammsr.analysis.model_attributes import ModelAttributes

ModelAttributes.put_back = lambda self, values: None
sys.path.insert(0, {str(SCRIPT.parent)!r})
sys.argv[0] = {str(SCRIPT)!r}
runpy.run_path(sys.argv[0], run_name="__main__")
"""


def table(tmp_path, start, *models):
    path = tmp_path / "killed.csv"
    command = [sys.executable, *start, "--output", str(path), "--models", *models]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-3000:]
    with open(path, newline="", encoding="utf-8") as handle:
        rows = [tuple(row.values()) for row in csv.DictReader(handle)]
    return rows, done.stdout.splitlines()[-1]


def test_a_row_says_whether_a_model_goes_on_exactly(tmp_path):
    rows, last = table(tmp_path, [str(SCRIPT)], "MultiVAE", "SASRec", "RecVAE", "KSR")
    found = {row[0]: row[1:] for row in rows}
    assert found["MultiVAE"] == found["SASRec"] == ("True", "True", "")
    assert found["RecVAE"] == ("False", "", "")
    assert found["KSR"][:2] == ("", "")
    assert found["KSR"][2].startswith("RuntimeError")
    assert last == "2 of 2 models whose state is kept go on to the last bit"


def test_a_defect_shows(tmp_path):
    rows, last = table(tmp_path, ["-c", BROKEN], "MultiVAE")
    assert rows == [("MultiVAE", "True", "False", "")]
    assert last.startswith("0 of 1 models")
