"""The text encoder on a tiny random model: order, pooling, limits, refusals, command."""

from __future__ import annotations

import gzip
import json
import re
import shutil
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from recbole_cammsr.dataset_prep.item_records import label_words, read_items, scan_items
from recbole_cammsr.dataset_prep.item_text import item_text
from recbole_cammsr.dataset_prep.model_location import resolve_model
from recbole_cammsr.dataset_prep.pooling import Pooling
from recbole_cammsr.dataset_prep.text_encoder import (
    TextEncoder,
    default_tokens_per_batch,
    length_sorted_batches,
)

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")

COMMIT = "a" * 40
TEXTS = ["a b c d e f g", "h", "i j k", "a", "b , c . d", "n m l k j i h g f"]


@given(st.lists(st.integers(0, 50), max_size=40), st.integers(1, 200))
def test_batches_hold_every_row_once_within_the_budget(lengths, budget):
    batches = list(length_sorted_batches(lengths, budget))
    assert sorted(row for rows in batches for row in rows) == list(range(len(lengths)))
    for rows in batches:
        longest = max(lengths[row] for row in rows)
        assert len(rows) == 1 or len(rows) * longest <= budget


@pytest.mark.parametrize("mode", ["cls", "mean"])
@pytest.mark.parametrize("normalize", [False, True])
def test_equals_one_text_at_a_time_in_order(with_pooling, mode, normalize):
    encoder = TextEncoder.from_pretrained(str(with_pooling(mode, normalize)))
    assert encoder.pooling == Pooling(mode, normalize)
    features = encoder.encode(TEXTS, tokens_per_batch=12)
    assert features.dtype == np.float32
    for text, feature in zip(TEXTS, features):
        with torch.inference_mode():
            inputs = encoder.tokenizer([text], return_tensors="pt")
            states = encoder.model(**inputs).last_hidden_state[0]
        expected = (states[0] if mode == "cls" else states.mean(0)).numpy()
        if normalize:
            expected = expected / np.linalg.norm(expected)
        np.testing.assert_allclose(feature, expected, atol=1e-5)


@pytest.mark.parametrize("mode", ["cls", "mean"])
def test_left_padding_gives_the_same(with_pooling, mode):
    encoder = TextEncoder.from_pretrained(str(with_pooling(mode, False)))
    # Absolute positions shift under left padding, so they are made to say nothing.
    with torch.no_grad():
        encoder.model.embeddings.position_embeddings.weight.zero_()
    expected = encoder.encode(TEXTS)
    encoder.tokenizer.padding_side = "left"
    np.testing.assert_allclose(encoder.encode(TEXTS), expected, atol=1e-5)


def test_same_result_twice_and_for_any_batch_size(tiny_text_model):
    encoder = TextEncoder.from_pretrained(str(tiny_text_model))
    assert encoder.pooling == Pooling("mean", False)
    first = encoder.encode(TEXTS)
    np.testing.assert_array_equal(first, encoder.encode(TEXTS))
    for budget in (1, 7, 1000):
        np.testing.assert_allclose(first, encoder.encode(TEXTS, budget), atol=1e-6)


def test_truncates_to_the_smallest_limit(with_pooling, tiny_text_model):
    assert TextEncoder.from_pretrained(str(tiny_text_model)).max_length == 24
    encoder = TextEncoder.from_pretrained(str(with_pooling("mean", False, 10)))
    assert encoder.max_length == 10
    long = "a b c d e f g h " * 40
    np.testing.assert_allclose(
        encoder.encode([long]), encoder.encode(["a b c d e f g h"]), atol=1e-6
    )
    shorter = TextEncoder.from_pretrained(str(with_pooling("mean", False, 11)), max_length=4)
    np.testing.assert_allclose(shorter.encode([long]), shorter.encode(["a b"]), atol=1e-6)
    with pytest.raises(ValueError, match=r"max_length 99 is not within 2\.\.24"):
        TextEncoder.from_pretrained(str(tiny_text_model), max_length=99)


def test_positions_that_begin_after_the_padding_are_not_used_up(tmp_path, tiny_text_model):
    transformers = pytest.importorskip("transformers")
    for name in ("Roberta", "MPNet"):
        config = getattr(transformers, f"{name}Config")(
            vocab_size=20,
            hidden_size=16,
            num_hidden_layers=1,
            num_attention_heads=2,
            intermediate_size=32,
            max_position_embeddings=13,
            pad_token_id=1,
        )
        model = getattr(transformers, f"{name}Model")(config)
        tokenizer = transformers.AutoTokenizer.from_pretrained(tiny_text_model)
        encoder = TextEncoder(model, tokenizer, Pooling())
        # Positions 0 and 1 are never given to a token.
        assert encoder.max_length == 11
        assert np.isfinite(encoder.encode(["a b c d e f g h " * 5])).all()


@pytest.fixture
def hub_cache(tiny_text_model, tmp_path, monkeypatch) -> Path:
    """A cache without connection that holds what AutoModel and AutoTokenizer fetch of a model."""
    constants = pytest.importorskip("huggingface_hub").constants
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path))
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    model = tmp_path / "models--acme--tiny"
    shutil.copytree(tiny_text_model, model / "snapshots" / COMMIT)
    (model / "refs").mkdir()
    (model / "refs" / "main").write_text(COMMIT)
    return model


def test_pooling_that_cannot_be_known_offline_is_not_guessed(hub_cache, with_pooling):
    with pytest.raises(FileNotFoundError, match=r"'acme/tiny': whether it has modules\.json"):
        TextEncoder.from_pretrained("acme/tiny")
    # The hub said once that there is no such file.
    absent = hub_cache / ".no_exist" / COMMIT / "modules.json"
    absent.parent.mkdir(parents=True)
    absent.touch()
    assert TextEncoder.from_pretrained("acme/tiny").pooling == Pooling()
    absent.unlink()
    snapshot = hub_cache / "snapshots" / COMMIT
    shutil.copytree(with_pooling("cls", True, 9), snapshot, dirs_exist_ok=True)
    assert TextEncoder.from_pretrained("acme/tiny").pooling == Pooling("cls", True, 9)


def test_hub_that_says_there_is_no_file_is_believed_though_nothing_is_cached(
    hub_cache, monkeypatch
):
    hub = pytest.importorskip("huggingface_hub")
    errors = pytest.importorskip("huggingface_hub.utils")

    class Absent(errors.EntryNotFoundError):
        """As raised for a status of 404, without the answer that it came in."""

        def __init__(self) -> None:
            Exception.__init__(self, "404")

    def ask(*_: object) -> str:
        raise Absent

    monkeypatch.setattr(hub, "hf_hub_download", ask)
    assert TextEncoder.from_pretrained("acme/tiny").pooling == Pooling()


def test_refusals(tiny_text_model, with_pooling, tmp_path):
    encoder = TextEncoder.from_pretrained(str(tiny_text_model))
    with pytest.raises(ValueError, match=r"blank at positions \[1\]"):
        encoder.encode(["a", " "])
    with pytest.raises(ValueError, match="0 texts"):
        encoder.encode([])
    with pytest.raises(ValueError, match="at least 1"):
        encoder.encode(["a"], tokens_per_batch=0)

    with pytest.raises(ValueError, match="pooling_mode_max_tokens"):
        TextEncoder.from_pretrained(str(with_pooling("max", False)))
    with pytest.raises(FileNotFoundError, match="nothing_here"):
        TextEncoder.from_pretrained(str(tmp_path / "nothing_here"))
    with pytest.raises(ValueError, match="device 'no_such_device'"):
        TextEncoder.from_pretrained(str(tiny_text_model), device="no_such_device")
    with pytest.raises(FileNotFoundError, match="no installed Python package 'no_such_package'"):
        resolve_model("package:no_such_package")
    with pytest.raises(FileNotFoundError, match="'json' with a model in its folder 'weights'"):
        resolve_model("package:json/weights")


def test_item_text_reads_fields_as_sentences():
    record = {"t": "Red &amp; blue!", "c": [["Root", "Nails"], ["x"]], "n": None, "l": ["a", "b"]}
    assert item_text(record, ["t", "c", "n", "l", "absent"]) == "Red & blue! Root Nails. a b."
    assert item_text({"t": ""}, ["t"]) == ""


def test_lists_without_text_and_objects_are_no_text():
    record = {"t": [None], "o": {"en": "Lamp"}, "m": [None, "a", 3], "n": [{"en": "Lamp"}]}
    assert item_text(record, ["t"]) == item_text(record, ["o"]) == item_text(record, ["n"]) == ""
    assert item_text(record, ["t", "m", "o"]) == "a 3."


def test_fingerprint_changes_with_what_a_feature_depends_on(with_pooling, tmp_path):
    folder = with_pooling("mean", False)
    prints = [TextEncoder.from_pretrained(str(folder)).fingerprint() for _ in range(2)]
    assert prints[0] == prints[1]
    others = [
        TextEncoder.from_pretrained(str(folder), max_length=5),
        TextEncoder.from_pretrained(str(folder), precision="bfloat16"),
        TextEncoder.from_pretrained(str(with_pooling("cls", False))),
        TextEncoder.from_pretrained(str(with_pooling("mean", True))),
    ]
    model = TextEncoder.from_pretrained(str(folder))
    with torch.no_grad():
        model.model.embeddings.word_embeddings.weight[3, 2] += 1
    others.append(model)
    # The same words, found in another way.
    lower = TextEncoder.from_pretrained(str(folder))
    rules = lower.tokenizer.backend_tokenizer
    rules.normalizer = pytest.importorskip("tokenizers").normalizers.Lowercase()
    others.append(lower)
    assert len({prints[0], *(other.fingerprint() for other in others)}) == 7


def test_bfloat16_is_close_and_float16_is_for_accelerators(tiny_text_model):
    exact = TextEncoder.from_pretrained(str(tiny_text_model)).encode(TEXTS)
    rough = TextEncoder.from_pretrained(str(tiny_text_model), precision="bfloat16").encode(TEXTS)
    assert rough.dtype == np.float32
    assert 0 < np.abs(rough - exact).max() < 0.1
    with pytest.raises(ValueError, match="float16 is for accelerators"):
        TextEncoder.from_pretrained(str(tiny_text_model), precision="float16")


def test_command_leaves_out_items_without_text(with_pooling, tmp_path, capsys, run_prep):
    with gzip.open(tmp_path / "i.jsonl.gz", "wt") as file:
        for n, text in enumerate(["a b", "", "c d e f", None]):
            file.write(json.dumps({"id": n, "text": text, "title": ""}) + "\n")
    arguments = ["--items", f"{tmp_path}/i.jsonl.gz", "--item-field", "id", "--dataset", "toy"]
    arguments += ["--text-encoder", with_pooling("mean", True), "--output", tmp_path, "--quiet"]
    for modality in ("text", "again"):
        run_prep("encode-text", *arguments, "--fields", "text", "--modality", modality)
    assert re.search(r"with a feature +2\n +without text +2\n", capsys.readouterr().out)
    with np.load(tmp_path / "toy.text.npz", allow_pickle=False) as arrays:
        assert arrays["item_id"].tolist() == ["0", "2"]
        np.testing.assert_allclose(np.linalg.norm(arrays["feature"], axis=1), 1, atol=1e-5)
    assert (tmp_path / "toy.text.npz").read_bytes() == (tmp_path / "toy.again.npz").read_bytes()
    with pytest.raises(ValueError, match="no item can be encoded"):
        run_prep("encode-text", *arguments, "--fields", "title")
    with pytest.raises(ValueError, match=r"no item has a field \['absent'\]"):
        run_prep("encode-text", *arguments, "--fields", "text,absent")


@pytest.mark.parametrize(("name", "more"), [("i.PARQUET", "cammsr-prep table"), ("i.xlsx", "")])
def test_items_that_are_no_text_are_refused_with_the_formats_that_are_read(tmp_path, name, more):
    (tmp_path / name).write_bytes(b"PAR1\xff\xfe")
    formats = (
        r"i\.\w+: items are read from \.item, \.csv, \.tsv and JSON lines \(.*not from \.\w+: w"
    )
    with pytest.raises(ValueError, match=formats) as caught:
        scan_items(tmp_path / name, "item_id", ["title"])
    assert more in str(caught.value)


def test_required_field_must_hold_text(with_pooling, tmp_path, run_prep):
    descriptions = [[], [""], None, "", {"en": "x"}, ["a"], "b"]
    with (tmp_path / "i.jsonl").open("w") as file:
        for number, value in enumerate(descriptions):
            record = {"item_id": str(number), "title": "c", "description": value}
            file.write(json.dumps(record) + "\n")
    arguments = ["--items", tmp_path / "i.jsonl", "--dataset", "toy", "--output", tmp_path]
    arguments += ["--fields", "title", "--require", "description", "--quiet"]
    run_prep("encode-text", *arguments, "--text-encoder", with_pooling("mean", True))
    with np.load(tmp_path / "toy.text.npz", allow_pickle=False) as arrays:
        assert arrays["item_id"].tolist() == ["5", "6"]


def test_items_of_an_atomic_file_read_as_words(tmp_path):
    path = tmp_path / "toy.item"
    path.write_text(
        "item_id:token\ttitle:token_seq\tcategories:token_seq\n"
        "1\tA_b c\tSkin_Care Skin_Care>Face Skin_Care>Face>Creams_&_Oils\n2\td\t\n"
    )
    rows = dict(read_items(path, "item_id", ["title", "categories"]))
    assert item_text(rows["1"], ["title", "categories"]) == "A_b c. Skin Care Face Creams & Oils."
    assert item_text(rows["2"], ["title", "categories"]) == "d."
    assert label_words("Drama War") == "Drama, War"
    assert label_words("Other") == ""
    assert label_words("Other Other>Books") == "Other Books"
    assert label_words("'Skin Care', 'Bath, Shower'") == "Skin Care, Bath, Shower"
    path.write_text("item_id:token\ttitle:token_seq\n1\ta\n1\tb\n")
    with pytest.raises(ValueError, match="item '1' occurs twice"):
        scan_items(path, "item_id", ["title"])


def test_a_cpu_gets_smaller_batches_than_an_accelerator(with_pooling, monkeypatch):
    encoder = TextEncoder.from_pretrained(str(with_pooling("mean", False)))
    sizes = []
    padded = encoder.tokenizer.pad
    monkeypatch.setattr(
        encoder.tokenizer,
        "pad",
        lambda batch, **more: sizes.append(len(batch["input_ids"])) or padded(batch, **more),
    )
    encoder.encode(["a"] * 600)
    assert len(sizes) > 1  # three tokens each: 1800 in all
    assert max(sizes) * 3 <= default_tokens_per_batch("cpu") < default_tokens_per_batch("cuda:0")
