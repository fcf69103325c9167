"""Rows grouped by user and cut into parts, as RecBole's splits do row by row in Python.

Mends the cost of ``recbole.data.dataset.Dataset._grouped_index``,
``_split_index_by_leave_one_out`` and ``split_by_ratio``.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from recbole_cammsr.data.ranges import joined_ranges


class GroupedRows:
    """Row numbers by group: groups in order of their first row, rows of a group ascending.

    Args:
        keys: ``(N,)`` group of each row.

    Attributes:
        rows: ``(N,)`` row numbers, those of a group adjacent.
        sizes: ``(G,)`` rows of each group.
    """

    def __init__(self, keys: np.ndarray) -> None:
        by_key = np.argsort(keys, kind="stable")
        sorted_keys = keys[by_key]
        is_first = np.ones(len(keys), dtype=bool)
        is_first[1:] = sorted_keys[1:] != sorted_keys[:-1]
        begins = np.flatnonzero(is_first)
        sizes = np.diff(np.append(begins, len(keys)))
        by_first_row = np.argsort(by_key[begins], kind="stable")
        self.sizes = sizes[by_first_row]
        self.rows = by_key[joined_ranges(begins[by_first_row], self.sizes)]

    def __iter__(self) -> Iterator[list[int]]:
        for rows in np.split(self.rows, np.cumsum(self.sizes)[:-1]):
            yield rows.tolist()

    def __len__(self) -> int:
        return len(self.sizes)

    def parts(self, sizes: np.ndarray) -> list[np.ndarray]:
        """Cut every group into consecutive parts.

        Args:
            sizes: ``(G, P)`` rows that each part takes of each group.

        Returns:
            ``P`` arrays of row numbers, group after group.
        """
        numbers = np.arange(sizes.shape[1], dtype=np.int8)
        part_of_row = np.repeat(np.tile(numbers, len(sizes)), sizes.reshape(-1))
        return [self.rows[part_of_row == number] for number in numbers]


def leave_out_sizes(group_sizes: np.ndarray, held_out: int) -> np.ndarray:
    """Part sizes of leave-one-out: the last rows one by one, at least one row for training.

    Args:
        group_sizes: ``(G,)``.
        held_out: number of parts that take one row.

    Returns:
        ``(G, 1 + held_out)``; groups that are too short leave the earlier held out parts empty.
    """
    taken = np.minimum(held_out, group_sizes - 1)
    countdown = np.arange(held_out, 0, -1)
    held = (taken[:, None] >= countdown).astype(np.int64)
    return np.column_stack([group_sizes - taken, held])


def part_sizes(ends: Sequence[int], total: int) -> list[int]:
    """Sizes of consecutive parts, given where all but the last of them end."""
    return np.diff([0, *ends, total]).tolist()
