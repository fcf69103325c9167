"""Gives every trainer a checkpoint of its own.

Mends ``Trainer.__init__`` (``recbole/trainer/trainer.py``), which names the checkpoint by model and
second: of two runs that start in one second in one folder, each loads the weights of the one that
saved last, and is tested with them. The first one to save keeps RecBole's name; another one's gets
a number.
"""

from __future__ import annotations

import atexit
import os
from typing import Any

_TO_CLAIM = "_name_to_claim"


def name_is_free(trainer: Any) -> None:
    """Note that a trainer's file is RecBole's choice, so that :func:`claim` may change it.

    Args:
        trainer: just made; its ``saved_model_file`` names no file of the user's.
    """
    setattr(trainer, _TO_CLAIM, trainer.saved_model_file)


def name_is_taken(trainer: Any) -> None:
    """Note that a trainer's file is its own: it resumes it, or another process took it for it.

    Args:
        trainer: knows the file's name.
    """
    setattr(trainer, _TO_CLAIM, None)


def claim(trainer: Any) -> str:
    """Take a file that no other process has, before a trainer's first save; later calls do nothing.

    Args:
        trainer: its ``saved_model_file`` becomes the one taken. A checkpoint that it resumes stays.

    Returns:
        The path.
    """
    wanted = getattr(trainer, _TO_CLAIM, None)
    if wanted is not None:
        name_is_taken(trainer)
        if trainer.saved_model_file == wanted:  # not named by the user meanwhile
            trainer.saved_model_file = _taken(wanted)
    return str(trainer.saved_model_file)


def _taken(path: str) -> str:
    stem, extension = os.path.splitext(path)
    name, number = path, 1
    while True:
        try:
            os.close(os.open(name, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o666))
        except FileExistsError:
            number += 1
            name = f"{stem}-{number}{extension}"
        else:
            atexit.register(_give_back, name)
            return name


def _give_back(path: str) -> None:
    """Remove a file that was taken and never written."""
    if os.path.isfile(path) and os.path.getsize(path) == 0:
        os.remove(path)
