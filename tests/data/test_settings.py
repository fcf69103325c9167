"""Settings of the item side that no other test file covers."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from recbole_cammsr.data.formats import RawFeatures
from recbole_cammsr.data.settings import check_known, held_in_memory, modality_file

RAW = RawFeatures("f.npy", np.array(["a"]), np.zeros((1, 1024), dtype=np.float16))


def config(**settings):
    base = {"feature_device": "auto", "feature_budget": 1.0, "feature_dtype": "float16"}
    return {**base, **settings}


def test_auto_holds_features_up_to_the_budget():
    items = 2**30 // (2 * 1024)  # exactly one GiB in two bytes a value
    assert held_in_memory(config(), [RAW], items)
    assert not held_in_memory(config(), [RAW], items + 1)
    assert not held_in_memory(config(), [RAW, RAW], items)
    assert not held_in_memory(config(feature_dtype="float32"), [RAW], items)
    assert held_in_memory(config(feature_budget=2), [RAW, RAW], items)
    assert held_in_memory(config(feature_device="resident"), [RAW], 10 * items)
    assert not held_in_memory(config(feature_device="host"), [RAW], 1)


def test_a_precision_that_is_not_set_is_that_of_which_the_budget_is_counted(make_data):
    items = 2**30 // (4 * 1024)
    assert held_in_memory(config(feature_dtype=None), [RAW], items)
    assert not held_in_memory(config(feature_dtype=None), [RAW], items + 1)
    _, dataset, _ = make_data(feature_dtype=None)
    assert {table.values.dtype for table in dataset.feature_tables} == {torch.float32}


@pytest.mark.parametrize("values", [np.float32(3), np.zeros(41, dtype=np.float32)])
def test_features_that_are_no_table_are_refused_in_a_sentence(make_data, toy_path, values):
    path = toy_path / "toy" / "toy.text.npz"
    with np.load(path) as content:
        tokens = content["item_id"]
    np.savez(path, item_id=tokens, feature=values)
    with pytest.raises(ValueError, match=r"toy\.text\.npz: features have shape .*two-dimensional"):
        make_data()


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"feature_device": "gpu"}, "`feature_device` is 'gpu'.*auto, resident, host"),
        ({"feature_budget": 0}, "`feature_budget` is 0"),
        ({"feature_budget": "much"}, "`feature_budget` is 'much'"),
        ({"feature_budget": float("nan")}, "`feature_budget` is nan"),
    ],
)
def test_unknown_values_are_refused(settings, message):
    with pytest.raises(ValueError, match=message):
        held_in_memory(config(**settings), [RAW], 10)


@pytest.mark.parametrize("offset", ["one", 1.5, None, True])
def test_an_offset_that_is_no_integer_is_refused(offset):
    files = {"text": {"file": "f.npy", "ids": "row", "offset": offset}}
    with pytest.raises(ValueError, match=r"`offset` of 'text' .* must be an integer"):
        modality_file("text", files, "", "toy")
    assert modality_file("text", {"text": {"file": "f.npy", "offset": 1}}, "", "toy").offset == 1


def test_modality_files_may_be_text_without_quotes():
    """As the command line hands it over."""
    for files in ("{text: a.npz}", "{text: {file: a.npz}}", "{'text': 'a.npz'}"):
        assert modality_file("text", files, "", "toy").path == "a.npz"
        check_known(("text",), files)
        with pytest.raises(ValueError, match="names 'text', which is not in `modalities`"):
            check_known(("image",), files)
    for wrong in ("{text: a.npz", "a.npz", ["a.npz"], 3):
        with pytest.raises(ValueError, match="it must map a modality to its file"):
            check_known(("text",), wrong)
