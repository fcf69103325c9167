"""Runs jobs, each in a fresh process, several at a time, skipping those that have finished."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

import recbole_cammsr
from recbole_cammsr.analysis.digests import changed_file
from recbole_cammsr.analysis.job import TEST, JobResult, TrainingJob
from recbole_cammsr.analysis.progress import Progress
from recbole_cammsr.analysis.store import ResultStore
from recbole_cammsr.run.cpu_threads import thread_settings

_POLL_SECONDS = 0.1


class Runner:
    """Starts workers and waits for them.

    Args:
        store: where results go, and where finished ones are found.
        parallel: workers at a time.
        threads: of each worker; None shares the processors among the workers. The number of
            threads can change sums in their last digits, so results repeat exactly only with the
            same number.
        keep_checkpoints: whether test jobs leave their best checkpoint in the store.
        show: receives a line for every event.
    """

    def __init__(
        self,
        store: ResultStore,
        *,
        parallel: int = 1,
        threads: int | None = None,
        keep_checkpoints: bool = False,
        show: Callable[[str], None] = print,
    ) -> None:
        self.store = store
        self.parallel = parallel
        self.threads = threads or max(1, (os.cpu_count() or 1) // parallel)
        self.keep_checkpoints = keep_checkpoints
        self.show = show

    def run(self, jobs: Sequence[TrainingJob], titles: Mapping[str, str]) -> dict[str, str]:
        """Run those jobs that have no result yet.

        Args:
            jobs: in the order in which they are to start; the same job may stand twice.
            titles: fingerprint to what a progress line calls the job.

        Returns:
            Fingerprint to reason, for every job that failed; empty where all went well.

        Raises:
            FileNotFoundError: the ranks of a finished run are gone.
            ValueError: a result that stands was made with other data than there are now, or is
                damaged.
        """
        distinct = list({job.fingerprint: job for job in jobs}.values())
        waiting = [job for job in distinct if not self.store.is_finished(job)]
        finished = [job for job in distinct if self.store.is_finished(job)]
        progress = Progress(distinct, self.parallel)
        results = [self.store.load(job) for job in finished]
        self.check_data(results)
        for job, result in zip(finished, results):
            self.store.forget_state(job)  # of one that was killed when it had written its result
            if job.stage == TEST:  # what is damaged is better known now than after the last run
                self.store.load_ranks(job)
            progress.known(job, result.cost.get("fit_seconds") or 0.0)
        if finished:
            self.show(f"{len(finished)} of {len(distinct)} runs have been done before")
        begun = sum(self.store.state_folder(job).is_dir() for job in waiting)
        if begun:
            were, they = ("was", "it goes") if begun == 1 else ("were", "they go")
            anew = "begins" if begun == 1 else "begin"
            self.show(
                f"{begun} {were} under way: {they} on, or {anew} anew where code or data changed"
            )
        self._tell_of_absent_checkpoints(finished)
        failures: dict[str, str] = {}
        running: dict[str, tuple[TrainingJob, subprocess.Popen[bytes], float]] = {}
        try:
            while waiting or running:
                while waiting and len(running) < self.parallel:
                    job = waiting.pop(0)
                    running[job.fingerprint] = (job, self._start(job), time.monotonic())
                for key, (job, process, start) in list(running.items()):
                    if process.poll() is None:
                        continue
                    del running[key]
                    seconds = time.monotonic() - start
                    title = titles.get(key, job.name)
                    if process.returncode == 0 and self.store.is_finished(job):
                        progress.finished(job, seconds)
                        results.append(self.store.load(job))
                        line = self._outcome(results[-1])
                    else:
                        failures[key] = self._reason(job, process)
                        progress.failed(job)
                        line = f"FAILED, {failures[key]}"
                    active = [(j, time.monotonic() - s) for j, _, s in running.values()]
                    self.show(progress.line(title, line, seconds, waiting, active))
                    self.check_data(results)  # with other data, what follows would be in vain
                if running:
                    time.sleep(_POLL_SECONDS)
        finally:
            for _, process, _ in running.values():
                process.kill()
            for _, process, _ in running.values():
                process.wait()
            self.store.tidy()
        return failures

    def _tell_of_absent_checkpoints(self, finished: Sequence[TrainingJob]) -> None:
        """Say which finished runs cannot have their checkpoint kept any more."""
        if not self.keep_checkpoints:
            return
        absent = [
            self.store.result_path(job)
            for job in finished
            if job.stage == TEST and not self.store.checkpoint_path(job).is_file()
        ]
        if absent:
            self.show(
                f"warning: {len(absent)} of these left no checkpoint, such as {absent[0]}; delete "
                "that file to run it again with --keep_checkpoints"
            )

    def check_data(self, results: Iterable[JobResult]) -> None:
        """Refuse results of other data than there are now.

        Args:
            results: of this runner's store; a file that is as it was is read once for all.

        Raises:
            ValueError: a file has changed since one of them was made.
        """
        for result in results:
            changed = changed_file(result)
            if changed is not None:
                path = self.store.result_path(result.job)
                raise ValueError(
                    f"{changed} has changed since the result {path} was made, and results of "
                    f"different data cannot be compared; name another folder with --output, or "
                    f"delete {path.parent} to run everything again"
                )

    def _start(self, job: TrainingJob) -> subprocess.Popen[bytes]:
        log = self.store.log_path(job)
        log.parent.mkdir(parents=True, exist_ok=True)
        request = {
            "job": job.to_json(),
            "store": str(self.store.folder.resolve()),
            "keep_checkpoint": self.keep_checkpoints,
        }
        # what an earlier attempt printed stays where this one goes on from it
        with open(log, "ab" if self.store.state_folder(job).is_dir() else "wb") as output:
            process = subprocess.Popen(
                [sys.executable, "-m", "recbole_cammsr.analysis.worker"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,  # only for the sentence of a failure
                stderr=output,
                env=self._environment(),
            )
        if process.stdin is not None:  # kept open: its end tells the worker that we are gone
            process.stdin.write((json.dumps(request) + "\n").encode())
            process.stdin.flush()
        return process

    def _environment(self) -> dict[str, str]:
        root = str(Path(recbole_cammsr.__file__).resolve().parents[1])
        paths = [root, *filter(None, [os.environ.get("PYTHONPATH")])]
        return {
            **os.environ,
            "PYTHONPATH": os.pathsep.join(paths),
            **thread_settings(self.threads, os.environ),
        }

    def _outcome(self, result: JobResult) -> str:
        if result.diverged:
            return (
                f"counts as the worst, {result.diverged} (log: {self.store.log_path(result.job)})"
            )
        if result.valid_metric in result.valid:
            parts = [f"valid {result.valid_metric} {result.valid[result.valid_metric]:.4f}"]
        else:
            parts = ["no validation"]
        if result.valid_metric in result.test:
            parts.append(f"test {result.test[result.valid_metric]:.4f}")
        return ", ".join(parts)

    def _reason(self, job: TrainingJob, process: subprocess.Popen[bytes]) -> str:
        log, code = self.store.log_path(job), process.returncode
        if code > 0 and process.stdout is not None:
            said = process.stdout.readline().decode("utf-8", "replace").strip()
            if said:
                return f"{said} (log: {log})"
        if code < 0:
            return f"its process was ended by signal {-code} (log: {log})"
        return f"its process ended with code {code} (log: {log})"
