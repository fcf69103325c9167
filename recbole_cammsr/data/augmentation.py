"""Prefix rows of histories, vectorised: the same rows in the same order as RecBole's loop.

Mends the cost of ``recbole.data.dataset.SequentialDataset.data_augmentation``, whose Python loop
over rows and fields dominates the creation of a data set.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np


class PrefixRows(NamedTuple):
    """One row per (history, target) pair of interactions sorted by user and time.

    Attributes:
        target: ``(N,)`` index of the target interaction.
        start: ``(N,)`` index of the first interaction of the history.
        length: ``(N,)`` length of the history; it ends right before the target.
    """

    target: np.ndarray
    start: np.ndarray
    length: np.ndarray


def prefix_rows(user_ids: np.ndarray, max_length: int) -> PrefixRows:
    """Every interaction but a user's first is a target with what came before as its history.

    Args:
        user_ids: ``(I,)`` users of the interactions, equal users adjacent.
        max_length: longest history kept (the latest interactions).

    Returns:
        Rows in the order of their targets.
    """
    count = len(user_ids)
    if count == 0:
        empty = np.zeros(0, dtype=np.int64)
        return PrefixRows(empty, empty, empty)
    index = np.arange(count, dtype=np.int64)
    is_first = np.empty(count, dtype=bool)
    is_first[0] = True
    np.not_equal(user_ids[1:], user_ids[:-1], out=is_first[1:])
    first = np.maximum.accumulate(np.where(is_first, index, 0))
    target = index[~is_first]
    start = np.maximum(first[~is_first], target - max_length)
    return PrefixRows(target, start, target - start)
