"""Pre-trained features of one modality: frozen, in memory or gathered on demand."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any, Union

import torch
from torch import nn
from torch.utils.checkpoint import checkpoint

from recbole_cammsr.data.directions import SAME_ROWS
from recbole_cammsr.model.pick import pick

#: item ids ``(n,)``, a range of them, or None for all
ItemSelection = Union[torch.Tensor, slice, None]

# float32 bytes of the rows that are held at a time when features are averaged or standardised:
# some thousand rows, whose memory the allocator uses again for the next ones
_BLOCK_BYTES = 1 << 22
_TINY = 1e-12


def as_index(items: ItemSelection) -> torch.Tensor | slice:
    """What a selection of items picks rows of a table with."""
    return slice(None) if items is None else items


def standardise(values: torch.Tensor, present: torch.Tensor) -> torch.Tensor:
    """Rows centred and scaled to a root mean square length of one over the items that have them.

    The length matters more than it looks: with values, not rows, of unit size a projection moves
    the item by sqrt(d_m) times as much per optimiser step as the ID embedding moves it, and
    overfits (docs/results/design_choices.md).

    Args:
        values: ``(n, d)`` raw features.
        present: ``(n,)`` bool.

    Returns:
        ``(n, d)`` in the dtype of ``values``: (f/|f| - mean) / rms of the lengths; zero where
        missing, and nearly zero where all rows are equal.
    """
    items = present.nonzero().squeeze(1)
    mean, rms = _statistics(lambda block: values[block].float(), items, values.shape[1])
    result = torch.zeros_like(values)
    for block in items.split(_rows_per_block(values.shape[1])):
        result[block] = ((_unit(values[block].float()) - mean) / rms).to(values.dtype)
    return result


def _statistics(
    rows_of: Callable[[torch.Tensor], torch.Tensor], items: torch.Tensor, dimension: int
) -> tuple[torch.Tensor, float]:
    """Mean of f/|f|, and root mean square length of what is left when it is taken away."""
    total = torch.zeros(dimension, dtype=torch.float64)
    squares = 0.0
    for block in items.split(_rows_per_block(dimension)):
        rows = rows_of(block).double()
        length = rows.norm(dim=1)
        total += length.clamp_min(_TINY).reciprocal() @ rows
        # a row divided by its length has length 1, or 0
        squares += float((length > _TINY).sum())
    count = max(len(items), 1)
    mean = total / count
    rms = max(squares / count - float(mean.square().sum()), 0.0) ** 0.5
    # one row, or equal ones, say nothing: what is left of them is rounding, not to be blown up
    return mean.float(), rms if rms > SAME_ROWS else 1.0


def _rows_per_block(dimension: int) -> int:
    return max(1, _BLOCK_BYTES // (4 * max(dimension, 1)))


def _unit(rows: torch.Tensor) -> torch.Tensor:
    return rows / rows.norm(dim=1, keepdim=True).clamp_min(_TINY)


class FrozenFeatures(nn.Module):
    """Rows of a feature table, standardised (docs/model.md eq. 1) or as they are.

    A table whose ``values`` are in memory becomes a buffer on the model's device. Of one that
    stays on the host (memory-mapped, say) rows are gathered and standardised as they are asked
    for; only their mean and root mean square are kept.

    Args:
        table: with ``values`` ``(n_items, d_m)`` or None, ``present`` ``(n_items,)`` bool,
            ``dimension``; without values also ``rows(ids)``, the raw float32 rows of some items,
            zero where missing, and ``reading_order()`` of the items in the file.
        standardised: False gives the rows of the file.
    """

    values: torch.Tensor | None
    mean: torch.Tensor
    place: torch.Tensor

    def __init__(self, table: Any, standardised: bool = True) -> None:
        super().__init__()
        self.dimension = int(table.dimension)
        self.standardised = standardised
        self.table: Any | None = None
        if table.values is not None:
            # frozen: outside the checkpoint, a function of the feature file alone
            values = standardise(table.values, table.present) if standardised else table.values
            self.register_buffer("values", values, persistent=False)
            return
        self.values = None
        self.table = table
        self.order = table.reading_order()
        self.register_buffer("place", torch.argsort(self.order), persistent=False)
        mean, self.rms = torch.zeros(self.dimension), 1.0
        if standardised:
            items = self.order[table.present[self.order]]
            mean, self.rms = _statistics(table.rows, items, self.dimension)
        self.register_buffer("mean", mean, persistent=False)

    def __deepcopy__(self, memo: dict[int, Any]) -> FrozenFeatures:
        """A copy that shares the rows, which can be most of a model's memory and never change."""
        if self.values is not None:
            memo[id(self.values)] = self.values
        copied = type(self).__new__(type(self))
        memo[id(self)] = copied
        copied.__dict__.update(copy.deepcopy(self.__dict__, memo))
        return copied

    def forward(self, items: ItemSelection) -> torch.Tensor:
        """Rows of some items.

        Args:
            items: ``(n,)`` ids, a range of ids as a slice, or None for all.

        Returns:
            ``(n, d_m)``, zero where the item lacks the modality; no gradient.
        """
        if self.values is not None:
            return self.values if items is None else self.values[items]
        table: Any = self.table
        if not isinstance(items, torch.Tensor):
            items = torch.arange(len(table.present))[as_index(items)]
        items = items.cpu()
        if not self.standardised:
            raw: torch.Tensor = table.rows(items).to(self.mean.device)
            return raw
        # in place: the rows are a copy, and can be those of a whole catalogue
        rows = table.rows(items).to(self.mean.device)
        rows.div_(rows.norm(dim=1, keepdim=True).clamp_min_(_TINY)).sub_(self.mean).div_(self.rms)
        rows[(~table.present[items]).nonzero().squeeze(1).to(rows.device)] = 0.0
        return rows

    def projected(self, projection: nn.Linear) -> torch.Tensor:
        """A projection of the rows of all items.

        Rows that stay in the file are not held: some thousand at a time are read, in the order of
        the file, and once more in the backward pass.

        Args:
            projection: from ``d_m`` to ``d``.

        Returns:
            ``(n_items, d)``.
        """

        def of(items: ItemSelection) -> torch.Tensor:
            rows: torch.Tensor = projection(self(items).to(projection.weight.dtype))
            return rows

        if self.values is not None:
            return of(None)
        parts = [
            checkpoint(of, items, use_reentrant=False, preserve_rng_state=False)
            for items in self.order.split(_rows_per_block(self.dimension))
        ]
        return pick(torch.cat(parts), self.place)
