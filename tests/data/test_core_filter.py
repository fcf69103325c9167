"""K-core filtering against a naive loop; against RecBole's in test_regular_table.py."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from recbole_cammsr.data.core_filter import rows_of_core


@given(
    pairs=st.lists(st.tuples(st.integers(0, 5), st.integers(0, 5)), max_size=30),
    least=st.tuples(st.integers(0, 4), st.integers(0, 4)),
    most=st.tuples(st.integers(2, 9), st.integers(2, 9)),
)
def test_kept_rows_are_those_of_a_naive_loop(pairs, least, most):
    users = np.array([user for user, _ in pairs], dtype=np.int64)
    items = np.array([item for _, item in pairs], dtype=np.int64)
    ours = rows_of_core(
        users,
        items,
        lambda n: (n >= least[0]) & (n <= most[0]),
        lambda n: (n >= least[1]) & (n <= most[1]),
    )
    rows = list(range(len(pairs)))
    while True:
        by_user = Counter(pairs[row][0] for row in rows)
        by_item = Counter(pairs[row][1] for row in rows)
        left = [
            row
            for row in rows
            if least[0] <= by_user[pairs[row][0]] <= most[0]
            and least[1] <= by_item[pairs[row][1]] <= most[1]
        ]
        if left == rows:
            break
        rows = left
    assert np.flatnonzero(ours).tolist() == rows


@pytest.mark.parametrize("tables", [(), ("item",), ("user",), ("item", "user")], ids=str)
@pytest.mark.parametrize(
    ("of_users", "of_items"), [("[12,inf)", "[6,20]"), (None, "[1,16]"), ("(0,18)", None)]
)
def test_what_is_left_out_is_in_no_table_either(make_config, toy_path, tables, of_users, of_items):
    """As with RecBole: what stands in an item file alone would be a candidate of every ranking."""
    from recbole.data import create_dataset

    folder = toy_path / "toy"
    events = pd.read_csv(folder / "toy.inter", sep="\t")
    users = events["user_id:token"].unique()
    rows = "".join(f"{user}\t{number}\n" for number, user in enumerate(users))
    (folder / "toy.user").write_text("user_id:token\tage:float\n" + rows)
    columns = {"inter": ["user_id", "item_id", "timestamp"]}
    columns.update({"item": ["item_id", "genre"], "user": ["user_id", "age"]})
    settings = {
        "load_col": {name: columns[name] for name in ("inter", *tables)},
        "user_inter_num_interval": of_users,
        "item_inter_num_interval": of_items,
    }
    ours = create_dataset(make_config("CAMMSR", modalities=[], category_weight=0, **settings))
    theirs = create_dataset(make_config("SASRec", **settings))
    assert 0 < len(ours.inter_feat) == len(theirs.inter_feat) < len(events)
    for field in ("user_id", "item_id"):
        assert ours.field2id_token[field].tolist() == theirs.field2id_token[field].tolist()
    for name in ("item_feat", "user_feat"):
        mine, stock = getattr(ours, name), getattr(theirs, name)
        assert (mine is None) == (stock is None)
        assert mine is None or len(mine) == len(stock)
