"""Lazily gathered histories against slices, and against RecBole's own Interaction."""

from __future__ import annotations

import pickle

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from recbole.data.interaction import Interaction

from recbole_cammsr.data.augmentation import prefix_rows
from recbole_cammsr.data.histories import PrefixInteraction


def make(lengths: list[int], max_length: int = 4, extra: int = 1) -> PrefixInteraction:
    users = np.repeat(np.arange(len(lengths)), lengths)
    items = torch.arange(1, len(users) + 1)
    pairs = torch.stack([items, -items], dim=1).float()
    rows = prefix_rows(users, max_length)
    target = torch.from_numpy(rows.target)
    return PrefixInteraction(
        {"user": torch.from_numpy(users)[target], "item": items[target], "n": _long(rows.length)},
        _long(rows.start),
        "n",
        {"item_list": items, "pair_list": pairs},
        {"item_list": max_length + extra, "pair_list": max_length + extra},
    )


def _long(values: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(values)


user_lengths = st.lists(st.integers(1, 9), min_size=1, max_size=6).filter(lambda n: max(n) > 1)


@given(lengths=user_lengths, max_length=st.integers(1, 6), extra=st.integers(0, 2))
def test_gathered_histories_are_the_items_before_the_target(lengths, max_length, extra):
    rows = make(lengths, max_length, extra)
    items, pairs = rows["item_list"], rows["pair_list"]
    assert items.shape == (len(rows), max_length + extra)
    for row in range(len(rows)):
        count, target = int(rows["n"][row]), int(rows["item"][row])
        before = torch.arange(target - count, target)
        assert torch.equal(items[row, :count], before)
        assert torch.equal(pairs[row, :count], torch.stack([before, -before], dim=1).float())
        assert not items[row, count:].any()
        assert not pairs[row, count:].any()


def test_some_histories_are_gathered_no_wider_than_the_longest_of_them():
    rows = make([4, 1, 7, 5])
    whole = rows["item_list"]
    for chosen in ([0], [3, 0, 3], [8, 1]):
        width = int(rows["n"][chosen].max())
        found = rows.histories("item_list", torch.tensor(chosen), width)
        assert torch.equal(found, whole[chosen, :width])
        assert not whole[chosen, width:].any()


@given(lengths=user_lengths, data=st.data())
def test_selected_rows_equal_those_of_a_plain_interaction(lengths, data):
    rows = make(lengths)
    plain = rows.materialise()
    assert type(plain) is Interaction
    number = st.integers(0, len(rows) - 1)
    chosen = data.draw(st.lists(number, min_size=1, max_size=5))
    index = data.draw(
        st.sampled_from(
            [
                chosen,
                torch.tensor(chosen),
                np.array(chosen),
                slice(min(chosen), max(chosen) + 1),
                torch.arange(len(rows)) <= max(chosen),
            ]
        )
    )
    ours, theirs = rows[index], plain[index]
    assert isinstance(ours, PrefixInteraction)
    assert len(ours) == len(theirs)
    for field in theirs.columns:
        assert torch.equal(ours[field], theirs[field])
    one = data.draw(st.sampled_from([*chosen, -1]))
    for field, value in plain[one].interaction.items():
        assert torch.equal(rows[one][field], value)


@pytest.mark.parametrize("index", [[], range(1, 6, 2), [True] * 4 + [False] * 9])
def test_rows_that_splits_select(index):
    rows = make([4, 1, 7, 5])
    plain = rows.materialise()
    for field in plain.columns:
        assert torch.equal(rows[index][field], plain[index][field])


def test_sorting_and_shuffling_keep_rows_whole():
    rows = make([3, 7, 2, 5])
    plain = rows.materialise()
    rows.sort(by=["n", "item"])
    plain.sort(by=["n", "item"])
    for field in plain.columns:
        assert torch.equal(rows[field], plain[field])
    rows.shuffle()
    order = rows["item"].argsort()
    again = plain["item"].argsort()
    assert torch.equal(rows["item_list"][order], plain["item_list"][again])


def test_columns_can_be_named_dropped_copied_and_pickled():
    rows = make([4, 3])
    assert set(rows.columns) == {"user", "item", "n", "item_list", "pair_list"}
    assert list(rows) == rows.columns
    part = rows[:2]
    part.drop("pair_list")
    del part["user"]
    assert "pair_list" not in part
    assert "user" not in part
    assert "pair_list" in rows  # other selections keep theirs
    with pytest.raises(ValueError, match="no such column"):
        part.drop("no such column")
    copy = pickle.loads(pickle.dumps(rows))
    for copied in (rows.to("cpu"), rows.cpu(), rows.repeat(1), rows.repeat_interleave(1), copy):
        assert torch.equal(copied["pair_list"], rows["pair_list"])
    assert np.array_equal(rows.numpy()["item_list"], rows["item_list"].numpy())
    assert rows.repeat(3)["item_list"].shape[0] == 3 * len(rows)


def test_columns_can_be_set_as_those_of_a_plain_interaction():
    rows = make([4, 1, 7])
    plain, whole = rows.materialise(), rows[:]
    nines, ones = torch.full_like(plain["item_list"], 9), torch.ones(len(rows))
    for each in (rows, plain):
        each["item_list"] = nines
        each["new"] = ones
        each.update(Interaction({"pair_list": plain["pair_list"] + 1, "more": ones}))
    assert set(rows.columns) == set(plain.columns)
    for one, other in ((rows, plain), (rows[2:5], plain[2:5]), (rows.materialise(), plain)):
        for field in plain.columns:
            assert torch.equal(one[field], other[field])
            assert torch.equal(getattr(one, field), other[field])
    assert not torch.equal(whole["item_list"], nines)  # other selections keep theirs
    with pytest.raises(AttributeError, match="no attribute 'absent'"):
        rows.absent  # noqa: B018


def test_columns_have_prefixes_as_those_of_a_plain_interaction():
    rows = make([4, 1, 7])
    plain, whole = rows.materialise(), rows[:]
    for each in (rows, plain):
        each.add_prefix("neg_")
    assert set(rows.columns) == set(plain.columns)
    for field in plain.columns:
        assert torch.equal(rows[1:][field], plain[1:][field])
    assert "item_list" in whole
    taken = make([4, 1, 7])
    taken.update(rows)
    assert torch.equal(taken["neg_item_list"], taken.item_list)


def test_rows_go_to_the_device_or_some_of_their_columns():
    rows = make([4, 3])
    fields = rows.columns
    whole, part = rows.to("meta"), rows.to("meta", "pair_list")
    assert {whole[field].device.type for field in fields} == {"meta"}
    assert [field for field in fields if part[field].device.type == "meta"] == ["pair_list"]


def test_the_user_item_matrix_is_recboles(make_config):
    from recbole.data.dataset import SequentialDataset

    from recbole_cammsr.data.dataset import CAMMSRDataset

    config = make_config(time_encoding="none", normalize_all=True)
    ours, theirs = CAMMSRDataset(config).build(), SequentialDataset(config).build()
    a, b = (part[1].inter_matrix(form="csr") for part in (ours, theirs))
    assert (a != b).nnz == 0
    assert a.nnz > 0
