"""Columns of any names: RecBole's settings name them, and nothing else knows `item_id`."""

from __future__ import annotations

import sys

import pytest
from recbole.utils import get_trainer

from recbole_cammsr.registry import MODELS

NAMES = {"user_id": "uid", "item_id": "iid", "timestamp": "when", "genre": "kind"}
SETTINGS = {"USER_ID_FIELD": "uid", "ITEM_ID_FIELD": "iid", "TIME_FIELD": "when"}
USUAL = {"inter": ["user_id", "item_id"]}  # RecBole's own default
LOADED = {"load_col": {"inter": ["uid", "iid", "when"]}}


@pytest.fixture
def renamed(toy_path):
    """The toy data set with other names of its columns."""
    for path in (toy_path / "toy").glob("toy.i*"):
        if path.suffix not in (".inter", ".item"):
            continue
        header, _, rest = path.read_text(encoding="utf-8").partition("\n")
        columns = [column.split(":") for column in header.split("\t")]
        header = "\t".join(f"{NAMES.get(name, name)}:{kind}" for name, kind in columns)
        path.write_text(f"{header}\n{rest}", encoding="utf-8")
    return toy_path


def trained(made, model_name):
    config, _, (train, valid, test), model = made
    trainer = get_trainer(config["MODEL_TYPE"], model_name)(config, model)
    trainer.fit(train, valid, saved=True, verbose=False)
    return trainer.saved_model_file, trainer.evaluate(test, load_best_model=True)


@pytest.mark.parametrize("masked", [False, True], ids=["ranked", "masked"])
@pytest.mark.parametrize("model", [*MODELS, "SASRec"])
def test_other_names_change_nothing(renamed, make_model, toy_path, model, masked):
    settings = {"epochs": 1, "mask_history": masked}
    named = {**SETTINGS, **LOADED}
    if model in MODELS:
        named["category_field"] = "kind"
    _, found = trained(make_model(model, **settings, **named), model)
    back = {new: old for old, new in NAMES.items()}
    for path in (*(renamed / "toy").glob("*.inter"), *(renamed / "toy").glob("*.item")):
        text = path.read_text(encoding="utf-8")
        for new, old in back.items():
            text = text.replace(f"{new}:", f"{old}:", 1)
        path.write_text(text, encoding="utf-8")
    _, expected = trained(make_model(model, **settings), model)
    assert found == expected


def test_an_explanation_shows_the_history_that_the_model_reads(renamed, make_model, monkeypatch):
    from recbole_cammsr.analysis.trained_model import TrainedModel

    made = make_model(epochs=1, **SETTINGS, **LOADED, category_field="kind")
    path, _ = trained(made, "CAMMSR")
    monkeypatch.setattr(sys, "argv", ["pytest"])
    explained = TrainedModel(path)
    _, dataset, (_, _, test), _ = made
    for user in explained.users[:5]:
        (number,) = (
            (test.dataset.inter_feat["uid"] == dataset.token2id("uid", user)).nonzero().flatten()
        )
        row = test.dataset[[int(number)]]
        expected = row["iid_list"][0, : int(row["item_length"])]
        assert explained.row(user).history.tolist() == expected.tolist()


def test_the_fields_need_not_be_listed(renamed, make_data):
    listed = make_data(**SETTINGS, **LOADED, category_field="kind")[1]
    found = make_data(**SETTINGS, load_col=USUAL, category_field="kind")[1]
    assert len(found.inter_feat) == len(listed.inter_feat)
    assert (found.inter_feat["iid"] == listed.inter_feat["iid"]).all()


@pytest.mark.parametrize("setting", ["USER_ID_FIELD", "ITEM_ID_FIELD", "TIME_FIELD"])
def test_a_field_that_the_file_lacks_is_named(renamed, make_data, setting):
    settings = {**SETTINGS, setting: "nobody"}
    with pytest.raises(ValueError, match=rf"toy\.inter has no field 'nobody'.*`{setting}`"):
        make_data(**settings, load_col=USUAL, category_field="kind")


def test_a_file_without_interactions_is_named(toy_path, make_data):
    path = toy_path / "toy" / "toy.inter"
    header = path.read_text(encoding="utf-8").splitlines()[0]
    path.write_text(f"{header}\n", encoding="utf-8")
    with pytest.raises(ValueError, match=r"toy\.inter has no rows below its first line"):
        make_data()
    path.write_text(f"{header}\ttimestamp:float\nu1\ti1\t1\t2\n", encoding="utf-8")
    with pytest.raises(ValueError, match=r"'timestamp' stands twice in .*toy\.inter"):
        make_data()
