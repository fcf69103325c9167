"""Gives every trainer a checkpoint of its own.

Mends ``Trainer.__init__`` (``recbole/trainer/trainer.py``), which names the checkpoint by model and
second: of two runs that start in one second in one folder, each loads the weights of the one that
saved last, and is tested with them. The first one to save keeps RecBole's name; another one's gets
a number.

A name is held by an empty file beside it (``….pth.taken``) until the checkpoint is there: whoever
looks at the folder, or goes on after a kill, finds no checkpoint that is not one.
"""

from __future__ import annotations

import os
import weakref
from typing import Any

_TO_CLAIM = "_name_to_claim"
_HELD_BY = "_name_held_by"


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
    """Take a name that no other process has, before a trainer's first save; later calls do nothing.

    Args:
        trainer: its ``saved_model_file`` becomes the one taken. A checkpoint that it resumes stays.

    Returns:
        The path.
    """
    wanted = getattr(trainer, _TO_CLAIM, None)
    if wanted is not None:
        name_is_taken(trainer)
        if trainer.saved_model_file == wanted:  # not named by the user meanwhile
            trainer.saved_model_file, holder = _taken(wanted)
            # at the end of the process too, or as soon as nobody can save with this trainer
            setattr(trainer, _HELD_BY, weakref.finalize(trainer, _remove, holder))
    return str(trainer.saved_model_file)


def release(trainer: Any) -> None:
    """Let a name go: its checkpoint is there and holds it, or will never be.

    Args:
        trainer: of which :func:`claim` was or was not called.
    """
    let_go = getattr(trainer, _HELD_BY, None)
    if let_go is not None:
        let_go()  # the first time; later calls do nothing


def _taken(path: str) -> tuple[str, str]:
    """The first name of ``path``, ``path-2`` … that nobody has, and the file that holds it."""
    stem, extension = os.path.splitext(path)
    number = 1
    while True:
        name = path if number == 1 else f"{stem}-{number}{extension}"
        number += 1
        holder = f"{name}.taken"
        try:
            os.close(os.open(holder, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o666))
        except FileExistsError:
            continue
        # looked for last: a holder is removed only when its checkpoint is there
        if not os.path.exists(name):
            return name, holder
        _remove(holder)


def _remove(path: str) -> None:
    if os.path.exists(path):
        os.remove(path)
