"""Carries out one job in this process, as ``run_recbole`` would, and measures it.

The steps and the state of the random generators are those of RecBole's ``run_recbole``, so a row
of a benchmark is what the command ``run_recbole`` gives with the same settings (tested equal).
Two things differ: a tuning job never looks at the test split, and the test metrics are computed
from the ranks without rounding.
"""

from __future__ import annotations

import logging
import os
import shutil
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from recbole_cammsr.analysis import corruption, digests, divergence, kept_files, nan_scores
from recbole_cammsr.analysis.job import TEST, TUNE, JobResult, TrainingJob
from recbole_cammsr.analysis.ranks import RankCollector, UserRanks, is_per_user, per_user
from recbole_cammsr.data.packing import targets_in
from recbole_cammsr.run import protocol


def run_job(
    job: TrainingJob,
    scratch: Path,
    keep_checkpoint: Path | None = None,
    state_folder: Path | None = None,
) -> tuple[JobResult, UserRanks | None]:
    """Train a model; for a test job also rank the test rows once, with the best checkpoint.

    Args:
        job: what to run.
        scratch: an empty folder for checkpoints and corrupted files; the caller deletes it.
        keep_checkpoint: where to put the best checkpoint, None to leave it in ``scratch``. The
            corrupted files that it was trained with are then kept beside it.
        state_folder: where training leaves its state between epochs, and goes on from one that an
            earlier attempt left there; None for neither. The caller deletes it.

    Returns:
        The result, and the ranks of the test rows (None for a tuning job). A tuning job whose
        loss or scores are NaN has a result without metrics, which says so.

    Raises:
        ValueError: settings that cannot work (the sentence is RecBole's or this package's), a loss
            or scores that are NaN in a test job, or data that changed in between.
    """
    with kept_files.damaged(scratch, keep_checkpoint) as damaged:
        return _run(job, scratch, damaged, keep_checkpoint, state_folder)


def _run(
    job: TrainingJob,
    scratch: Path,
    damaged: Path,
    keep_checkpoint: Path | None,
    state_folder: Path | None,
) -> tuple[JobResult, UserRanks | None]:
    # before the model's code is imported: what is edited while it trains is not what trains
    code = digests.code_digest(job.model)
    config = make_config(job, scratch)
    originals, data = str(config["data_path"]), digests.data_digests(config)
    if job.corruption:
        corruption.apply(job.corruption, config, job.seed, damaged)
    from recbole.data import create_dataset, data_preparation
    from recbole.utils import get_model, get_trainer, init_seed

    from recbole_cammsr.analysis.cost import EpochClock, memory_owner
    from recbole_cammsr.analysis.target_labels import target_labels

    init_seed(config["seed"], config["reproducibility"])
    dataset = create_dataset(config)
    # a column that cannot be read is told now, not when the model is trained and tested
    labels = target_labels(config, dataset, originals)
    interactions = dataset.inter_feat
    users = np.bincount(interactions[dataset.uid_field].to_numpy(), minlength=dataset.user_num)
    one_row_per_user = _leaves_one_out(config)
    items = np.bincount(interactions[dataset.iid_field].to_numpy(), minlength=dataset.item_num)
    train, valid, test = data_preparation(config, dataset)
    init_seed(config["seed"] + config["local_rank"], config["reproducibility"])
    model = get_model(config["model"])(config, train._dataset).to(config["device"])
    with _without_tensorboard():
        trainer = get_trainer(config["MODEL_TYPE"], config["model"])(config, model)
    logging.getLogger().info(str(model))

    clock = EpochClock(trainer)
    state = _state(state_folder, trainer, (train, valid), clock, {"code": code, "data": data})
    diverged = ""

    def validated(epoch: int, score: float) -> None:
        clock.validated(epoch, score)
        if state is not None:
            state.keep(epoch)

    try:
        with nan_scores.refused(trainer):
            _, valid_result = trainer.fit(
                train, valid, saved=True, show_progress=False, callback_fn=validated
            )
    except ValueError as error:
        if job.stage != TUNE or not divergence.has_diverged(error):
            raise
        logging.getLogger().warning(f"counts as the worst score: {error}")
        diverged, valid_result = str(error), None
    fit_seconds = clock.seconds()
    bigger = bool(config["valid_metric_bigger"])
    best_epoch: int | None = None
    cost: dict[str, float | None] = {"fit_seconds": fit_seconds}
    if not diverged:
        best_epoch, best_seconds = clock.best(bigger)
        cost = _cost(trainer, train, valid, clock, fit_seconds, best_seconds)
    test_result: dict[str, float] = {}
    ranks = None
    if job.stage == TEST:
        collector = RankCollector(
            dataset.uid_field,
            dataset.iid_field,
            config["topk"],
            one_row_per_user=one_row_per_user,
            history_fields=(
                dataset.iid_field + config["LIST_SUFFIX"],
                config["ITEM_LIST_LENGTH_FIELD"],
            ),
        )
        with nan_scores.refused(trainer), collector.watching(trainer):
            test_result = _plain(trainer.evaluate(test, load_best_model=True, show_progress=False))
        popularity = items - _targets(test, dataset) - _targets(valid, dataset)
        lengths = users - 1 if one_row_per_user else None
        ranks = collector.ranks(dataset, lengths, popularity, labels)
        for metric in test_result:
            if is_per_user(metric):
                test_result[metric] = float(per_user(metric, ranks.rank).mean())
    result = JobResult(
        job=job,
        valid=_plain(valid_result),
        test=test_result,
        valid_metric=config["valid_metric"].lower(),
        bigger_is_better=bigger,
        epochs=len(clock.training_seconds),
        best_epoch=best_epoch,
        cost=cost,
        code=code,
        data=data,
        diverged=diverged,
        memory_of=memory_owner(trainer.device),
    )
    changed = digests.changed_file(result)
    if changed is not None:
        raise ValueError(
            f"{changed} changed while the run was going on, so its result would be of neither the "
            f"old nor the new data; run it again when the file is final"
        )
    if keep_checkpoint is not None and os.path.isfile(trainer.saved_model_file):
        keep_checkpoint.parent.mkdir(parents=True, exist_ok=True)
        shutil.move(trainer.saved_model_file, keep_checkpoint)
    return result, ranks


def make_config(job: TrainingJob, scratch: Path) -> Any:
    """RecBole's configuration of a job: the data set's protocol, then the job's settings.

    Args:
        job: what to run.
        scratch: receives checkpoints.
    """
    sys.argv[1:] = []  # RecBole reads settings from the command line, which is not ours here
    from recbole.config import Config

    settings = {
        **protocol.followed(job.model, job.dataset, {**job.settings, "seed": job.seed}),
        "checkpoint_dir": str(scratch / "checkpoints"),
        "show_progress": False,
    }
    return Config(model=job.model, dataset=job.dataset, config_dict=settings)


def _state(
    folder: Path | None, trainer: Any, loaders: Sequence[Any], clock: Any, made_of: dict[str, Any]
) -> Any:
    """The training's state, put back where an earlier attempt left one; None where none is kept."""
    from recbole_cammsr.analysis import training_state

    if folder is None or not training_state.can_be_kept(trainer, loaders):
        return None
    state = training_state.TrainingState(folder, trainer, loaders, clock, made_of)
    state.restore()
    return state


def _leaves_one_out(config: Any) -> bool:
    """Whether the split is RecBole's leave-one-out, rather than a ratio or files."""
    return config["benchmark_filename"] is None and "LS" in config["eval_args"]["split"]


def _targets(loader: Any, dataset: Any) -> np.ndarray:
    """How often each item is what a split asks for."""
    items = loader._dataset.inter_feat[dataset.iid_field].numpy()
    return np.bincount(items, minlength=dataset.item_num)


def _cost(
    trainer: Any, train: Any, valid: Any, clock: Any, fit_seconds: float, best: float | None
) -> dict[str, float | None]:
    from recbole_cammsr.analysis import cost

    memory = cost.peak_memory(trainer.device)  # before the operations are counted
    seconds = clock.training_seconds
    return {
        "parameters": cost.parameters(trainer.model),
        "fit_seconds": fit_seconds,
        "epoch_seconds": float(np.median(seconds)) if seconds else None,
        "best_seconds": best,
        "peak_memory_bytes": memory,
        **_operations(trainer, train, valid),
    }


def _operations(trainer: Any, train: Any, valid: Any) -> dict[str, float | None]:
    """Operations a user and a training target; after training, because it moves the generators."""
    from recbole_cammsr.analysis import cost

    try:
        batch = next(iter(train)).to(trainer.device)
        rows = next(iter(valid))[0].to(trainer.device)
        ranked = len(valid._dataset.inter_feat)
        per_user_scored, per_batch = cost.flops(trainer.model, batch, rows, ranked)
    except Exception as error:  # a figure of merit must not cost the run that it describes
        logging.getLogger().warning(f"operations could not be counted: {error!r}")
        return {"score_flops": None, "train_flops": None}
    targets = targets_in(batch)
    return {
        "score_flops": per_user_scored,
        "train_flops": None if per_batch is None else per_batch / max(targets, 1),
    }


def _plain(metrics: Mapping[str, Any] | None) -> dict[str, float]:
    return {name.lower(): float(value) for name, value in (metrics or {}).items()}


class _NoTensorboard:
    """Stands in for the event writer, whose folders nobody reads after a benchmark."""

    def add_scalar(self, *_: Any, **__: Any) -> None:
        """Drop a value."""

    def add_hparams(self, *_: Any, **__: Any) -> None:
        """Drop settings."""


@contextmanager
def _without_tensorboard() -> Iterator[None]:
    from recbole.trainer import trainer as module

    stock = module.get_tensorboard
    module.get_tensorboard = lambda logger: _NoTensorboard()
    try:
        yield
    finally:
        module.get_tensorboard = stock
