"""Prefix rows of histories, vectorised: the same rows in the same order as RecBole's loop.

Mends the cost of ``recbole.data.dataset.SequentialDataset.data_augmentation``, whose Python loop
over rows and fields dominates the creation of a data set.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch

# rows gathered at a time; bounds the size of the index matrix
_BLOCK = 262_144


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


def gather_histories(
    values: torch.Tensor, start: torch.Tensor, length: torch.Tensor, width: int
) -> torch.Tensor:
    """Left-aligned, zero-padded histories of one field.

    Args:
        values: ``(I, ...)`` field of the sorted interactions.
        start: ``(N,)`` index of the first interaction of each history.
        length: ``(N,)`` lengths of the histories.
        width: row length; what a longer history has beyond it is left out.

    Returns:
        ``(N, width, ...)`` tensor of the field's dtype.
    """
    result = torch.zeros((len(start), width, *values.shape[1:]), dtype=values.dtype)
    position = torch.arange(width)
    for begin in range(0, len(start), _BLOCK):
        block = slice(begin, begin + _BLOCK)
        valid = position < length[block].unsqueeze(1)
        result[block][valid] = values[(start[block].unsqueeze(1) + position)[valid]]
    return result
