"""Keeps a memory-mapped file's pages from counting as memory of the process for ever."""

from __future__ import annotations

import mmap

import numpy as np


def release_pages(values: np.ndarray) -> None:
    """Take the pages of a memory-mapped array out of the process; others are left alone.

    Pages that were read once stay with the process until memory runs short: after one pass over
    a file of features, its whole size. Given back they are still in the system's file cache, from
    where the next reading takes them without touching the disk.

    Args:
        values: an array, or a view of one, that may be mapped read-only from a file.
    """
    if not hasattr(mmap, "MADV_DONTNEED"):  # no such advice on Windows
        return
    base: object = values
    while isinstance(base, np.ndarray):
        base = base.base
    # in a private writable map the advice would throw changes away
    if isinstance(base, mmap.mmap) and not values.flags.writeable:
        base.madvise(mmap.MADV_DONTNEED)
