"""Worker processes: calls, failures in a sentence, ends that leave nothing behind."""

from __future__ import annotations

import importlib
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from recbole_cammsr.analysis.speed_pool import Worker, WorkerError, thread_environment

_SUBJECT = """
import os
import time

class Subject:
    def __init__(self, start):
        if start < 0:
            raise ValueError("start is below 0")
        self.value = start

    def add(self, more):
        self.value += more
        return self.value

    def where(self):
        return os.getpid(), os.getcwd(), os.environ["OMP_NUM_THREADS"]

    def fail(self):
        raise RuntimeError("no such\\nluck")

    def sleep(self):
        print(os.getcwd(), flush=True)
        time.sleep(30)

    def vanish(self):
        os._exit(7)
"""


@pytest.fixture
def subject(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A class that stands for a model, in a module that the spawned process can import."""
    (tmp_path / "speed_pool_subject.py").write_text(_SUBJECT, encoding="utf-8")
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(sys.modules, "speed_pool_subject", raising=False)
    return importlib.import_module("speed_pool_subject").Subject


def test_a_worker_keeps_its_state_and_folder_until_it_fails(
    subject: Any,
) -> None:
    with thread_environment(3):
        worker = Worker("it", subject, (40,))
    try:
        assert worker.call("add", 1) == 41
        assert worker.call("add", 1) == 42
        process, folder, threads = worker.call("where")
        assert process != os.getpid()
        assert os.path.isdir(folder)
        assert threads == "3"
        with pytest.raises(WorkerError, match=r"^it: RuntimeError: no such luck$") as error:
            worker.call("fail")
        assert "in fail" in error.value.trace
    finally:
        worker.close()
    assert not os.path.exists(folder)


def test_a_worker_that_vanishes_is_an_error_not_a_hang(subject: Any) -> None:
    worker = Worker("it", subject, (0,))
    try:
        with pytest.raises(WorkerError, match=r"it: its process was ended \(exit 7\)"):
            worker.call("vanish")
        with pytest.raises(WorkerError, match="it: its process"):
            worker.call("add", 1)
    finally:
        worker.close()


def test_a_busy_worker_ends_with_its_parent(subject: Any, tmp_path: Path) -> None:
    """Also where the parent is told to end and cleans nothing up."""
    script = tmp_path / "parent.py"
    script.write_text(
        "import speed_pool_subject\n"
        "from recbole_cammsr.analysis.speed_pool import Worker\n"
        "if __name__ == '__main__':\n"
        "    Worker('it', speed_pool_subject.Subject, (0,)).call('sleep')\n",
        encoding="utf-8",
    )
    places = [str(tmp_path), str(Path(__file__).parents[2]), os.environ.get("PYTHONPATH", "")]
    parent = subprocess.Popen(
        [sys.executable, str(script)],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(places)},
        stderr=subprocess.PIPE,  # where workers print
        text=True,
    )
    assert parent.stderr is not None
    lines = iter(parent.stderr.readline, "")
    folder = next(line.strip() for line in lines if "benchmark_speed_" in line)
    begin = time.monotonic()
    parent.terminate()
    parent.wait(60)
    parent.stderr.read()  # ends when the worker does: it holds the other end
    assert time.monotonic() - begin < 20
    assert not os.path.exists(folder)


def test_a_subject_that_cannot_be_built_says_why(subject: Any) -> None:
    with pytest.raises(WorkerError, match="it: ValueError: start is below 0"):
        Worker("it", subject, (-1,))


def test_the_environment_is_put_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OMP_WAIT_POLICY", raising=False)
    monkeypatch.delenv("GOMP_SPINCOUNT", raising=False)
    monkeypatch.setenv("OMP_NUM_THREADS", "5")
    with thread_environment(2):
        assert os.environ["OMP_NUM_THREADS"] == "2"
        assert os.environ["OMP_WAIT_POLICY"] == "PASSIVE"
    assert os.environ["OMP_NUM_THREADS"] == "5"
    assert not {"OMP_WAIT_POLICY", "GOMP_SPINCOUNT"} & set(os.environ)
