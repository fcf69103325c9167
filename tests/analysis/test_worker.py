"""A worker says to whoever started it why its job failed, whatever becomes of its log."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

import recbole_cammsr
from recbole_cammsr.analysis.job import TrainingJob

ROOT = str(Path(recbole_cammsr.__file__).resolve().parents[1])


def failed(tmp_path, log):
    job = TrainingJob("Pop", "toy", 1, {"data_path": str(tmp_path / "none")})
    request = {"job": job.to_json(), "store": str(tmp_path / "out"), "keep_checkpoint": False}
    path = os.pathsep.join(part for part in (ROOT, os.environ.get("PYTHONPATH", "")) if part)
    with open(log, "wb") as errors:
        process = subprocess.Popen(
            [sys.executable, "-m", "recbole_cammsr.analysis.worker"],
            cwd=tmp_path,
            env={**os.environ, "PYTHONPATH": path},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=errors,
        )
        process.stdin.write((json.dumps(request) + "\n").encode())
        process.stdin.flush()
        said = process.stdout.read().decode()
        process.wait()
        process.stdin.close()
    return process.returncode, said


def test_the_sentence_is_all_that_comes_and_the_traceback_is_in_the_log(tmp_path):
    code, said = failed(tmp_path, tmp_path / "log")
    assert code == 1
    assert said.startswith("there is no data set 'toy'")
    assert said.count("\n") == 1
    log = (tmp_path / "log").read_text()
    assert f"job failed: {said}" in log
    assert "Traceback" in log


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="has no device that is always full")
def test_a_log_on_a_full_disk_costs_no_sentence(tmp_path):
    code, said = failed(tmp_path, "/dev/full")
    assert code == 1
    assert said.startswith("there is no data set 'toy'")
