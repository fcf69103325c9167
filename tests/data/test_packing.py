"""Packed rows train every target exactly once; batches hold every row exactly once."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from recbole_cammsr.data.augmentation import prefix_rows
from recbole_cammsr.data.packing import bucketed_batches, pack_rows, prefix_groups


@given(
    lengths=st.lists(st.integers(1, 40), min_size=0, max_size=10),
    max_length=st.integers(1, 9),
    overlap_share=st.floats(0, 0.99),
)
def test_every_target_exactly_once(lengths, max_length, overlap_share):
    users = np.repeat(np.arange(len(lengths)), lengths)
    rows = prefix_rows(users, max_length)
    widest = int(rows.length.max()) if len(rows.length) else 1
    packed = pack_rows(users[rows.target], rows.length, int(overlap_share * widest))
    trained = Counter(
        int(target)
        for row, count in zip(packed.row, packed.targets)
        for target in range(rows.target[row] - count + 1, rows.target[row] + 1)
    )
    assert trained == Counter(rows.target.tolist())
    assert (packed.targets <= rows.length[packed.row]).all()
    assert (packed.targets >= 1).all()


@pytest.mark.parametrize("overlap", [4, 0])  # 0 is asked for, too: no usual one in its place
def test_overlap_leaves_context_before_the_targets(overlap):
    users = np.zeros(25, dtype=int)
    rows = prefix_rows(users, 10)
    packed = pack_rows(users[rows.target], rows.length, overlap)
    # the first window has nothing before it, every later one so many items of context at least
    assert packed.targets.tolist()[1:] == [10 - overlap] * (len(packed.row) - 1)
    assert (rows.length[packed.row][1:] - packed.targets[1:] >= overlap).all()


@pytest.mark.parametrize(("max_length", "expected"), [(50, 10), (20, 10), (11, 5), (7, 3), (1, 0)])
def test_the_usual_overlap_is_ten_items_or_half_a_row(max_length, expected):
    users = np.zeros(130, dtype=int)
    rows = prefix_rows(users, max_length)
    usual = pack_rows(users[rows.target], rows.length)
    asked = pack_rows(users[rows.target], rows.length, overlap=expected)
    assert usual.row.tolist() == asked.row.tolist()
    assert usual.targets.tolist() == asked.targets.tolist()
    context = rows.length[usual.row][1:] - usual.targets[1:]
    assert (context >= expected).all()


def test_no_window_is_longer_than_the_users_history():
    rows = prefix_rows(np.array([0, 0, 0, 1, 1]), 50)
    packed = pack_rows(np.array([0, 0, 1]), rows.length)
    assert packed.row.tolist() == [1, 2]
    assert packed.targets.tolist() == [2, 1]


@pytest.mark.parametrize(
    ("users", "lengths", "message"),
    [
        ([0, 0, 0], [1, 3, 2], "prefixes"),
        ([0, 0, 1], [1, 2, 2], "prefixes"),
        ([0, 1, 0], [1, 1, 2], "grouped by user"),
    ],
)
def test_rows_that_are_no_prefixes_are_refused(users, lengths, message):
    with pytest.raises(ValueError, match=message):
        pack_rows(np.array(users), np.array(lengths))


@pytest.mark.parametrize("overlap", [3, -1, "half", 1.5, True])
def test_an_overlap_without_room_for_targets_is_refused(overlap):
    with pytest.raises(ValueError, match=f"`packing_overlap` is {overlap!r}; .* from 0 to 2,"):
        pack_rows(np.zeros(3, dtype=int), np.array([1, 2, 3]), overlap=overlap)


def test_rows_wider_than_every_history_need_no_windows():
    users, lengths = np.array([0, 0, 0, 1, 1]), np.array([1, 2, 3, 1, 2])
    expected = pack_rows(users, lengths)
    for overlap in (None, 0, 3, 9):
        packed = pack_rows(users, lengths, overlap, width=10)
        assert packed.row.tolist() == expected.row.tolist() == [2, 4]
        assert packed.targets.tolist() == expected.targets.tolist() == [3, 2]
    with pytest.raises(ValueError, match="prefixes"):  # as if two were all that a row holds
        pack_rows(np.zeros(3, dtype=int), np.array([1, 2, 2]), width=10)
    with pytest.raises(ValueError, match="from 0 to 9, less than the places of a row"):
        pack_rows(users, lengths, 10, width=10)


@given(
    targets=st.lists(st.integers(1, 12), min_size=1, max_size=200),
    budget=st.integers(1, 60),
    seed=st.none() | st.integers(0, 5),
)
def test_batches_hold_every_row_once_and_keep_the_budget(targets, budget, seed):
    counts = np.array(targets)
    rng = None if seed is None else np.random.default_rng(seed)
    batches = list(bucketed_batches(counts, counts, budget, rng))
    assert sorted(np.concatenate(batches).tolist()) == list(range(len(counts)))
    # a batch closes with the row that reaches the budget
    assert all(counts[batch[:-1]].sum() <= budget for batch in batches)
    assert len(batches) <= -(-counts.sum() // budget)
    if rng is None:
        assert np.concatenate(batches).tolist() == list(range(len(counts)))


def test_bucketing_keeps_padding_small_and_changes_with_the_seed():
    lengths = np.random.default_rng(0).geometric(0.15, size=5000).clip(1, 50)

    def padded(batches):
        return sum(lengths[batch].max() * len(batch) for batch in batches) / lengths.sum()

    shuffled = np.random.default_rng(1).permutation(5000)
    plain = padded(np.array_split(shuffled, len(lengths) * 7 // 1024))
    first = list(bucketed_batches(lengths, lengths, 1024, np.random.default_rng(1)))
    second = list(bucketed_batches(lengths, lengths, 1024, np.random.default_rng(2)))
    assert padded(first) < 1.35 < 3 < plain
    assert not np.array_equal(first[0], second[0])


def test_rows_have_other_company_in_every_epoch():
    lengths = np.arange(1, 3001)  # sorted as a whole they would always stand together
    targets = np.ones(3000, dtype=np.int64)
    one, other = (
        {frozenset(batch.tolist()) for batch in bucketed_batches(lengths, targets, 10, rng)}
        for rng in (np.random.default_rng(1), np.random.default_rng(2))
    )
    assert len(one & other) < len(one) / 10


def test_batches_do_not_come_in_the_order_of_their_lengths():
    """Sorted within a pool, they would be trained from the shortest to the longest."""
    lengths = np.arange(1, 201)
    batches = list(bucketed_batches(lengths, np.ones(200), 10, np.random.default_rng(0)))
    longest = [lengths[batch].max() for batch in batches]
    assert len(longest) == 20
    ups = sum(after > before for before, after in zip(longest, longest[1:]))
    assert 5 <= ups <= 14  # of 19; in one order all or none


@given(
    lengths=st.lists(st.integers(1, 12), min_size=0, max_size=8),
    max_length=st.integers(1, 9),
    seed=st.integers(0, 99),
    in_order=st.booleans(),
)
def test_groups_are_runs_of_prefixes_and_hold_every_row_once(lengths, max_length, seed, in_order):
    users = np.repeat(np.arange(len(lengths)), lengths)
    rows = prefix_rows(users, max_length)
    rng = np.random.default_rng(seed)
    given_order = np.arange(len(rows.target)) if in_order else rng.permutation(len(rows.target))
    user, start, length = (
        column[given_order] for column in (users[rows.target], rows.start, rows.length)
    )
    groups = prefix_groups(user, length)
    chosen = rng.permutation(len(groups.sizes))
    taken = groups.rows_of(chosen)
    assert sorted(taken) == list(range(len(rows.target)))
    # no two groups could be one: all rows that begin with the same interaction are together
    assert len(groups.sizes) == len(set(start))
    for members in np.split(taken, np.cumsum(groups.sizes[chosen])[:-1]):
        assert len(set(user[members])) <= 1
        assert (np.diff(length[members]) > 0).all()
        if in_order:
            assert len(set(start[members])) <= 1
