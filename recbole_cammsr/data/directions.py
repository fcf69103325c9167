"""Whether rows of features tell items apart: only their directions count (docs/model.md eq. 1)."""

from __future__ import annotations

import numpy as np

#: rows of length one that differ by less differ by rounding
SAME_ROWS = 1e-5


class DirectionWatch:
    """Looks at rows, block by block, for two that differ in more than their length.

    Attributes:
        told_apart: whether two have been seen.
    """

    def __init__(self) -> None:
        self.told_apart = False
        self._first: np.ndarray | None = None

    def see(self, rows: np.ndarray) -> None:
        """Look at some rows.

        Args:
            rows: ``(n, d)``, finite.
        """
        if self.told_apart or not len(rows):
            return
        rows = rows.astype(np.float64)
        # scaled first: the squares of large values are infinite
        largest = np.abs(rows).max(axis=1, keepdims=True)
        rows = rows / np.where(largest > 0, largest, 1.0)
        length = np.linalg.norm(rows, axis=1, keepdims=True)
        rows = rows / np.where(length > 0, length, 1.0)
        self._first = rows[0] if self._first is None else self._first
        self.told_apart = bool((np.abs(rows - self._first) > SAME_ROWS).any())
