"""Files that are either complete or absent: write aside, flush to disk, rename."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any

# Windows opens no folder as a file.
_FOLDERS_OPEN = os.name == "posix"


@contextmanager
def atomic_open(path: str | os.PathLike[str], mode: str = "wb") -> Iterator[IO[Any]]:
    """Open a file for writing that replaces ``path`` only when the block ends without error.

    Args:
        path: The final file; its folder is created when absent.
        mode: ``"wb"`` or ``"w"`` (UTF-8, newline kept as written).

    Yields:
        The open file.

    Raises:
        ValueError: If ``mode`` is neither ``"wb"`` nor ``"w"``.
        OSError: The system refused, as on a full disk; its ``filename`` is set.
    """
    if mode not in ("wb", "w"):
        raise ValueError(f"atomic_open: mode must be 'wb' or 'w', not {mode!r}")
    target = Path(path)
    target.parent.mkdir(parents=True, exist_ok=True)
    # The temporary file stands beside the target, since a rename is atomic on one file system only.
    handle, temporary = tempfile.mkstemp(prefix=f".{target.name}.", dir=target.parent)
    try:
        text: dict[str, Any] = {} if mode == "wb" else {"encoding": "utf-8", "newline": ""}
        with naming(target), os.fdopen(handle, mode, **text) as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        # mkstemp makes private files; give the ones that data files usually have.
        umask = os.umask(0)
        os.umask(umask)
        os.chmod(temporary, 0o666 & ~umask)
        os.replace(temporary, target)
    except BaseException:
        with suppress(FileNotFoundError):
            os.unlink(temporary)
        raise


def flush_file(path: Path) -> None:
    """Force a closed file to disk.

    Args:
        path: The file.
    """
    # Windows flushes only what is open for writing.
    with path.open("rb+") as file:
        os.fsync(file.fileno())


def flush_folder(folder: Path) -> None:
    """Force the names in a folder to disk; without effect where a folder cannot be opened.

    Args:
        folder: The folder.
    """
    if not _FOLDERS_OPEN:
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


@contextmanager
def naming(path: Path) -> Iterator[None]:
    """Name a file in an error that has no name: writing to a full disk fails without one.

    Args:
        path: The file that is written.

    Raises:
        OSError: The error of the block.
    """
    try:
        yield
    except OSError as error:
        if error.errno is None or error.filename is not None:
            raise
        raise OSError(error.errno, error.strerror, str(path)) from error
