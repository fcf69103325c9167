"""Rows of (history, target) whose histories stay in one flat array until a batch asks for them.

RecBole stores every history as a row padded to `MAX_ITEM_LIST_LENGTH`: 400 bytes a row and field
at length 50, most of it repeated from row to row. Here a row holds where its history starts and
how long it is. Every way of reading that :class:`recbole.data.interaction.Interaction` offers
still gives the padded rows.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, MutableMapping
from typing import Any, NamedTuple

import numpy as np
import torch
from recbole.data.interaction import Interaction

from recbole_cammsr.data.augmentation import gather_histories


class HistorySource(NamedTuple):
    """What the histories of one list field are gathered from.

    Attributes:
        values: ``(I, ...)`` the field's values of all interactions, sorted by user and time.
        width: length of the padded rows.
    """

    values: torch.Tensor
    width: int


class HistoryColumns(MutableMapping[str, torch.Tensor]):
    """Columns by field: stored tensors, and histories that are gathered each time they are read.

    Args:
        stored: fields held row by row, tensors of shape ``(N, ...)``.
        sources: list fields that are gathered.
        start: ``(N,)`` where in the sources a row's history begins.
        length: ``(N,)`` its length.
    """

    def __init__(
        self,
        stored: Mapping[str, torch.Tensor],
        sources: Mapping[str, HistorySource],
        start: torch.Tensor,
        length: torch.Tensor,
    ) -> None:
        self.stored = dict(stored)
        self.sources = dict(sources)
        self.start = start
        self.length = length

    def take(self, index: Any) -> HistoryColumns:
        """Columns of some rows; nothing is gathered.

        Args:
            index: anything that selects rows of a tensor.
        """
        stored = {field: values[index] for field, values in self.stored.items()}
        return HistoryColumns(stored, self.sources, self.start[index], self.length[index])

    def prefixed(self, prefix: str) -> HistoryColumns:
        """The same columns with ``prefix`` before every field."""
        return HistoryColumns(
            {prefix + field: values for field, values in self.stored.items()},
            {prefix + field: source for field, source in self.sources.items()},
            self.start,
            self.length,
        )

    def gathered(self, field: str, width: int | None = None) -> torch.Tensor:
        """Histories of all rows.

        Args:
            field: a list field.
            width: row length, where it is known that no history is longer; default the field's.

        Returns:
            ``(N, width, ...)``; without the first axis for a single row.
        """
        source = self.sources[field]
        rows = gather_histories(
            source.values,
            self.start.reshape(-1),
            self.length.reshape(-1),
            source.width if width is None else width,
        )
        return rows.reshape(*self.start.shape, *rows.shape[1:])

    def __getitem__(self, field: str) -> torch.Tensor:
        return self.gathered(field) if field in self.sources else self.stored[field]

    def __setitem__(self, field: str, values: torch.Tensor) -> None:
        self.sources.pop(field, None)
        self.stored[field] = values

    def __delitem__(self, field: str) -> None:
        del (self.sources if field in self.sources else self.stored)[field]

    def __contains__(self, field: object) -> bool:
        return field in self.stored or field in self.sources

    def __iter__(self) -> Iterator[str]:
        yield from self.stored
        yield from self.sources

    def __len__(self) -> int:
        return len(self.stored) + len(self.sources)


class HistoryRows(Interaction):
    """RecBole's ``Interaction`` over :class:`HistoryColumns`.

    Selecting rows, as splitting, sorting and shuffling do, moves no history. Reading a list field
    (``rows["item_id_list"]``), converting or printing tensors gathers the histories of *all* rows:
    select the rows first.

    Args:
        columns: the fields.
    """

    interaction: HistoryColumns

    def __init__(self, columns: HistoryColumns) -> None:
        super().__init__({})
        self.interaction = columns
        self.length = columns.start.numel()

    def __getitem__(self, index: Any) -> Any:
        if isinstance(index, str):
            return self.interaction[index]
        return HistoryRows(self.interaction.take(_row_index(index)))

    def gather(self) -> Interaction:
        """A plain ``Interaction`` of these rows, histories included."""
        return Interaction(dict(self.interaction))

    def _reindex(self, index: Any) -> None:
        self.interaction = self.interaction.take(_row_index(index))

    def add_prefix(self, prefix: str) -> None:
        """Put ``prefix`` before every field."""
        self.interaction = self.interaction.prefixed(prefix)

    def __str__(self) -> str:
        stored = [
            f"    {field}, {values.shape}, {values.dtype}"
            for field, values in self.interaction.stored.items()
        ]
        lists = [
            f"    {field}, {source.width} wide, gathered on request, {source.values.dtype}"
            for field, source in self.interaction.sources.items()
        ]
        return "\n".join([f"The batch_size of interaction: {self.length}", *stored, *lists, "\n"])


def _row_index(index: Any) -> Any:
    """What selects the same rows of a tensor, without a Python object for every row."""
    if isinstance(index, (int, slice, torch.Tensor)):
        return index
    if isinstance(index, range):
        return torch.arange(index.start, index.stop, index.step)
    array = np.asarray(index)
    if array.dtype != np.bool_:
        array = array.astype(np.int64)  # an empty list is float64
    return torch.from_numpy(np.ascontiguousarray(array)).reshape(array.shape)
