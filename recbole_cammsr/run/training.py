"""Trains and tests one model through RecBole's own ``run``, and keeps what ``run`` lets go.

``run`` returns the metrics but neither the checkpoint's path nor a way to resume. Both hang on the
trainer, which ``run_recbole`` builds with ``get_trainer``: while a job runs, that one function is
wrapped, in this process or in every spawned one, and nothing else of RecBole is replaced.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from recbole_cammsr.compat import checkpoint_name, distributed
from recbole_cammsr.run.errors import RunError
from recbole_cammsr.run.script_resume import check_goes_further

#: carries the checkpoint to resume into spawned processes; never reaches a Config
_RESUME_KEY = "recbole_cammsr_resume"


@dataclass(frozen=True)
class Job:
    """One training run: what RecBole's ``run`` takes, and a checkpoint to start from."""

    model: str
    dataset: str
    config_files: list[str] = field(default_factory=list)
    config_dict: dict[str, Any] = field(default_factory=dict)
    resume: str | None = None
    nproc: int = 1
    world_size: int = -1
    ip: str = "localhost"
    port: str = "5678"
    group_offset: int = 0


@dataclass(frozen=True)
class Outcome:
    """The metrics of one run, and the file with the best model."""

    model: str
    dataset: str
    valid: dict[str, float]
    test: dict[str, float]
    bigger_is_better: bool
    checkpoint: str | None


def train(job: Job) -> Outcome | None:
    """Train a model, test its best checkpoint.

    Args:
        job: what to train.

    Returns:
        The outcome; None on a machine that does not hold the first process.

    Raises:
        RunError: the checkpoint to resume leaves nothing to do.
    """
    from recbole.quick_start import quick_start

    single = job.nproc == 1 and job.world_size <= 0
    settings = dict(job.config_dict)
    if not single:
        settings[_RESUME_KEY] = job.resume
    stock_worker = quick_start.run_recboles
    quick_start.run_recboles = worker
    try:
        with _following_trainers(job.resume) as trainers:
            result = quick_start.run(
                job.model,
                job.dataset,
                config_file_list=job.config_files or None,
                config_dict=settings or None,
                nproc=job.nproc,
                world_size=job.world_size,
                ip=job.ip,
                port=job.port,
                group_offset=job.group_offset,
            )
    finally:
        quick_start.run_recboles = stock_worker
    if result is None:
        return None
    if trainers:
        result = {**result, **_file_of(trainers)}
    return Outcome(
        model=job.model,
        dataset=job.dataset,
        valid=dict(result["best_valid_result"] or {}),
        test=dict(result["test_result"] or {}),
        bigger_is_better=bool(result["valid_score_bigger"]),
        checkpoint=result.get("checkpoint"),
    )


def worker(rank: int, *args: Any) -> None:
    """One spawned process: RecBole's worker, with the trainer followed.

    Importing this module, which unpickling this function does, registers our models.

    Args:
        rank: number of the process on this machine.
        args: what RecBole's ``run`` hands to its worker; the last is a dictionary.
    """
    from recbole.quick_start import quick_start

    distributed.end_with_parent()
    keywords = args[-1]
    resume = keywords["config_dict"].pop(_RESUME_KEY, None)
    with _following_trainers(resume) as trainers:
        keywords["queue"] = _QueueWithFile(keywords["queue"], trainers)
        quick_start.run_recboles(rank, *args)


class _QueueWithFile:
    """Adds the checkpoint's path to the result that a worker sends back."""

    def __init__(self, queue: Any, trainers: list[Any]) -> None:
        self._queue = queue
        self._trainers = trainers

    def put(self, result: dict[str, Any]) -> None:
        self._queue.put({**result, **_file_of(self._trainers)})

    def __getattr__(self, name: str) -> Any:
        return getattr(self._queue, name)


def _file_of(trainers: list[Any]) -> dict[str, str]:
    """The checkpoint of the last trainer; none where a trainer saves no file (non-neural ones)."""
    path = getattr(trainers[-1], "saved_model_file", None)
    return {"checkpoint": path} if path and os.path.isfile(path) else {}


@contextmanager
def _following_trainers(resume: str | None) -> Iterator[list[Any]]:
    """Collect the trainers that ``run_recbole`` builds, and let them continue a checkpoint."""
    from recbole.quick_start import quick_start

    from recbole_cammsr.run import checkpoints

    stock = quick_start.get_trainer
    built: list[Any] = []

    def get_trainer(model_type: Any, model_name: str) -> Any:
        trainer_class = stock(model_type, model_name)

        def build(config: Any, model: Any) -> Any:
            trainer = trainer_class(config, model)
            _save_whole_files(trainer)
            if resume is not None:
                checkpoints.check_goes_on(trainer.config, resume)
                _continue_from(trainer, resume)
            built.append(trainer)
            return trainer

        return build

    quick_start.get_trainer = get_trainer
    try:
        yield built
    finally:
        quick_start.get_trainer = stock


def _continue_from(trainer: Any, checkpoint: str) -> None:
    if not hasattr(trainer, "resume_checkpoint"):
        raise RunError(f"{trainer.config['model']} cannot be resumed: its trainer has no epochs")
    chosen = [(group["lr"], group["weight_decay"]) for group in trainer.optimizer.param_groups]
    try:
        trainer.resume_checkpoint(checkpoint)
    except (RuntimeError, ValueError) as error:
        from recbole_cammsr.run import checkpoints

        better = checkpoints.does_not_fit(trainer.config, checkpoint, error)
        if better is error:
            raise
        raise better from error
    for group, (rate, decay) in zip(trainer.optimizer.param_groups, chosen):
        # the saved optimizer brings its old rate along: without this a new one has no effect
        group.update(lr=rate, weight_decay=decay)
    check_goes_further(trainer, checkpoint)
    stock_fit = trainer.fit

    def fit(train_data: Any, valid_data: Any = None, **keywords: Any) -> Any:
        score, result = stock_fit(train_data, valid_data, **keywords)
        if result is None and valid_data:  # no epoch since was better than the checkpoint
            result = trainer.evaluate(valid_data, model_file=checkpoint)
        return score, result

    trainer.fit = fit


def _save_whole_files(trainer: Any) -> None:
    """Write checkpoints beside their name first: a kill in mid-write must not cost the last one."""
    from recbole.trainer import Trainer

    if getattr(type(trainer), "_save_checkpoint", None) is not Trainer._save_checkpoint:
        return
    stock_save = trainer._save_checkpoint

    def save(epoch: int, verbose: bool = True, **keywords: Any) -> None:
        if not trainer.config["single_spec"] and trainer.config["local_rank"] != 0:
            return
        path = keywords.pop("saved_model_file", None) or checkpoint_name.claim(trainer)
        unfinished = f"{path}.part"
        try:
            stock_save(epoch, verbose=False, saved_model_file=unfinished, **keywords)
            os.replace(unfinished, path)
            checkpoint_name.release(trainer)
        finally:
            if os.path.exists(unfinished):
                os.remove(unfinished)
        if verbose:
            logging.getLogger().info(f"Saving current: {path}")

    trainer._save_checkpoint = save
