"""Vectorised grouping and cutting against RecBole's own loops."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from recbole.data.dataset import Dataset

from recbole_cammsr.data.splitting import GroupedRows, leave_out_sizes, part_sizes

keys = st.lists(st.integers(1, 6), min_size=1, max_size=40)


@given(keys=keys)
def test_groups_are_recboles(keys):
    theirs = list(Dataset._grouped_index(None, np.array(keys)))
    ours = GroupedRows(np.array(keys))
    assert list(ours) == theirs
    assert len(ours) == len(theirs)


@given(keys=keys, held_out=st.integers(1, 3))
def test_leave_one_out_is_recboles(keys, held_out):
    groups = GroupedRows(np.array(keys))
    theirs = Dataset._split_index_by_leave_one_out(None, list(groups), held_out)
    ours = groups.parts(leave_out_sizes(groups.sizes, held_out))
    assert [part.tolist() for part in ours] == theirs


@given(keys=keys, shares=st.lists(st.floats(0, 1), min_size=2, max_size=4))
def test_parts_by_ratio_are_recboles(keys, shares):
    groups = GroupedRows(np.array(keys))
    theirs = [[] for _ in shares]
    sizes = []
    for group in groups:
        # shares that do not fit are cut by slicing, and must be cut here the same way
        ends = Dataset._calcu_split_ids(None, len(group), [s / (sum(shares) or 1) for s in shares])
        for part, begin, end in zip(theirs, [0, *ends], [*ends, len(group)]):
            part.extend(group[begin:end])
        sizes.append(part_sizes(ends, len(group)))
    assert [part.tolist() for part in groups.parts(np.array(sizes))] == theirs


@pytest.mark.parametrize(
    "split",
    [
        {"LS": "valid_and_test"},
        {"LS": "valid_only"},
        {"LS": "test_only"},
        {"RS": [7, 2, 1]},
        {"TS": [0.7, 0.2, 0.1]},
    ],
)
@pytest.mark.parametrize("group_by", ["user", "none"])
def test_splits_are_recboles(make_config, split, group_by):
    from recbole.data import create_dataset

    eval_args = {"split": split, "order": "TO", "mode": "full", "group_by": group_by}
    settings = {"eval_args": eval_args, "train_packing": False, "normalize_all": True}
    ours = create_dataset(make_config(**settings)).build()
    theirs = create_dataset(make_config("SASRec", **settings)).build()
    for mine, stock in zip(ours, theirs):
        assert len(mine) == len(stock)
        for field in stock.inter_feat.columns:
            assert torch.equal(mine.inter_feat[field], stock.inter_feat[field]), field
