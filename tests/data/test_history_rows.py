"""Rows with lazy histories behave as RecBole's Interaction over the padded rows."""

from __future__ import annotations

import copy
import pickle

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from recbole.data.interaction import Interaction, cat_interactions

from recbole_cammsr.data.augmentation import prefix_rows
from recbole_cammsr.data.history_rows import HistoryColumns, HistoryRows, HistorySource

WIDTH = 4


def both(lengths=(5, 1, 7, 3)):
    """The same rows lazily and as RecBole stores them."""
    users = np.repeat(np.arange(len(lengths)), lengths)
    items = torch.arange(1, len(users) + 1)
    pairs = torch.stack([items.float(), -items.float()], dim=1)
    rows = prefix_rows(users, WIDTH)
    target, start, length = (torch.from_numpy(part) for part in rows)
    stored = {"user": torch.from_numpy(users)[target], "item": items[target], "length": length}
    sources = {"items": HistorySource(items, WIDTH), "pairs": HistorySource(pairs, WIDTH)}
    padded = {name: [] for name in sources}
    for begin, end in zip(rows.start, rows.target):
        for name, source in sources.items():
            row = torch.zeros((WIDTH, *source.values.shape[1:]), dtype=source.values.dtype)
            row[: end - begin] = source.values[begin:end]
            padded[name].append(row)
    padded = {name: torch.stack(rows) for name, rows in padded.items()}
    lazy = HistoryRows(HistoryColumns(stored, sources, start, length))
    return lazy, Interaction({**stored, **padded})


def same(lazy, plain):
    assert list(lazy.columns) == list(plain.columns)
    for field in plain.columns:
        assert torch.equal(lazy[field], plain[field]), field
        assert lazy[field].dtype == plain[field].dtype


def test_all_columns_read_as_stored():
    lazy, plain = both()
    same(lazy, plain)
    assert len(lazy) == len(plain) == 12
    assert "items" in lazy
    assert "nothing" not in lazy
    assert torch.equal(lazy.items, plain.items)  # fields as attributes
    with pytest.raises(AttributeError):
        _ = lazy.nothing
    with pytest.raises(KeyError):
        lazy["nothing"]


ROWS = 12
indices = st.one_of(
    st.lists(st.integers(-ROWS, ROWS - 1), max_size=20),
    st.lists(st.booleans(), min_size=ROWS, max_size=ROWS),
    st.integers(-ROWS, ROWS - 1),
    st.builds(slice, st.integers(-ROWS, ROWS) | st.none(), st.integers(-ROWS, ROWS) | st.none()),
    st.builds(range, st.integers(0, 5), st.integers(5, ROWS)),
)


@given(index=indices, form=st.sampled_from(["plain", "numpy", "tensor"]), again=st.booleans())
def test_selected_rows_are_those_of_the_padded_tensors(index, form, again):
    lazy, plain = both()
    given_index = index
    if isinstance(index, (list, int)) and index != []:
        if form == "numpy":
            given_index = np.array(index)
        elif form == "tensor":
            given_index = torch.tensor(index)
    lazy, plain = lazy[given_index], plain[index]
    if again and not isinstance(index, int) and len(plain["item"]) > 0:
        lazy, plain = lazy[[-1, 0]], plain[[-1, 0]]
    same(lazy, plain)
    same(lazy.gather(), plain)
    assert type(lazy.gather()) is Interaction


def test_interactions_own_methods_work():
    lazy, plain = both()
    for rows in (lazy, plain):
        torch.manual_seed(3)
        rows.shuffle()
    same(lazy, plain)
    for by in ("item", ["length", "user"], "items"):
        lazy.sort(by)
        plain.sort(by)
        same(lazy, plain)
    same(lazy.repeat(2), plain.repeat(2))
    same(lazy.repeat_interleave(2), plain.repeat_interleave(2))
    same(lazy.to("cpu"), plain.to("cpu"))
    same(lazy.to("cpu", "items"), plain.to("cpu", "items"))
    same(lazy.cpu(), plain)
    assert {k: v.tolist() for k, v in lazy.numpy().items()} == {
        k: v.tolist() for k, v in plain.numpy().items()
    }
    joined = cat_interactions([lazy[:3], lazy[3:]])
    assert all(torch.equal(joined[field], plain[field]) for field in plain.columns)
    same(copy.deepcopy(lazy), plain)


def test_columns_are_replaced_dropped_and_renamed():
    lazy, plain = both()
    for rows in (lazy, plain):
        rows.update(Interaction({"label": torch.ones(12)}))
        rows.drop("pairs")
        rows.drop("user")
        rows["items"] = torch.zeros(12, 2)
        del rows["length"]
    assert set(lazy.columns) == set(plain.columns) == {"item", "items", "label"}
    assert torch.equal(lazy["items"], plain["items"])
    lazy, plain = both()
    lazy.add_prefix("neg_")
    plain.add_prefix("neg_")
    same(lazy, plain)
    same(lazy[2:4], plain[2:4])


def test_splits_share_the_sources_in_memory_and_in_a_pickle():
    lazy, plain = both()
    parts = [lazy[:5], lazy[5:]]
    again = pickle.loads(pickle.dumps(parts))
    for one, other in (parts, again):
        assert one.interaction.sources["items"].values is other.interaction.sources["items"].values
    same(again[1], plain[5:])


def test_printing_gathers_nothing(monkeypatch):
    lazy, _ = both()
    monkeypatch.setattr(HistoryColumns, "gathered", None)
    assert "items, 4 wide, gathered on request" in repr(lazy)
