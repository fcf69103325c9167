"""Finished parts of a long computation, so that a killed run goes on where it was.

A part is a file in a work folder beside the output, named by a digest of everything that it depends
on: its inputs, the encoder, the settings. It appears only whole. A rerun computes the same names,
finds the parts that exist, and computes the others in exactly the batches of an uninterrupted run.
"""

from __future__ import annotations

import errno
import os
import shutil
import zipfile
import zlib
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from recbole_cammsr.run.atomic_write import atomic_open, flush_folder, naming

# What numpy and zipfile raise where bytes of an archive are lost or changed.
_DAMAGE = (zipfile.BadZipFile, zlib.error, ValueError, EOFError, KeyError, RuntimeError)


class ChunkStore:
    """The work folder of one output file."""

    def __init__(self, output: str | os.PathLike[str]) -> None:
        """Name the work folder; it is made with the first part.

        Args:
            output: The file that the parts become.
        """
        target = Path(output)
        self.folder = target.parent / f".{target.name}.work"

    def load(self, key: str) -> dict[str, np.ndarray] | None:
        """Read a part.

        Args:
            key: Digest of what it depends on.

        Returns:
            Its arrays, or None where it does not exist or is damaged.

        Raises:
            OSError: If it cannot be read now, e.g. with too many open files; it stays.
        """
        path = self._path(key)
        try:
            with naming(path), np.load(path, allow_pickle=False) as arrays:
                return {name: arrays[name] for name in arrays.files}
        except FileNotFoundError:
            return None
        except (*_DAMAGE, OSError) as error:
            # A changed offset sends the reader to where no byte can be, which is an OSError too.
            if isinstance(error, OSError) and error.errno != errno.EINVAL:
                raise
            # A part appears only whole, so this is a fault of the disk: compute it again.
            path.unlink()
            return None

    def save(self, key: str, arrays: Mapping[str, np.ndarray]) -> None:
        """Write a part; it appears only when complete.

        Args:
            key: Digest of what it depends on.
            arrays: Its arrays, none of them of objects.
        """
        with atomic_open(self._path(key)) as file:
            # Any: numpy types the keyword ``allow_pickle`` of savez into the arrays.
            np.savez(file, allow_pickle=False, **arrays)  # type: ignore[arg-type]

    def temporary(self) -> Path:
        """A path in the work folder at which the output can be written before it is renamed.

        A killed run then leaves nothing in the folder of the data set but the work folder.
        """
        return self.folder / "output"

    def discard(self) -> None:
        """Remove the work folder."""
        shutil.rmtree(self.folder, ignore_errors=True)

    def _path(self, key: str) -> Path:
        return self.folder / f"{key}.npz"


def put_in_place(temporary: Path, output: Path) -> None:
    """Rename a complete file to its final name, and the name to disk.

    Args:
        temporary: The complete file, on the same file system.
        output: Its final name.
    """
    os.replace(temporary, output)
    # The new name is on disk only once its folder is.
    flush_folder(output.parent)
