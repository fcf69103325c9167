"""One command at a time in an output folder; a killed one leaves nothing that stops the next."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

import recbole_cammsr
from recbole_cammsr.analysis import folder_lock
from recbole_cammsr.cli import ablate, benchmark

ROOT = str(Path(recbole_cammsr.__file__).resolve().parents[1])
HOLDER = """
import subprocess, sys
from pathlib import Path
from recbole_cammsr.analysis import folder_lock
owner = type('Owner', (), {})()
folder_lock.hold(Path(sys.argv[1]), owner)
worker = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(3600)"])
print(worker.pid, flush=True)
sys.stdin.read()
"""

needs_locks = pytest.mark.skipif(folder_lock.fcntl is None, reason="no locks on this system")


class Owner:
    """Something that can be referred to weakly."""


@pytest.fixture
def holder(tmp_path):
    """Another process that holds a lock on the folder ``out``, with a worker of its own."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(tmp_path / "out")],
        env={**os.environ, "PYTHONPATH": ROOT},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    worker = int(process.stdout.readline())
    yield process
    process.kill()
    os.kill(worker, signal.SIGKILL)  # first: it has the other end of the pipe
    process.communicate()


@needs_locks
def test_a_second_command_is_refused_until_the_first_is_killed(
    tmp_path, toy_path, holder, capsys, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    plan = {
        "datasets": {"toy": {"data_path": str(toy_path)}},
        "seeds": [1],
        "models": ["Pop"],
        "settings": {"epochs": 1, "gpu_id": ""},
    }
    (tmp_path / "plan.yaml").write_text(yaml.safe_dump(plan))
    left_behind = tmp_path / "out" / "scratch" / "toy" / "job"
    left_behind.mkdir(parents=True)
    command = ["--experiment=plan.yaml", "--output=out", "--threads=1"]
    assert benchmark.main(command) == 1
    assert capsys.readouterr().err.strip() == (
        f"cammsr-benchmark: error: another command (process {holder.pid}) is at work in out; "
        "wait until it has ended, or name another folder with --output"
    )
    assert ablate.main(["--noise=0.1", "--output=out"]) == 1
    assert "is at work in out" in capsys.readouterr().err
    assert left_behind.is_dir()
    holder.kill()  # its worker lives on for a moment, as it may after a crash
    holder.wait()
    assert benchmark.main(command) == 0, capsys.readouterr().err
    assert benchmark.main(command) == 0, capsys.readouterr().err


@needs_locks
def test_the_lock_ends_with_its_owner(tmp_path):
    owner, other = Owner(), Owner()
    folder_lock.hold(tmp_path, owner)
    with pytest.raises(ValueError, match="another command"):
        folder_lock.hold(tmp_path, other)
    folder_lock.hold(tmp_path / "elsewhere", other)
    del owner
    folder_lock.hold(tmp_path, other)


def test_systems_and_disks_without_locks_go_without(tmp_path, monkeypatch):
    if folder_lock.fcntl is not None:

        def refuse(*_):
            raise OSError(errno.ENOLCK, "No locks available")

        with monkeypatch.context() as disk:
            disk.setattr(folder_lock.fcntl, "flock", refuse)
            for _ in range(2):
                folder_lock.hold(tmp_path / "disk", Owner())
    monkeypatch.setattr(folder_lock, "fcntl", None)
    first, second = Owner(), Owner()
    folder_lock.hold(tmp_path / "out", first)
    folder_lock.hold(tmp_path / "out", second)
    assert (tmp_path / "out").is_dir()
