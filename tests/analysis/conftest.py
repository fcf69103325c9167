"""Jobs of experiments without the seconds that a process of their own takes to start."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from recbole_cammsr.analysis.job import TrainingJob
from recbole_cammsr.analysis.run_job import run_job
from recbole_cammsr.analysis.runner import Runner


class _Finished:
    """Stands for a worker that has done its job."""

    returncode, stdout = 0, None

    def poll(self) -> int:
        return self.returncode


@pytest.fixture
def jobs_in_this_process(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    """Runs the jobs of a benchmark here, one at a time, with one thread, in ``tmp_path``."""

    def start(runner: Runner, job: TrainingJob) -> _Finished:
        with runner.store.scratch(job) as scratch:
            runner.store.save(*run_job(job, scratch))
        return _Finished()

    monkeypatch.chdir(tmp_path)  # RecBole writes its logs into the current folder
    monkeypatch.setattr(sys, "argv", ["pytest"])
    monkeypatch.setattr(Runner, "_start", start)
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)
