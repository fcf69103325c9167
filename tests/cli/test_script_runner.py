"""``python -m recbole_cammsr``: the script's surroundings, here and in spawned processes."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = """
import json, multiprocessing, os, sys

def work(queue, word):
    queue.put([word, __name__, "recbole_cammsr" in sys.modules, helper.VALUE])

import helper
REGISTERED_AT_IMPORT = "recbole_cammsr" in sys.modules

if __name__ == "__main__":
    context = multiprocessing.get_context("spawn")
    queue = context.SimpleQueue()
    child = context.Process(target=work, args=(queue, "from child"))
    child.start()
    child.join()
    assert child.exitcode == 0
    name = os.path.basename(sys.argv[0])
    print(json.dumps([sys.argv[1:], name, REGISTERED_AT_IMPORT, queue.get()]))
    sys.exit(7)
"""


def run(*arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    root = str(Path(__file__).resolve().parents[2])
    path = os.pathsep.join(p for p in (root, os.environ.get("PYTHONPATH", "")) if p)
    return subprocess.run(
        [sys.executable, "-m", "recbole_cammsr", *arguments],
        cwd=cwd,
        env={**os.environ, "PYTHONPATH": path},
        capture_output=True,
        text=True,
        timeout=600,
    )


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "theirs").mkdir()
    (tmp_path / "theirs" / "train.py").write_text(SCRIPT)
    (tmp_path / "theirs" / "helper.py").write_text("VALUE = 3\n")
    return tmp_path


EXPECTED = '[["--a=1", "-m", "x"], "train.py", true, ["from child", "__mp_main__", true, 3]]'


def test_a_script_and_its_spawned_process_are_registered(folder):
    done = run("theirs/train.py", "--a=1", "-m", "x", cwd=folder)
    assert (done.returncode, done.stdout.strip()) == (7, EXPECTED), done.stderr


def test_a_module_and_its_spawned_process_are_registered(folder):
    done = run("-m", "train", "--a=1", "-m", "x", cwd=folder / "theirs")
    assert (done.returncode, done.stdout.strip()) == (7, EXPECTED), done.stderr


def test_a_script_that_fails_shows_its_own_traceback(folder):
    (folder / "bad.py").write_text("raise RuntimeError('theirs')\n")
    done = run("bad.py", cwd=folder)
    assert done.returncode == 1
    assert "RuntimeError: theirs" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["none.py"], "script 'none.py' does not exist"),
        (["-m", "no.such.module"], "module 'no.such.module' does not exist"),
        (["-m"], "-m needs the name of a module"),
        (["--model=CAMMSR"], "unknown option"),
        ([], "usage:"),
    ],
)
def test_wrong_usage(tmp_path, arguments, says):
    done = run(*arguments, cwd=tmp_path)
    assert done.returncode == 2
    assert says in done.stderr
    assert "Traceback" not in done.stderr


def test_help(tmp_path):
    done = run("--help", cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert "SCRIPT.py" in done.stdout
