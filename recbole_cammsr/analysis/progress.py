"""How far a set of jobs has come, and how long the rest will take."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from recbole_cammsr.analysis.job import TrainingJob


class Progress:
    """Estimates from the durations of finished jobs, of the same kind where there are any.

    Args:
        jobs: all of them, finished or not.
        parallel: how many run at a time.
    """

    def __init__(self, jobs: Sequence[TrainingJob], parallel: int) -> None:
        self._total = len(jobs)
        self._parallel = parallel
        self._done = 0
        self._of_kind: dict[tuple[str, str], list[float]] = defaultdict(list)

    def known(self, job: TrainingJob, seconds: float) -> None:
        """A job that was finished before."""
        self.finished(job, seconds)

    def finished(self, job: TrainingJob, seconds: float) -> None:
        """A job that has just finished."""
        self._done += 1
        self._of_kind[(job.dataset, job.model)].append(seconds)

    def failed(self, job: TrainingJob) -> None:
        """A job that will not be run again; it says nothing about durations."""
        self._done += 1

    def seconds_left(
        self, waiting: Sequence[TrainingJob], running: Sequence[tuple[TrainingJob, float]]
    ) -> float | None:
        """Estimate for everything that is left.

        Args:
            waiting: jobs not started.
            running: started jobs and for how many seconds they have run.

        Returns:
            Seconds; None before the first job has finished.
        """
        everything = [seconds for kind in self._of_kind.values() for seconds in kind]
        if not everything:
            return None

        def expected(job: TrainingJob) -> float:
            same = self._of_kind.get((job.dataset, job.model)) or everything
            return sum(same) / len(same)

        rest = sum(expected(job) for job in waiting)
        rest += sum(max(expected(job) - elapsed, 0.0) for job, elapsed in running)
        return rest / max(1, min(self._parallel, len(waiting) + len(running)))

    def line(
        self,
        title: str,
        outcome: str,
        seconds: float,
        waiting: Sequence[TrainingJob],
        running: Sequence[tuple[TrainingJob, float]],
    ) -> str:
        """What to print when a job has ended."""
        text = f"[{self._done}/{self._total}] {title}: {outcome} ({duration(seconds)})"
        left = self.seconds_left(waiting, running)
        if left is not None and (waiting or running):
            text += f"; about {duration(left)} left"
        return text


def duration(seconds: float) -> str:
    """Such as ``8 s``, ``5 min 12 s`` or ``3 h 07 min``."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    minutes, rest = divmod(whole, 60)
    if minutes < 60:
        return f"{minutes} min {rest:02d} s"
    return f"{minutes // 60} h {minutes % 60:02d} min"
