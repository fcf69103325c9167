"""Keeps two commands from working in one output folder."""

from __future__ import annotations

import contextlib
import os
import weakref
from pathlib import Path
from typing import Any

try:
    import fcntl
except ImportError:  # Windows: commands there are not kept apart
    fcntl = None  # type: ignore[assignment]

#: stays in the folder; only the operating system's lock on it counts, which ends with its process
LOCK_NAME = ".lock"


def hold(folder: Path, owner: Any) -> None:
    """Lock a folder for as long as an object lives, at most until this process ends or is killed.

    Workers need no lock: they are started by the command that holds it, and do not inherit it.

    Args:
        folder: made where absent.
        owner: of the lock.

    Raises:
        ValueError: another command holds it.
    """
    folder.mkdir(parents=True, exist_ok=True)
    if fcntl is None:
        return
    handle = os.open(folder / LOCK_NAME, os.O_RDWR | os.O_CREAT, 0o666)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        process = os.read(handle, 32).decode(errors="replace").strip()
        os.close(handle)
        raise ValueError(
            f"another command{f' (process {process})' if process else ''} is at work in {folder}; "
            "wait until it has ended, or name another folder with --output"
        ) from None
    except OSError:  # a file system without locks
        os.close(handle)
        return
    with contextlib.suppress(OSError):  # the number is for the sentence above only
        os.ftruncate(handle, 0)
        os.write(handle, f"{os.getpid()}\n".encode())
    weakref.finalize(owner, os.close, handle)
