"""Only the items of a data set that is there are encoded."""

from __future__ import annotations

import json

import numpy as np
import pytest
from recbole_cammsr.dataset_prep.data_set_items import within_data_set


def test_items_of_either_atomic_file_are_kept(tmp_path):
    given = (tmp_path / "all.csv", tmp_path, "toy", "sku")
    assert within_data_set({"a", "x"}, *given) == {"a", "x"}
    (tmp_path / "toy.inter").write_text("user_id:token\titem_id:token\nu\ta\n")
    (tmp_path / "toy.item").write_text("item_id:token\nb\n")
    assert within_data_set({"a", "b", "x"}, *given) == {"a", "b"}
    assert within_data_set({"x"}, tmp_path / "toy.item", tmp_path, "toy", "item_id") == {"x"}
    with pytest.raises(ValueError, match=r"field 'sku' has no item of .*'x' and 'a'"):
        within_data_set({"x"}, *given)
    # An item field that cannot be told says nothing of the items.
    (tmp_path / "toy.item").unlink()
    (tmp_path / "toy.inter").write_text("who:token\twhat:token\nu\ta\n")
    assert within_data_set({"x"}, *given) == {"x"}


def test_the_command_refuses_other_items_before_it_loads_an_encoder(tmp_path, run_prep):
    (tmp_path / "toy.inter").write_text("user_id:token\titem_id:token\nu\ta\n")
    (tmp_path / "items.jsonl").write_text(json.dumps({"item_id": "x", "title": "t"}) + "\n")
    given = ["--items", tmp_path / "items.jsonl", "--dataset", "toy", "--output", tmp_path]
    for command, more in (
        ("encode-text", ["--fields", "title", "--text-encoder", "nowhere"]),
        ("encode-images", ["--images", tmp_path]),
    ):
        with pytest.raises(ValueError, match="has no item of"):
            run_prep(command, *given, *more)


def test_the_command_encodes_the_items_of_the_data_set(tmp_path, run_prep, with_pooling, capsys):
    (tmp_path / "toy.inter").write_text("user_id:token\titem_id:token\nu\ta\n")
    rows = [{"item_id": item, "title": "a b"} for item in "axy"]
    (tmp_path / "items.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    given = ["--items", tmp_path / "items.jsonl", "--dataset", "toy", "--output", tmp_path]
    given += ["--fields", "title", "--text-encoder", with_pooling("mean", True), "--quiet"]
    run_prep("encode-text", *given)
    said = capsys.readouterr().out.split()
    assert " ".join(said[1:]).startswith("items 1 others, which the data set does not have 2 with")
    with np.load(tmp_path / "toy.text.npz", allow_pickle=False) as arrays:
        assert arrays["item_id"].tolist() == ["a"]
    # A data set that has more items than before needs their features too.
    (tmp_path / "toy.inter").write_text("user_id:token\titem_id:token\nu\ta\nu\ty\n")
    run_prep("encode-text", *given)
    with np.load(tmp_path / "toy.text.npz", allow_pickle=False) as arrays:
        assert arrays["item_id"].tolist() == ["a", "y"]
