"""The folder that holds the results of jobs: one JSON and one array file each, never half of one.

Layout below the folder::

    jobs/<data set>/<model>-<stage>-seed<k>-<fingerprint>.json   metrics and cost
    jobs/<data set>/<model>-<stage>-seed<k>-<fingerprint>.npz    ranks of the test rows
    logs/….log                                                   what the job printed
    checkpoints/….pth                                            where they are kept
    checkpoints/…-data/                                          what a damaged run read
    scratch/…                                                    of jobs that run, or were killed
    states/…                                                     of trainings that have not ended
    .lock                                                        held by the command at work

The JSON is written last: where it stands, the job is finished.
"""

from __future__ import annotations

import contextlib
import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from recbole_cammsr.analysis import files
from recbole_cammsr.analysis.job import TEST, JobResult, TrainingJob
from recbole_cammsr.analysis.ranks import LABEL_SEPARATOR, UserRanks

#: the column of the targets' labels; in files of earlier versions it is ``category``, and joined by
#: a character that may also stand in a label
_LABELS, _EARLIER_LABELS, _EARLIER_SEPARATOR = "labels", "category", "|"


class ResultStore:
    """Results by job.

    Args:
        folder: made when the first result is written.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = Path(folder)

    def result_path(self, job: TrainingJob) -> Path:
        """The JSON of a job."""
        return self.folder / "jobs" / job.dataset / f"{job.name}.json"

    def ranks_path(self, job: TrainingJob) -> Path:
        """The ranks of a job's test rows."""
        return self.result_path(job).with_suffix(".npz")

    def log_path(self, job: TrainingJob) -> Path:
        """What a job printed."""
        return self.folder / "logs" / job.dataset / f"{job.name}.log"

    def checkpoint_path(self, job: TrainingJob) -> Path:
        """The best checkpoint of a job, where checkpoints are kept."""
        return self.folder / "checkpoints" / job.dataset / f"{job.name}.pth"

    def state_folder(self, job: TrainingJob) -> Path:
        """The state of a job's training between two epochs; it outlives a kill."""
        return self.folder / "states" / job.dataset / job.name

    @contextlib.contextmanager
    def scratch(self, job: TrainingJob) -> Iterator[Path]:
        """An empty folder for a job, deleted afterwards.

        Checkpoints and corrupted copies of features can be large, and a killed process deletes
        nothing: the folder has the job's name, so that the next attempt does.
        """
        folder = self.folder / "scratch" / job.dataset / job.name
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def tidy(self) -> None:
        """Take away the folders of :meth:`scratch` and :meth:`state_folder` that are empty."""
        for root in (self.folder / "scratch", self.folder / "states"):
            for folder in [*root.glob("*"), root]:
                with contextlib.suppress(OSError):  # absent, or somebody still works there
                    folder.rmdir()

    def is_finished(self, job: TrainingJob) -> bool:
        """Whether the job's result stands."""
        return self.result_path(job).is_file()

    def save(self, result: JobResult, ranks: UserRanks | None) -> None:
        """Keep a result; the job counts as finished from the last write on."""
        if ranks is not None:
            columns = {k: values for k, values in ranks._asdict().items() if values is not None}
            columns[_LABELS] = columns.pop("category")
            files.write_arrays(self.ranks_path(result.job), columns)
        files.write_json(self.result_path(result.job), result.to_json())
        self.forget_state(result.job)

    def forget_state(self, job: TrainingJob) -> None:
        """Delete the state of a training that has ended."""
        shutil.rmtree(self.state_folder(job), ignore_errors=True)

    def load(self, job: TrainingJob) -> JobResult:
        """The result of a finished job.

        Raises:
            FileNotFoundError: the job has not finished.
            ValueError: the file holds something else.
        """
        return _read(self.result_path(job))

    def results(self) -> Iterator[JobResult]:
        """Every result that stands, in order of file names.

        Raises:
            ValueError: a file holds something else.
        """
        return map(_read, sorted(self.folder.glob("jobs/*/*.json")))

    def load_ranks(self, job: TrainingJob) -> UserRanks:
        """The ranks of a finished test job.

        Raises:
            FileNotFoundError: the job has not finished, or its file of ranks is gone.
            OSError: the system does not let the file be read.
            ValueError: the job ranked no test rows, or the file is damaged.
        """
        if job.stage != TEST:
            raise ValueError(f"{job.name} is a tuning job, which ranks no test rows")
        path = self.ranks_path(job)
        if not path.is_file():
            advice = (
                "delete the .json beside it and rerun"
                if self.is_finished(job)
                else "the run has not finished; rerun"
            )
            raise FileNotFoundError(f"rank file {path} does not exist; {advice}")
        try:
            with np.load(path, allow_pickle=False) as content:
                columns = {name: content[name] for name in content.files}
            if _EARLIER_LABELS in columns:
                earlier = columns.pop(_EARLIER_LABELS)
                columns[_LABELS] = np.char.replace(earlier, _EARLIER_SEPARATOR, LABEL_SEPARATOR)
            if _LABELS in columns:
                columns["category"] = columns.pop(_LABELS)
            return UserRanks(**{"history_length": None, **columns})
        except Exception as error:  # a dozen kinds, by where in the file the damage is
            if isinstance(error, OSError) and error.filename is not None:
                raise  # the system's refusal
            reason = str(error) or type(error).__name__
            raise ValueError(
                f"rank file {path} cannot be read ({reason}); delete it and the .json beside it, "
                f"and rerun"
            ) from error


def _read(path: Path) -> JobResult:
    try:
        result = JobResult.from_json(json.loads(path.read_text(encoding="utf-8")))
    except ValueError as error:
        raise ValueError(
            f"result file {path} cannot be used: {error}; delete it and rerun"
        ) from error
    return result
