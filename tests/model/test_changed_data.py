"""Data that changed after a checkpoint was written are named before torch lists parameters."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from recbole.quick_start import load_data_and_model
from recbole.utils import get_trainer


def label_anew(folder: Path) -> None:
    """One item gets a label that no other has."""
    path = folder / "toy.item"
    head, first, *lines = path.read_text(encoding="utf-8").splitlines()
    item, _, labels = first.split("\t")
    changed = "\n".join([head, f"{item}\topera\t{labels}", *lines])
    path.write_text(changed + "\n", encoding="utf-8")


def complete_features(folder: Path) -> None:
    """Every item gets all modalities."""
    lines = (folder / "toy.inter").read_text(encoding="utf-8").splitlines()[1:]
    tokens = np.array(sorted({line.split("\t")[1] for line in lines}))
    for name, dimension in (("text", 12), ("image", 7)):
        values = np.random.default_rng(3).normal(size=(len(tokens), dimension)).astype(np.float32)
        np.savez(folder / f"toy.{name}.npz", item_id=tokens, feature=values)


def add_item(folder: Path) -> None:
    """A user buys an item that nobody had."""
    with open(folder / "toy.inter", "a", encoding="utf-8") as file:
        file.write("u0\tnew\t1500000000\n")


def rename_item(folder: Path) -> None:
    """An item is taken for a new one: as many items, of which one is another."""
    path = folder / "toy.inter"
    lines = path.read_text(encoding="utf-8").splitlines()
    item = lines[1].split("\t")[1]
    path.write_text("\n".join(lines).replace(f"\t{item}\t", "\tnew\t") + "\n", encoding="utf-8")


def rename_label(folder: Path) -> None:
    """A category gets another name, beside a new item."""
    add_item(folder)
    path = folder / "toy.item"
    path.write_text(path.read_text(encoding="utf-8").replace("drama", "opera"), encoding="utf-8")


CATEGORIES = r"^the item categories are not those .* use the same `.item` file, `category_field`"
FACTORS = {"candidate_fusion": "item", "use_id": False}
BY_CONTENT = {"use_id": False}
ITEMS = "^the items are not those that the checkpoint was trained with"


@pytest.mark.parametrize(
    ("model", "settings", "change", "says"),
    [
        ("CAMMSR", {}, label_anew, CATEGORIES),
        ("CAMMSR", {"complete_missing": False}, label_anew, CATEGORIES),
        ("HM4SR", {}, label_anew, CATEGORIES),
        (
            "CAMMSR",
            {},
            complete_features,
            r"^when the checkpoint was trained some item lacked a modality \(text, image\) that "
            r"`complete_missing` completes, and now no item lacks one; use the same feature files "
            r"\(.*toy\.text\.npz, .*toy\.image\.npz\), .* or train anew\.$",
        ),
        ("MISSRec", FACTORS, add_item, "^there are 41 items, and 40 in the checkpoint; use the"),
        ("MISSRec", FACTORS, rename_item, ITEMS),
        ("UniSRec", {}, rename_item, ITEMS),
        ("CAMMSR", BY_CONTENT, rename_label, CATEGORIES),
    ],
)
def test_changed_data_are_named_in_a_sentence(
    make_model, toy_path, tmp_path, model, settings, change, says
):
    path = str(tmp_path / "c.pth")
    config, _, _, trained = make_model(model, **settings)
    trainer = get_trainer(config["MODEL_TYPE"], model)(config, trained)
    trainer._save_checkpoint(0, saved_model_file=path, verbose=False)
    load_data_and_model(path)
    change(toy_path / "toy")
    with pytest.raises(ValueError, match=says) as caught:
        load_data_and_model(path)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("change", [add_item, rename_item])
@pytest.mark.parametrize("model", ["CAMMSR", "MISSRec", "SASRecMM", "UniSRec"])
def test_models_of_content_alone_rank_other_items(
    make_model, toy_path, tmp_path, caplog, model, change
):
    path = str(tmp_path / "c.pth")
    config, _, _, trained = make_model(model, **BY_CONTENT)
    get_trainer(config["MODEL_TYPE"], model)(config, trained)._save_checkpoint(
        0, saved_model_file=path, verbose=False
    )
    change(toy_path / "toy")
    config, _, loaders, grown = make_model(model, **BY_CONTENT)
    trainer = get_trainer(config["MODEL_TYPE"], model)(config, grown)
    found = trainer.evaluate(loaders[2], load_best_model=True, model_file=path)
    assert "the items are not those" in caplog.text
    assert "must be features of the same encoder" in caplog.text
    for name, value in trained.state_dict().items():
        assert torch.equal(grown.state_dict()[name], value)
    opened = load_data_and_model(path)[1]
    assert opened.n_items == grown.n_items
    assert 0 <= found["ndcg@10"] <= 1


@pytest.mark.parametrize(
    ("model", "lacked", "warned"),
    [
        ("CAMMSR", False, "text and image"),
        ("CAMMSR", True, ""),
        ("SASRecMM", False, "text and image"),
        ("UniSRec", False, "text"),
        ("MISSRec", False, ""),  # what an item lacks does not count there
    ],
)
def test_other_items_may_lack_what_none_lacked_or_the_reverse(
    make_model, toy_path, tmp_path, caplog, model, lacked, warned
):
    """Of models of content alone; what nothing was learned of is zero or as it started."""
    path = str(tmp_path / "c.pth")
    kept = {name: (toy_path / "toy" / f"toy.{name}.npz").read_bytes() for name in ("text", "image")}
    if not lacked:
        complete_features(toy_path / "toy")
    config, _, _, trained = make_model(model, **BY_CONTENT)
    get_trainer(config["MODEL_TYPE"], model)(config, trained)._save_checkpoint(
        0, saved_model_file=path, verbose=False
    )
    rename_item(toy_path / "toy")
    if lacked:
        complete_features(toy_path / "toy")
    else:
        for name, content in kept.items():
            (toy_path / "toy" / f"toy.{name}.npz").write_bytes(content)
    opened = load_data_and_model(path)[1]
    said = [record.getMessage() for record in caplog.records if "untrained" in record.getMessage()]
    assert len(said) == bool(warned)
    assert all(sentence.startswith(f"some items lack {warned}, which none") for sentence in said)
    if model == "CAMMSR":
        completion = opened.item_encoder.completion
        assert (completion is None) == lacked
        assert lacked or not completion.by_label.any()
    before, now = trained.state_dict(), opened.state_dict()
    assert all(torch.equal(before[name], now[name]) for name in before.keys() & now.keys())


def test_an_earlier_checkpoint_tells_by_its_completion_that_no_item_lacked_content(
    make_model, toy_path, caplog
):
    kept = {name: (toy_path / "toy" / f"toy.{name}.npz").read_bytes() for name in ("text", "image")}
    complete_features(toy_path / "toy")
    trained = make_model(**BY_CONTENT)[3]
    stored = trained.other_parameter()
    del stored["item_side"]["lacking"]
    for name, content in kept.items():
        (toy_path / "toy" / f"toy.{name}.npz").write_bytes(content)
    add_item(toy_path / "toy")
    grown = make_model(**BY_CONTENT)[3]
    grown.load_state_dict(trained.state_dict())
    grown.load_other_parameter(stored)
    assert caplog.text.count("is untrained") == 1


def test_completion_of_the_same_items_is_no_matter_of_coverage(make_model):
    """It was switched off or on, which a model of content alone must not take for other items."""
    models = [make_model(**BY_CONTENT, complete_missing=on)[3] for on in (True, False)]
    for trained, other in (models, models[::-1]):
        other.load_state_dict(trained.state_dict())
        with pytest.raises(ValueError, match="`complete_missing` completes"):
            other.load_other_parameter(trained.other_parameter())


def test_a_layer_as_long_as_the_catalogue_has_no_rows_of_items(make_model, toy_path):
    trained = make_model("SASRecMM", **BY_CONTENT, inner_size=42)[3]
    add_item(toy_path / "toy")
    grown = make_model("SASRecMM", **BY_CONTENT, inner_size=42)[3]
    assert grown.n_items == 42
    grown.load_state_dict(trained.state_dict())
    grown.load_other_parameter(trained.other_parameter())
    # of a class of the user's the names are not known
    grown.provenance = dataclasses.replace(grown.provenance, as_shipped=False)
    with pytest.raises(ValueError, match=ITEMS):
        grown.load_other_parameter(trained.other_parameter())


def test_features_of_the_same_items_must_be_the_same(make_model, toy_path, tmp_path):
    path = str(tmp_path / "c.pth")
    config, _, _, trained = make_model("UniSRec", **BY_CONTENT)
    get_trainer(config["MODEL_TYPE"], "UniSRec")(config, trained)._save_checkpoint(
        0, saved_model_file=path, verbose=False
    )
    complete_features(toy_path / "toy")
    with pytest.raises(ValueError, match=r"the features of modality 'text' .* are not those"):
        load_data_and_model(path)


def test_features_that_are_no_longer_complete_are_named(make_model, toy_path):
    kept = {name: (toy_path / "toy" / f"toy.{name}.npz").read_bytes() for name in ("text", "image")}
    complete_features(toy_path / "toy")
    state = make_model()[3].state_dict()
    for name, content in kept.items():
        (toy_path / "toy" / f"toy.{name}.npz").write_bytes(content)
    with pytest.raises(ValueError, match=r"no item lacked .*, and now some item lacks one"):
        make_model()[3].load_state_dict(state)


@pytest.mark.parametrize(
    ("model", "settings"),
    [
        ("CAMMSR", {"hidden_size": 8}),
        ("CAMMSR", {"n_layers": 1}),
        ("CAMMSR", {"category_weight": 0}),
        ("MISSRec", {"candidate_fusion": "item"}),
    ],
)
def test_parameters_of_other_settings_are_not_taken_for_it(
    make_model, model: str, settings: dict[str, Any]
):
    state = make_model(model)[3].state_dict()
    with pytest.raises(RuntimeError, match="state_dict"):
        make_model(model, **settings)[3].load_state_dict(state)
