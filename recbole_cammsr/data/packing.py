"""Packed training rows: a user's history once, with a target at every position.

Histories are left-aligned and the encoder is causal, so the hidden state at position k of a long
row is the last hidden state of its prefix of length k + 1. One row therefore trains what RecBole
spreads over as many rows as it has items (docs/model.md, "Packed training").
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np

from recbole_cammsr.data.ranges import joined_ranges

#: items of context that every target of a later window has at least, where nothing else is asked
#: for; with rows shorter than twice as many, half a row (docs/performance.md, "Quality under every
#: switch")
_USUAL_OVERLAP = 10

#: field of a packed row: how many of its last positions are trained. In a file's first line a colon
#: ends a column's name, so that no column can be taken for it.
TARGET_COUNT_FIELD = "packed:target_count"


def targets_in(batch: Any) -> int:
    """How many targets a batch trains: trained positions of packed rows, else one a row.

    Args:
        batch: of a training loader, with ``(B,)`` counts where its rows are packed.
    """
    return int(batch[TARGET_COUNT_FIELD].sum()) if TARGET_COUNT_FIELD in batch else len(batch)


class PackedRows(NamedTuple):
    """A choice of prefix rows that together train every target exactly once.

    Attributes:
        row: ``(P,)`` index of the prefix row.
        targets: ``(P,)`` how many of the row's last positions are trained; the positions before
            them are context only.
    """

    row: np.ndarray
    targets: np.ndarray


def pack_rows(
    user_ids: np.ndarray,
    lengths: np.ndarray,
    overlap: int | None = None,
    width: int | None = None,
) -> PackedRows:
    """Choose the longest prefix rows of every user so that each target is trained once.

    Args:
        user_ids: ``(N,)`` users of the prefix rows; equal users adjacent, each user's rows in
            order of time and without gaps from the first.
        lengths: ``(N,)`` history lengths.
        overlap: items of context that a window of a history longer than the row shares with the
            window before it. 0 trains every position of every window; None is 10, or half of the
            width where that is less.
        width: places of a row, the same for all data; None is the longest history.

    Returns:
        Chosen rows in ascending order.

    Raises:
        ValueError: rows of a user are not the gapless prefixes 1, 2, 3 ... or the overlap does not
            leave room for a target.
    """
    count = len(user_ids)
    if count == 0:
        empty = np.zeros(0, dtype=np.int64)
        return PackedRows(empty, empty)
    width = int(lengths.max()) if width is None else width
    if overlap is None:
        overlap = min(_USUAL_OVERLAP, width // 2)
    if isinstance(overlap, bool) or not isinstance(overlap, int) or not 0 <= overlap < width:
        raise ValueError(
            f"`packing_overlap` is {overlap!r}; it must be an integer from 0 to {width - 1}, less "
            f"than the places of a row (`MAX_ITEM_LIST_LENGTH`), or be left out."
        )
    index = np.arange(count, dtype=np.int64)
    is_first = np.concatenate(([True], user_ids[1:] != user_ids[:-1]))
    first_rows = index[is_first]
    if len(np.unique(user_ids)) != len(first_rows):
        raise ValueError("the rows to pack are not grouped by user.")
    rows_of_user = np.diff(np.append(first_rows, count))
    ordinal = index - np.repeat(first_rows, rows_of_user)
    if not np.array_equal(lengths, np.minimum(ordinal + 1, width)):
        raise ValueError(
            "the training rows of some user are not all the prefixes of one history in order of "
            "time, so they cannot be packed; set `train_packing: false`."
        )
    # windows end at ordinals last, last - stride, ...; the earliest one has ordinal < width
    stride = width - overlap
    last = np.repeat(rows_of_user - 1, rows_of_user)
    back = last - ordinal
    earliest_needed = np.ceil(np.maximum(last + 1 - width, 0) / stride).astype(np.int64) * stride
    chosen = (back % stride == 0) & (back <= earliest_needed)
    is_earliest = back == earliest_needed
    targets = np.where(is_earliest, ordinal + 1, stride)
    return PackedRows(index[chosen], targets[chosen])


class PrefixGroups(NamedTuple):
    """Prefix rows, those together of which each continues the one before.

    Attributes:
        order: ``(N,)`` rows, group after group, each group's shortest row first.
        starts: ``(G,)`` where in ``order`` a group begins.
        sizes: ``(G,)`` its rows.
    """

    order: np.ndarray
    starts: np.ndarray
    sizes: np.ndarray

    def rows_of(self, groups: np.ndarray) -> np.ndarray:
        """The rows of some groups.

        Args:
            groups: ``(M,)`` numbers of groups.

        Returns:
            Their rows, group after group in the order given.
        """
        return self.order[joined_ranges(self.starts[groups], self.sizes[groups])]


def prefix_groups(user_ids: np.ndarray, lengths: np.ndarray) -> PrefixGroups:
    """Group a user's prefix rows that begin with the same item.

    Rows of histories that are longer than a row is wide begin with later and later items: each is
    a group of its own. Which of them is the first of a user cannot be told from lengths: it is the
    one that comes first, which is right for RecBole's rows, a user's in order of time.

    Args:
        user_ids: ``(N,)`` users of the prefix rows.
        lengths: ``(N,)`` history lengths.

    Returns:
        The groups; every row is in exactly one.
    """
    order = np.lexsort((lengths, user_ids))
    is_first = np.ones(len(order), dtype=bool)
    is_first[1:] = (np.diff(user_ids[order]) != 0) | (np.diff(lengths[order]) <= 0)
    starts = np.flatnonzero(is_first)
    return PrefixGroups(order, starts, np.diff(np.append(starts, len(order))))


def bucketed_batches(
    lengths: np.ndarray, targets: np.ndarray, budget: int, rng: np.random.Generator | None
) -> Iterator[np.ndarray]:
    """Batches of about ``budget`` targets with rows of similar length, so that padding is small.

    Args:
        lengths: ``(P,)`` history lengths.
        targets: ``(P,)`` trained positions per row.
        budget: targets a batch; a batch is closed by the row that reaches it.
        rng: shuffles rows, and batches; None keeps the order of rows.

    Yields:
        Row indices of one batch. Over all batches every row comes exactly once.
    """
    order = np.arange(len(lengths))
    if rng is not None:
        order = rng.permutation(len(lengths))
        # sorting by length within pools of many batches keeps rows of a batch alike and batches
        # of different epochs different
        pool = _rows_per_pool(targets, budget)
        chunks = np.array_split(order, max(1, -(-len(order) // pool)))
        # up in one pool, down in the next: a batch across two pools is as uniform as the others
        order = np.concatenate(
            [
                chunk[np.argsort(lengths[chunk], kind="stable")][:: -1 if number % 2 else 1]
                for number, chunk in enumerate(chunks)
            ]
        )
    batch_of_row = (np.cumsum(targets[order]) - targets[order]) // max(budget, 1)
    batches = np.split(order, np.flatnonzero(np.diff(batch_of_row)) + 1)
    if rng is not None:
        batches = [batches[i] for i in rng.permutation(len(batches))]
    yield from (batch for batch in batches if len(batch))


def _rows_per_pool(targets: np.ndarray, budget: int, batches: int = 32) -> int:
    mean = max(float(targets.mean()), 1.0) if len(targets) else 1.0
    return max(1, int(batches * budget / mean))
