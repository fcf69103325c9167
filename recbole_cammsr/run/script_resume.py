"""Checkpoints that a script resumes by hand; ``--resume`` looks at its own before.

Mends, for this package's models, ``Trainer.fit`` (``recbole/trainer/trainer.py``), which saves a
checkpoint that leaves nothing to train as if it were untrained, and the errors of
``Trainer.resume_checkpoint``, which list every parameter and no setting. RecBole's own models have
their trainer as it is.
"""

from __future__ import annotations

import os
from functools import wraps
from types import ModuleType
from typing import Any

from recbole_cammsr import registry
from recbole_cammsr.run.errors import RunError


def offer(module: ModuleType) -> None:
    """Let RecBole's trainer refuse, with our models, what would cost or misread a checkpoint.

    Args:
        module: ``recbole.trainer.trainer``.
    """
    stock_fit, stock_resume = module.Trainer.fit, module.Trainer.resume_checkpoint

    @wraps(stock_fit)
    def fit(
        self: Any,
        train_data: Any,
        valid_data: Any = None,
        verbose: bool = True,
        saved: bool = True,
        *args: Any,
        **kwargs: Any,
    ) -> Any:
        if saved and _is_ours(self) and os.path.isfile(self.saved_model_file):
            check_goes_further(self, self.saved_model_file)
        return stock_fit(self, train_data, valid_data, verbose, saved, *args, **kwargs)

    @wraps(stock_resume)
    def resume_checkpoint(self: Any, resume_file: Any) -> Any:
        try:
            return stock_resume(self, resume_file)
        except (RuntimeError, ValueError) as error:
            from recbole_cammsr.run import checkpoints

            path = str(resume_file)
            better = checkpoints.does_not_fit(self.config, path, error) if _is_ours(self) else error
            if better is error:
                raise
            raise better from error

    module.Trainer.fit = fit
    module.Trainer.resume_checkpoint = resume_checkpoint


def check_goes_further(trainer: Any, path: str) -> None:
    """Refuse a checkpoint that leaves no epoch to train, which RecBole would overwrite.

    Args:
        trainer: RecBole's, which has resumed the checkpoint, or nothing.
        path: of the checkpoint.

    Raises:
        RunError: it has been trained for all epochs that the trainer is to train.
    """
    if 0 < trainer.start_epoch >= trainer.epochs:
        raise RunError(
            f"{path} has already been trained for {trainer.start_epoch} epochs: "
            f"give a larger --epochs than {trainer.epochs}, or look at it with --evaluate"
        )


def _is_ours(trainer: Any) -> bool:
    return registry.family(type(trainer.model)) is not None
