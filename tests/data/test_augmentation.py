"""Vectorised prefix rows against RecBole's own loop and a naive one."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from recbole_cammsr.data.augmentation import prefix_rows

histories = st.lists(st.integers(1, 9), min_size=0, max_size=8)


def naive_rows(lengths: list[int], max_length: int) -> list[tuple[int, int, int]]:
    rows, first = [], 0
    for length in lengths:
        for target in range(first + 1, first + length):
            start = max(first, target - max_length)
            rows.append((target, start, target - start))
        first += length
    return rows


@given(lengths=histories, max_length=st.integers(1, 6))
def test_prefix_rows_equal_the_naive_loop(lengths, max_length):
    users = np.repeat(np.arange(len(lengths)), lengths)
    rows = prefix_rows(users, max_length)
    assert list(zip(rows.target, rows.start, rows.length)) == naive_rows(lengths, max_length)


@pytest.mark.parametrize("max_length", [3, 50])
def test_same_rows_in_the_same_order_as_recbole(make_config, max_length):
    from recbole.data.dataset import SequentialDataset

    from recbole_cammsr.data.dataset import CAMMSRDataset

    config = make_config(MAX_ITEM_LIST_LENGTH=max_length, time_encoding="none", normalize_all=True)
    ours, theirs = CAMMSRDataset(config), SequentialDataset(config)
    # 500 seconds, normalised: float32 tells all times apart, so RecBole's order is exact too
    ours._change_feat_format()
    theirs._change_feat_format()
    assert set(ours.inter_feat.columns) == set(theirs.inter_feat.columns)
    for field in theirs.inter_feat.columns:
        assert torch.equal(ours.inter_feat[field], theirs.inter_feat[field]), field
        assert ours.inter_feat[field].dtype == theirs.inter_feat[field].dtype
    assert ours.field2type == theirs.field2type
    assert ours.field2seqlen == theirs.field2seqlen
