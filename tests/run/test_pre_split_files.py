"""``--protocol`` lets RecBole's models read the histories of pre-split data."""

from __future__ import annotations

import pytest

import recbole_cammsr
from recbole_cammsr.run import pre_split_files, protocol

PARTS = ["train", "valid", "test"]
ROWS = ["u1\ta\tb c", "u1\tb\tb c a", "u2\tc\td"]


@pytest.fixture
def chosen(toy_path):
    """Settings of data whose histories have up to three items; one stands in a history only."""
    for part in PARTS:
        lines = ["user_id:token\titem_id:token\titem_id_list:token_seq", *ROWS]
        (toy_path / "toy" / f"toy.{part}.inter").write_text("\n".join(lines) + "\n")
    return {"data_path": str(toy_path), "benchmark_filename": PARTS}


@pytest.mark.parametrize("model", ["SASRec", "GRU4Rec", "BPR", "Pop"])
def test_histories_are_loaded_and_have_the_numbers_of_items(make_config, chosen, model):
    from recbole.data import create_dataset, data_preparation

    settings = {**protocol.settings_for(model, "toy", chosen), **chosen}
    config = make_config(model, **settings)
    train, _, _ = data_preparation(config, create_dataset(config))
    dataset = train.dataset
    assert set(dataset.field2token_id["item_id"]) == {"[PAD]", "a", "b", "c", "d"}
    found = dataset.id2token("item_id", dataset.inter_feat["item_id_list"][1].tolist())
    assert found.tolist() == ["b", "c", "a"]


def test_what_the_user_sets_wins_and_other_data_need_nothing(chosen):
    columns = {"inter": ["user_id", "item_id"]}
    settings = protocol.settings_for("SASRec", "toy", {**chosen, "load_col": columns})
    assert "load_col" not in settings
    settings = protocol.settings_for("SASRec", "toy", {**chosen, "alias_of_item_id": []})
    assert "alias_of_item_id" not in settings
    whole = {"data_path": chosen["data_path"]}
    assert "alias_of_item_id" not in protocol.settings_for("SASRec", "toy", whole)
    # a list of tokens would be a feature of theirs
    assert "alias_of_item_id" not in protocol.settings_for("FM", "toy", chosen)


def test_files_without_histories_are_left_alone(chosen, toy_path):
    for part in PARTS:
        text = "user_id:token\titem_id:token\nu1\ta\n"
        (toy_path / "toy" / f"toy.{part}.inter").write_text(text)
    settings = protocol.settings_for("BPR", "toy", chosen)
    assert "alias_of_item_id" not in settings
    assert settings["load_col"] == {"inter": ["user_id", "item_id", "timestamp"]}
    assert "keep_last_items" not in settings


def test_histories_keep_their_last_items(chosen):
    for model in ("SASRec", "GRU4Rec"):
        assert protocol.settings_for(model, "toy", chosen)["keep_last_items"] is True
        asked = protocol.settings_for(model, "toy", {**chosen, "keep_last_items": False})
        assert "keep_last_items" not in asked
    assert "keep_last_items" not in protocol.settings_for("CAMMSR", "toy", chosen)


def test_a_script_gets_the_same(chosen):
    settings = recbole_cammsr.protocol_settings("SASRec", "toy", **chosen)
    assert settings["alias_of_item_id"] == ["item_id_list"]
    assert settings["load_col"]["inter"][-1] == "item_id_list"
    assert settings["keep_last_items"] is True


def test_files_are_read_as_recbole_will_read_them(toy_path):
    """Other separators, names and letters."""
    layout = {"field_separator": ",", "seq_separator": ";", "encoding": "utf-16"}
    names = {"ITEM_ID_FIELD": "i", "LIST_SUFFIX": "_seen"}
    chosen = {"data_path": str(toy_path), "benchmark_filename": tuple(PARTS), **layout, **names}
    for part, history in zip(PARTS, ("b c", "b;c;a", "b;c;a;ü d")):
        lines = ["i:token,i_seen:token_seq", f"a,{history}", "b"]  # the last row is cut
        path = toy_path / "toy" / f"toy.{part}.inter"
        path.write_text("\n".join(lines) + "\n", encoding="utf-16")
    settings = {**_DEFAULTS, **chosen, "load_col": {"inter": ("i", "i_seen"), "item": ["i"]}}
    assert pre_split_files.reading_histories("toy", settings) == {
        "alias_of_item_id": ["i_seen"],
        "keep_last_items": True,
        "load_col": {"inter": ["i", "i_seen"], "item": ["i"]},
    }


def test_bytes_that_are_no_text_are_left_to_recbole(chosen, toy_path):
    path = toy_path / "toy" / "toy.valid.inter"
    path.write_bytes(path.read_bytes() + b"u\xff\ta\tb c a d\n")
    found = pre_split_files.reading_histories("toy", {**_DEFAULTS, **chosen})
    assert found["alias_of_item_id"] == ["item_id_list"]


_DEFAULTS = protocol.recboles_settings("dataset", "sample")
