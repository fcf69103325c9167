"""The state of a training between two epochs, with which a killed job goes on where it stood.

RecBole's checkpoint is the best epoch, not the last one, and has no state of the random generators:
a training that goes on from it is another one. Here everything is kept that the next epoch depends
on, so that the epochs which follow are those that would have followed.
"""

from __future__ import annotations

import logging
import os
import pickle
import random
import shutil
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from recbole_cammsr.analysis import digests, versions
from recbole_cammsr.analysis.model_attributes import ModelAttributes, packed, unpacked
from recbole_cammsr.run.atomic_write import atomic_open

#: a state is written no more often than this; a kill costs about as much
EVERY_SECONDS = 60.0
#: and writing takes at most this share of the time
_WRITING_SHARE = 0.02

_STATE = "state.pt"
_UNREADABLE = (
    *(OSError, EOFError, KeyError, RuntimeError, TypeError, ValueError),
    pickle.UnpicklingError,
)
#: what of a trainer says how epochs begin, go and end
_EPOCHS = ("__init__", "fit", "_train_epoch", "_valid_epoch", "_build_optimizer")
_LIBRARIES = ("recbole", "torch", "numpy", "scipy", "pandas")


def can_be_kept(trainer: Any, loaders: Sequence[Any]) -> bool:
    """Whether this module knows everything that an epoch of a trainer depends on.

    Args:
        trainer: of RecBole. One with epochs, a beginning or optimizers of its own may have a state
            that nobody else knows.
        loaders: of training and validation.
    """
    from recbole.trainer import Trainer

    return (
        isinstance(trainer, Trainer)
        and all(getattr(type(trainer), name) is getattr(Trainer, name) for name in _EPOCHS)
        and all(isinstance(getattr(each, "generator", None), torch.Generator) for each in loaders)
    )


class TrainingState:
    """Keeps the state of one training, and puts it back.

    Args:
        folder: of this job alone; made when the first state is written.
        trainer: of RecBole, just made; :func:`can_be_kept` is true of it.
        loaders: of training and validation, just made.
        clock: of the trainer (:class:`~recbole_cammsr.analysis.cost.EpochClock`).
        made_of: digests of code and data; a state of others is not used.
    """

    def __init__(
        self,
        folder: Path,
        trainer: Any,
        loaders: Sequence[Any],
        clock: Any,
        made_of: Mapping[str, Any],
    ) -> None:
        self.folder = folder
        self.trainer = trainer
        self.loaders = loaders
        self.clock = clock
        self.attributes = ModelAttributes(trainer.model)
        self.made_of = {
            **made_of,
            "package": digests.package_digest(),
            "libraries": ", ".join(versions.with_python(_LIBRARIES)),
            "device": str(trainer.device),
        }
        self._not_before = time.monotonic() + EVERY_SECONDS

    def keep(self, epoch: int) -> None:
        """Write the state, where the last one is old enough; a full disk costs the state only.

        Args:
            epoch: the one that has been validated, from 0.
        """
        start = time.monotonic()
        if start < self._not_before or self._is_last(epoch):
            return
        try:
            self._write(epoch)
        except (OSError, RuntimeError) as error:  # torch says the latter of a full disk
            logging.getLogger().warning(f"the state after epoch {epoch} was not kept: {error}")
        end = time.monotonic()
        self._not_before = end + max(EVERY_SECONDS, (end - start) / _WRITING_SHARE)

    def restore(self) -> None:
        """Put trainer, model, loaders, clock and random generators where they stood.

        Without a state that can be used all stay as they are. Nothing random may happen from here
        to the first epoch.

        Raises:
            ValueError: the state does not fit the model, although its code is the same.
        """
        state = self._read()
        if state is None:
            shutil.rmtree(self.folder, ignore_errors=True)
            return
        trainer = self.trainer
        try:
            trainer.model.load_state_dict(state["model"])
            self.attributes.put_back(state["attributes"])
            trainer.optimizer.load_state_dict(state["optimizer"])
        except (KeyError, RuntimeError, ValueError) as error:
            raise ValueError(
                f"the state in {self.folder} does not fit {type(trainer.model).__name__} "
                f"({str(error).splitlines()[0]}); delete that folder to train from the beginning"
            ) from error
        for name, value in state["trainer"].items():
            setattr(trainer, name, value)
        self._put_best_back(state["best"])
        self.clock.go_on(state["clock"])
        for loader, kept in zip(self.loaders, state["loaders"]):
            loader.generator.set_state(kept["generator"])
            if kept["epoch"] is not None:
                loader.batch_sampler.epoch = kept["epoch"]
        _set_generators(state["generators"])
        done = trainer.start_epoch
        logging.getLogger().info(f"going on after {done} epochs of an earlier attempt")

    def _is_last(self, epoch: int) -> bool:
        """Whether training ends here: a state without an epoch to come could not be gone on from.

        RecBole's ``fit`` saves the untrained model where it has no epoch to train.
        """
        trainer = self.trainer
        return bool(epoch + 1 >= trainer.epochs or trainer.cur_step > trainer.stopping_step)

    def _write(self, epoch: int) -> None:
        trainer = self.trainer
        best = self._keep_best()
        state = {
            "made_of": self.made_of,
            "model": trainer.model.state_dict(),
            "attributes": self.attributes.changed(),
            "optimizer": trainer.optimizer.state_dict(),
            "trainer": {
                "start_epoch": epoch + 1,
                "cur_step": int(trainer.cur_step),
                "best_valid_score": float(trainer.best_valid_score),
                "best_valid_result": _plain(trainer.best_valid_result),
                "train_loss_dict": _plain(trainer.train_loss_dict),
            },
            "best": best,
            "clock": self.clock.so_far(),
            "loaders": [
                {
                    "generator": loader.generator.get_state(),
                    # of packed rows, whose order comes from seed and epoch
                    "epoch": getattr(loader.batch_sampler, "epoch", None),
                }
                for loader in self.loaders
            ],
            "generators": _generators(),
        }
        with atomic_open(self.folder / _STATE) as file:
            torch.save(state, file)
        self._delete_all_but(best)

    def _keep_best(self) -> str | None:
        """Copy the best checkpoint, where none is of its epoch yet: RecBole overwrites its own.

        Returns:
            The name of the copy. Earlier ones stay until the state that stands needs them no more.
        """
        best, _ = self.clock.best(bool(self.trainer.valid_metric_bigger))
        source = self.trainer.saved_model_file
        if best is None or not os.path.isfile(source):
            return None
        path = self.folder / f"best-{best}.pth"
        if not path.is_file():
            with open(source, "rb") as original, atomic_open(path) as copy:
                shutil.copyfileobj(original, copy)
        return path.name

    def _put_best_back(self, name: str | None) -> None:
        self._delete_all_but(name)
        if name is None:
            return
        from recbole_cammsr.compat import checkpoint_name

        shutil.copyfile(self.folder / name, self.trainer.saved_model_file)
        checkpoint_name.name_is_taken(self.trainer)  # it goes on in that file

    def _delete_all_but(self, best: str | None) -> None:
        """Delete earlier copies, and what a kill left of a file that was being written."""
        for path in self.folder.iterdir():
            if path.name not in (_STATE, best):
                path.unlink()

    def _read(self) -> dict[str, Any] | None:
        path = self.folder / _STATE
        if not path.is_file():
            return None
        beginning = "training starts from the beginning"
        try:
            state = torch.load(path, map_location="cpu", weights_only=True)
            made_of, best = state["made_of"], state["best"]
        except _UNREADABLE as why:
            reason = f"{type(why).__name__}: {why}".splitlines()[0]  # alone a KeyError is a number
            logging.getLogger().warning(f"{path} cannot be read ({reason:.200}): {beginning}")
            return None
        others = [name for name, value in self.made_of.items() if made_of.get(name) != value]
        if others:
            logging.getLogger().warning(
                f"{path} was written with other {', '.join(others)}: {beginning}"
            )
            return None
        if best is not None and not (self.folder / best).is_file():
            logging.getLogger().warning(f"{path} misses its best checkpoint {best}: {beginning}")
            return None
        return dict(state)


def _plain(value: Any) -> Any:
    """Numbers of numpy as Python's, which are read back without unpickling."""
    if isinstance(value, Mapping):
        return {key: _plain(each) for key, each in value.items()}
    return value.item() if isinstance(value, (np.generic, torch.Tensor)) else value


def _generators() -> dict[str, Any]:
    """States of all generators that a training draws from."""
    return {
        "python": random.getstate(),
        "numpy": packed(np.random.get_state()),
        "torch": torch.get_rng_state(),
        "cuda": torch.cuda.get_rng_state_all() if torch.cuda.is_available() else [],
    }


def _set_generators(states: Mapping[str, Any]) -> None:
    random.setstate(states["python"])
    np.random.set_state(unpacked(states["numpy"]))
    torch.set_rng_state(states["torch"])
    if states["cuda"]:
        torch.cuda.set_rng_state_all(states["cuda"])
