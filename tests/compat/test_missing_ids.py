"""Interactions without a user or an item are left out, and all others stay."""

from __future__ import annotations

import pytest
from recbole.data import create_dataset

HEADER = "user_id:token\titem_id:token\ttimestamp:float"
PLAIN = {"modalities": [], "category_weight": 0}


@pytest.mark.parametrize("model", ["CAMMSR", "SASRec", "BPR"])
@pytest.mark.parametrize("without_item", [[20], [39], [4, 20, 39]], ids=str)
def test_a_missing_user_takes_no_good_interaction_with_it(
    make_config, toy_path, caplog, model, without_item
):
    rows = [[f"u{n % 5}", f"i{n % 8}", str(n)] for n in range(40)]
    rows[3][0] = ""
    for place in without_item:
        rows[place][1] = ""
    path = toy_path / "toy" / "toy.inter"
    path.write_text("\n".join([HEADER, *map("\t".join, rows)]) + "\n")
    dataset = create_dataset(make_config(model, **(PLAIN if model == "CAMMSR" else {})))
    found = dataset.inter_feat
    good = [row for row in rows if row[0] and row[1]]
    assert dataset.id2token("user_id", found["user_id"]).tolist() == [row[0] for row in good]
    assert dataset.id2token("item_id", found["item_id"]).tolist() == [row[1] for row in good]
    assert found["timestamp"].tolist() == [float(row[2]) for row in good]
    assert "line [5], user_id do not exist" in caplog.text
    assert f"line {[place + 2 for place in without_item]}, item_id do not" in caplog.text


def test_files_of_users_and_items_lose_their_rows_without_a_name(make_config, toy_path, caplog):
    (toy_path / "toy" / "toy.user").write_text("user_id:token\tage:float\nu1\t30\n\t40\nu2\t50\n")
    columns = {"inter": ["user_id", "item_id", "timestamp"], "user": ["user_id", "age"]}
    dataset = create_dataset(make_config("SASRec", load_col=columns))
    assert "In user_feat, line [3], user_id do not exist" in caplog.text
    users = dataset.id2token("user_id", dataset.user_feat["user_id"])
    of_user = dict(zip(users, dataset.user_feat["age"]))
    assert [of_user[name] for name in ("u1", "u2")] == [30, 50]


def test_interactions_without_users_and_items_all_stay(make_config, toy_path):
    """RecBole allows data of context alone, in which no field is a user or an item."""
    rows = ["age:float\tplace:token\tlabel:float", "30\ta\t1", "40\tb\t0", "50\ta\t1"]
    (toy_path / "toy" / "toy.inter").write_text("\n".join(rows) + "\n")
    (toy_path / "toy" / "toy.item").unlink()
    dataset = create_dataset(
        make_config("LR", USER_ID_FIELD=None, ITEM_ID_FIELD=None, load_col=None)
    )
    assert dataset.inter_feat["label"].tolist() == [1, 0, 1]


def test_after_a_repeated_item_no_good_one_is_lost(make_config, toy_path):
    """RecBole drops repeated rows as it loads the file; a label is then no place."""
    rows = ["item_id:token\tgenre:token", "i1\ta", "i1\tb", "i2\tc", "\td", "i3\te"]
    (toy_path / "toy" / "toy.item").write_text("\n".join(rows) + "\n")
    interactions = [HEADER, *(f"u{n % 4}\ti{n % 3 + 1}\t{n}" for n in range(12))]
    (toy_path / "toy" / "toy.inter").write_text("\n".join(interactions) + "\n")
    columns = {"inter": ["user_id", "item_id", "timestamp"], "item": ["item_id", "genre"]}
    dataset = create_dataset(make_config("SASRec", load_col=columns))
    genres = dataset.id2token("genre", dataset.item_feat["genre"].astype(int))
    of_item = dict(zip(dataset.id2token("item_id", dataset.item_feat["item_id"]), genres))
    assert [of_item[name] for name in ("i1", "i2", "i3")] == ["a", "c", "e"]
    assert "d" not in genres
