"""Files that a command writes at its end: refused before it begins, and no earlier one is lost."""

from __future__ import annotations

import os

from recbole_cammsr.run.errors import UsageError


def check_writable(path: str, option: str) -> None:
    """Refuse an output file before hours of training rather than after; its folder is made.

    Args:
        path: of the file.
        option: that names it.

    Raises:
        UsageError: it, or its folder, cannot be written.
    """
    folder = os.path.dirname(os.path.abspath(path))
    try:
        os.makedirs(folder, exist_ok=True)
    except OSError as error:
        raise UsageError(
            f"{option}: the folder {folder} cannot be made for {path}: {error.strerror}"
        ) from error
    if os.path.isdir(path):
        raise UsageError(f"{option}: {path} is a folder; name a file")
    refused = [
        place for place in (folder, path) if os.path.exists(place) and not os.access(place, os.W_OK)
    ]
    if refused:
        raise UsageError(f"{option}: {path} cannot be written: no permission to write {refused[0]}")


def move_aside(path: str) -> str | None:
    """Rename a file that is about to be written anew.

    Args:
        path: of the file.

    Returns:
        What it is called now, the name with the first free number behind it; None where there was
        none.
    """
    if not os.path.exists(path):
        return None
    number = 1
    while os.path.exists(f"{path}.{number}"):
        number += 1
    os.rename(path, f"{path}.{number}")
    return f"{path}.{number}"
