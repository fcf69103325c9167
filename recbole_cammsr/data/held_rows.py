"""Feature rows in the dtype that they are held in (`feature_dtype`), and what it must not cost."""

from __future__ import annotations

import numpy as np
import torch

from recbole_cammsr.data.directions import DirectionWatch

#: largest error of a row, as a share of its largest value. Of values that are large enough for them
#: float16 keeps all but .0005 and bfloat16 all but .004
_LARGEST_ERROR = 0.05


class HeldRows:
    """Converts rows, block by block, and refuses those that would not be the file's any more.

    Args:
        path: of the feature file, for messages.
        dtype: that the rows are held in.
    """

    def __init__(self, path: str, dtype: torch.dtype) -> None:
        self.path = path
        self.dtype = dtype
        self._name = str(dtype).split(".")[-1]
        self._fix = "scale the features"
        if dtype != torch.float32:
            self._fix = f"set `feature_dtype: float32` or {self._fix}"
        self._changed = DirectionWatch()
        self._unchanged = False

    def convert(self, exact: np.ndarray, floats: np.ndarray) -> torch.Tensor:
        """Some rows in the dtype.

        Args:
            exact: ``(n, d)`` as in the file, finite.
            floats: ``(n, d)`` the same in float32.

        Returns:
            ``(n, d)``.

        Raises:
            ValueError: a value is too large for the dtype, or all values of a row are too small.
        """
        converted = torch.from_numpy(floats).to(self.dtype)
        if not bool(torch.isfinite(converted).all()):
            raise ValueError(
                f"feature file {self.path}: values up to {np.abs(exact).max():.3g} do not fit in "
                f"{self._name}; {self._fix}."
            )
        if exact is floats and self.dtype == torch.float32:
            self._unchanged = True
            return converted
        kept = converted.float().numpy()
        largest = np.abs(exact).max(axis=1)
        lost = np.abs(kept - exact).max(axis=1) > _LARGEST_ERROR * largest
        if lost.any():
            raise ValueError(
                f"feature file {self.path}: values of {int(lost.sum())} rows or more, none of them "
                f"above {largest[lost].max():.3g}, are too small for {self._name}, which would "
                f"make them 0 or round them to few values; {self._fix}."
            )
        self._changed.see(kept)
        return converted

    def check_told_apart(self) -> None:
        """Look at all rows that were converted, which differ in the file.

        Raises:
            ValueError: they are all the same in the dtype.
        """
        if not self._unchanged and not self._changed.told_apart:
            half = self.dtype != torch.float32
            raise ValueError(
                f"feature file {self.path}: its rows differ, and in {self._name} they are all the "
                f"same, because what they have in common is so much larger; "
                f"{'set `feature_dtype: float32` or ' if half else ''}take away their mean."
            )
