"""The damaged files of a run, which a checkpoint of it needs for as long as it is kept itself."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


def folder_of(checkpoint: Path) -> Path:
    """Where the damaged files of a kept checkpoint are: beside it, absolute.

    The configuration in the checkpoint names them, and it is opened from other working folders.
    """
    return Path(os.path.abspath(checkpoint.with_name(f"{checkpoint.stem}-data")))


@contextmanager
def damaged(scratch: Path, checkpoint: Path | None) -> Iterator[Path]:
    """The folder that a run may make for damaged files; without a checkpoint none stays.

    Args:
        scratch: of the run; the caller deletes it.
        checkpoint: where the run puts its best one, None where it is not kept.

    Returns:
        A folder that does not exist yet.
    """
    if checkpoint is None:
        yield scratch / "corrupted"
        return
    folder = folder_of(checkpoint)
    if folder.exists():  # of a run that was killed, or whose result somebody deleted
        checkpoint.unlink(missing_ok=True)  # it would read what this run writes, or nothing
        shutil.rmtree(folder)
    try:
        yield folder
    finally:
        if not checkpoint.is_file():
            shutil.rmtree(folder, ignore_errors=True)
