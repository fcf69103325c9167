"""Rows whose histories are gathered when a batch asks for them, not before."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from recbole.data.interaction import Interaction

# hidden column: where a row's history starts in the flat interactions. In a file's first line a
# colon ends a column's name, so that no column can be taken for it
_START = "history:start"


class PrefixInteraction(Interaction):
    """RecBole's prefix rows without their list fields, which are windows of one flat array.

    A data set of n interactions has nearly n prefix rows; with lists of ``MAX_ITEM_LIST_LENGTH``
    they take that many times the memory of the interactions. Here a row is its target, the start
    of its history and its length. Rows are selected lazily (splits, sorting, shuffling);
    :meth:`materialise` yields what RecBole's loaders and models know.

    Args:
        rows: field to ``(N, ...)`` tensor, as RecBole has them, without list fields.
        start: ``(N,)`` index of the first interaction of the history.
        length_field: which of ``rows`` is the length of the history.
        flat: list field to the ``(I, ...)`` field of all interactions, sorted by user and time.
        widths: list field to the width of its rows, at least the longest history.
    """

    def __init__(
        self,
        rows: dict[str, torch.Tensor],
        start: torch.Tensor,
        length_field: str,
        flat: dict[str, torch.Tensor],
        widths: dict[str, int],
    ) -> None:
        self.flat = flat
        self.widths = widths
        self.length_field = length_field
        super().__init__({**rows, _START: start})

    # ---------------------------------------------------------------- columns

    @property
    def columns(self) -> list[str]:
        """Names of all columns, list fields included."""
        return [field for field in self.interaction if field != _START] + list(self.flat)

    def __iter__(self) -> Iterator[str]:
        return iter(self.columns)

    def __contains__(self, field: object) -> bool:
        return field in self.columns

    def __getattr__(self, name: str) -> Any:
        if name in self.__dict__.get("flat", ()):
            return self.histories(name)
        return super().__getattr__(name)

    def __setitem__(self, field: str, values: torch.Tensor) -> None:
        super().__setitem__(field, values)
        if field in self.flat:  # what was gathered so far
            self.drop(field)

    def update(self, new_inter: Interaction) -> None:
        """Set the columns of other rows.

        Args:
            new_inter: as many rows.
        """
        for field in new_inter:
            self[field] = new_inter[field]

    def add_prefix(self, prefix: str) -> None:
        """Rename all columns.

        Args:
            prefix: put before their names.
        """
        start = self.interaction.pop(_START)
        super().add_prefix(prefix)
        self.interaction[_START] = start
        self.length_field = prefix + self.length_field
        self.flat = {prefix + field: values for field, values in self.flat.items()}
        self.widths = {prefix + field: width for field, width in self.widths.items()}

    def __delitem__(self, field: str) -> None:
        if field in self.flat:
            self.drop(field)
        else:
            super().__delitem__(field)

    def drop(self, column: str) -> None:
        """Drop a column.

        Args:
            column: its name.
        """
        if column in self.flat:
            # shared with other selections of the same rows
            self.flat = {field: values for field, values in self.flat.items() if field != column}
        else:
            super().drop(column)

    # ---------------------------------------------------------------- rows

    def __getitem__(self, index: Any) -> Any:
        """A column, or some rows.

        Args:
            index: a name (a list field is gathered for all rows: costly), a row number, or rows as
                slice, list, array, tensor or mask.

        Returns:
            Tensor; plain Interaction of the one row; or the rows, histories not yet gathered.
        """
        if isinstance(index, str):
            if index in self.flat:
                return self.histories(index)
            return super().__getitem__(index)
        if isinstance(index, int):
            row = self[index : index + 1 or None].materialise()
            return Interaction({field: row[field][0] for field in row})
        if not isinstance(index, slice):
            index = _as_index(index)
        selected = {field: values[index] for field, values in self.interaction.items()}
        start = selected.pop(_START)
        return PrefixInteraction(selected, start, self.length_field, self.flat, self.widths)

    def histories(
        self, field: str, rows: torch.Tensor | None = None, width: int | None = None
    ) -> torch.Tensor:
        """Left-aligned, zero-padded histories.

        Args:
            field: a list field.
            rows: ``(n,)`` row numbers; None for all.
            width: of the result, at least the longest of the histories; None is RecBole's width.

        Returns:
            ``(n, width, ...)``.
        """
        start, length = self.interaction[_START], self.interaction[self.length_field]
        if rows is not None:
            start, length = start[rows], length[rows]
        values = self.flat[field]
        position = torch.arange(self.widths[field] if width is None else width)
        inside = position < length.unsqueeze(1)
        result = torch.zeros((*inside.shape, *values.shape[1:]), dtype=values.dtype)
        result[inside] = values[(start.unsqueeze(1) + position)[inside]]
        return result

    def materialise(self) -> Interaction:
        """All rows as RecBole holds them.

        Returns:
            Plain Interaction with the list fields.
        """
        plain = {field: self[field] for field in self.columns}
        return Interaction(plain)

    # ---------------------------------------------------------------- whole copies

    def to(self, device: Any, selected_field: Any = None) -> Interaction:
        """The rows on a device, with their histories."""
        return self.materialise().to(device, selected_field)

    def cpu(self) -> Interaction:
        """The rows in host memory, with their histories."""
        return self.materialise().cpu()

    def numpy(self) -> dict[str, Any]:
        """The rows as arrays, with their histories."""
        arrays: dict[str, Any] = self.materialise().numpy()
        return arrays

    def repeat(self, sizes: int) -> Interaction:
        """The rows, several times, with their histories."""
        return self.materialise().repeat(sizes)

    def repeat_interleave(self, repeats: Any, dim: int = 0) -> Interaction:
        """Each row several times, with its history."""
        return self.materialise().repeat_interleave(repeats, dim)


def _as_index(rows: Any) -> torch.Tensor:
    """Row numbers or a mask as a tensor, without an object for every row."""
    if isinstance(rows, range):
        return torch.arange(rows.start, rows.stop, rows.step)
    if isinstance(rows, list):
        # an empty list has no type of its own, and RecBole's splits make one
        rows = np.asarray(rows, dtype=None if rows else np.int64)
    return torch.as_tensor(rows)
