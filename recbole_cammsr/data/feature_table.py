"""Aligns a feature file with a data set's items, by token."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from recbole_cammsr.data.directions import DirectionWatch
from recbole_cammsr.data.feature_checks import check_finite, check_size, some, validate
from recbole_cammsr.data.formats import RawFeatures
from recbole_cammsr.data.held_rows import HeldRows
from recbole_cammsr.data.mapped_pages import release_pages

FEATURE_DTYPES = {
    "float16": torch.float16,
    "bfloat16": torch.bfloat16,
    "float32": torch.float32,
}

# float32 bytes of the rows that are held at a time when a file is checked or copied: some thousand
# rows, whose memory the allocator uses again for the next ones
_BLOCK_BYTES = 1 << 22


@dataclass(frozen=True)
class FeatureTable:
    """Features of one modality, one row per item id of the data set.

    Attributes:
        modality: its name in `modalities`.
        path: file it came from.
        values: ``(n_items, d)`` in the chosen dtype; rows of missing items (and of padding, id 0)
            are zero. None where the rows stay in ``source``.
        present: ``(n_items,)`` bool, whether the item has a row in the file.
        unused_rows: rows of the file whose token is no item of the data set.
        zero_rows: items that have a row, but one of zeros only.
        digest: of the tokens, the dimension and the values of the items' rows; the order of rows
            in the file does not enter.
        source: ``(rows, d)`` the file's rows, an array or a memory map; None where ``values`` holds
            the items' rows.
        row_of_item: ``(n_items,)`` row of each item in the file; -1 where it has none.
    """

    modality: str
    path: str
    values: torch.Tensor | None
    present: torch.Tensor
    unused_rows: int
    zero_rows: int
    digest: str
    source: np.ndarray | None
    row_of_item: np.ndarray

    def __deepcopy__(self, memo: dict[int, Any]) -> FeatureTable:
        """The table itself: nobody writes to it, and a copy of a memory map is the file in memory.

        RecBole copies the model to count its operations.
        """
        return self

    @property
    def dimension(self) -> int:
        """Length of one feature vector."""
        held = self.source if self.values is None else self.values
        return 0 if held is None else int(held.shape[1])

    def rows(self, items: torch.Tensor) -> torch.Tensor:
        """Raw features of some items, read where they are.

        Args:
            items: ``(n,)`` item ids on the CPU.

        Returns:
            ``(n, d)`` float32; zero where the item has no features.
        """
        if self.source is None:
            return torch.zeros(len(items), 0) if self.values is None else self.values[items].float()
        rows = self.row_of_item[items.numpy()]
        missing = np.flatnonzero(rows < 0)
        rows[missing] = 0  # any row of the file; zeroed below
        if bool((rows[1:] >= rows[:-1]).all()):
            found = _native(self.source[rows])
        else:  # a memory map is read forwards
            order = np.argsort(rows, kind="stable")
            ascending = _native(self.source[rows[order]])
            found = np.empty_like(ascending)
            found[order] = ascending
        release_pages(self.source)
        result = torch.from_numpy(found).float()
        result[torch.from_numpy(missing)] = 0.0
        return result

    def reading_order(self) -> torch.Tensor | None:
        """Order of the items in which the file is read from its beginning to its end.

        Returns:
            ``(n_items,)`` item ids, padding first, then what the file lacks; None where the rows
            are in memory and any order is as good.
        """
        if self.source is None:
            return None
        # padding has no row either, and the lowest id
        return torch.from_numpy(np.argsort(self.row_of_item, kind="stable"))

    @property
    def covered(self) -> int:
        """Number of items with features."""
        return int(self.present.sum())


def align(
    raw: RawFeatures,
    modality: str,
    token_to_id: Mapping[str, int],
    dtype: torch.dtype = torch.float16,
    resident: bool = True,
) -> FeatureTable:
    """Bring the rows of a feature file into the order of the data set's item ids.

    Tokens that the data set does not have are counted and left out, items without a row become
    missing: the set of items never changes (docs/data.md).

    Args:
        raw: the file's content.
        modality: name for messages.
        token_to_id: the data set's ``field2token_id`` of the item field, id 0 being padding.
        dtype: of the result.
        resident: copy the items' rows into one tensor; False leaves them in the file.

    Returns:
        The aligned table with ``max(id) + 1`` rows.

    Raises:
        ValueError: what :func:`~recbole_cammsr.data.feature_checks.validate` refuses, no token in
            common, non-finite values, rows of a size that float32 cannot square, values that
            ``dtype`` cannot hold, or rows that are all the same.
    """
    validate(raw)
    ids = np.fromiter(
        (token_to_id.get(token, 0) for token in raw.tokens.tolist()),
        dtype=np.int64,
        count=len(raw.tokens),
    )
    used = np.flatnonzero(ids > 0)
    if used.size == 0:
        known = [token for token, item in token_to_id.items() if item > 0]
        raise ValueError(
            f"feature file {raw.path} of modality {modality!r} has no item of the data set: its "
            f"tokens look like {some(raw.tokens)}, the data set's like {some(known)}; write the "
            f"file with the tokens of the `.inter` file."
        )
    n_items = len(token_to_id)
    used = used[np.argsort(ids[used], kind="stable")]
    values = torch.zeros((n_items, raw.values.shape[1]), dtype=dtype) if resident else None
    row_of_item = np.full(n_items, -1, dtype=np.int64)
    row_of_item[ids[used]] = used
    present = torch.zeros(n_items, dtype=torch.bool)
    digest = hashlib.blake2b(digest_size=16)
    digest.update(repr(raw.values.shape[1]).encode())
    zero_rows = 0
    directions = DirectionWatch()
    # rows that stay in the file are converted to float32 when they are read
    held = HeldRows(raw.path, dtype if resident else torch.float32)
    # all tokens, then all values: the digest does not depend on the size of the blocks
    digest.update("\n".join(raw.tokens[used].tolist()).encode())
    for rows in _blocks(used, raw.values.shape[1]):
        block = raw.values[rows]
        floats = torch.from_numpy(_native(block)).float().numpy()
        # half precision is several times as slow to look at; double precision can overflow
        exact = floats if block.dtype.itemsize <= 4 else block
        check_finite(exact, raw.tokens[rows], raw.path)
        digest.update(floats.data)
        zero_rows += int((~exact.any(axis=1)).sum())
        directions.see(exact)
        item_ids = torch.from_numpy(ids[rows])
        present[item_ids] = True
        converted = held.convert(exact, floats)
        check_size(exact, raw.tokens[rows], raw.path)
        if values is not None:
            values[item_ids] = converted
    if not directions.told_apart:
        what = "all zero" if zero_rows else "all the same, but for their length"
        what = f"they are {what}" if used.size > 1 else "no second one"
        raise ValueError(
            f"feature file {raw.path} of modality {modality!r} has rows for {used.size} of the "
            f"data set's items, and {what}, so they tell no item from another; write the file "
            f"again, or take {modality!r} out of `modalities`."
        )
    held.check_told_apart()
    # not block by block: in the order of the items every block has pages from all over the file
    release_pages(raw.values)
    return FeatureTable(
        modality=modality,
        path=raw.path,
        values=values,
        present=present,
        unused_rows=len(raw.tokens) - int(used.size),
        zero_rows=zero_rows,
        digest=digest.hexdigest(),
        source=None if resident else raw.values,
        row_of_item=row_of_item,
    )


def _native(rows: np.ndarray) -> np.ndarray:
    """The rows in a dtype that torch has."""
    known = rows.dtype in (np.float16, np.float32) and rows.dtype.isnative
    with np.errstate(over="ignore"):  # refused in a sentence of its own
        return np.ascontiguousarray(rows if known else rows.astype(np.float32))


def _rows_per_block(dimension: int) -> int:
    return max(1, _BLOCK_BYTES // (4 * max(dimension, 1)))


def _blocks(rows: np.ndarray, dimension: int) -> Iterator[np.ndarray]:
    size = _rows_per_block(dimension)
    for start in range(0, len(rows), size):
        yield rows[start : start + size]
