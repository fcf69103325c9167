"""Wrong labels and missing items: exact shares, nested draws, independent of order."""

from __future__ import annotations

import ast
import io
from pathlib import Path
from typing import ClassVar

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from recbole_cammsr.analysis.corruption import (
    apply,
    check,
    chosen,
    corrupt_item_file,
    described,
)
from recbole_cammsr.data.categories import read_categories

TOKENS = [f"i{n}" for n in range(40)]
LABELS = ["drama", "crime", "war", "comedy"]
FILE = "item_id:token\tname:token_seq\tgenre:token\n" + "".join(
    f"{token}\tsome name\t{LABELS[n % 4] if n % 5 else ''}\n" for n, token in enumerate(TOKENS)
)


def genres(text, column=2):
    rows = [line.split("\t") for line in text.splitlines()[1:]]
    return {row[0]: row[column] for row in rows}


@given(st.floats(0, 1), st.floats(0, 1), st.integers(0, 3))
def test_draws_are_exact_and_nested(small, large, seed):
    small, large = sorted((small, large))
    few, many = (chosen(TOKENS, share, seed, "x") for share in (small, large))
    assert few.sum() == round(small * 40)
    assert not (few & ~many).any()
    backwards = chosen(TOKENS[::-1], small, seed, "x")
    assert backwards[::-1].tolist() == few.tolist()


def test_draws_differ_between_seeds_and_purposes():
    base = chosen(TOKENS, 0.5, 0, "a").tolist()
    assert base != chosen(TOKENS, 0.5, 1, "a").tolist()
    assert base != chosen(TOKENS, 0.5, 0, "b").tolist()


@pytest.mark.parametrize("share", [0.0, 0.25, 1.0])
def test_the_share_is_of_the_labelled_items_and_every_new_label_is_wrong(share):
    before, after = genres(FILE), genres(corrupt_item_file(FILE, "genre", "item_id", share, 7))
    changed = [token for token in TOKENS if before[token] != after[token]]
    assert len(changed) == round(share * 32)
    assert all(after[token] in LABELS for token in changed)
    assert all(before[token] for token in changed)
    if share == 1:  # each item draws its own: no label takes all that were another
        pairs = {(before[token], after[token]) for token in changed}
        assert pairs == {(old, new) for old in LABELS for new in LABELS if old != new}


def test_other_columns_stay_and_several_labels_stay_several():
    text = "item_id:token\tgenres:token_seq\n" + "".join(
        f"{token}\t{LABELS[n % 4]} {LABELS[(n + 1) % 4]}\n" for n, token in enumerate(TOKENS)
    )
    after = corrupt_item_file(text, "genres", "item_id", 1.0, 0)
    for token, cell in genres(after, 1).items():
        own = set(genres(text, 1)[token].split())
        assert len(cell.split()) == 2
        assert not own & set(cell.split())
    assert corrupt_item_file(text, "genres", "item_id", 0.0, 0) == text
    assert corrupt_item_file("\ufeff" + text, "genres", "item_id", 1.0, 0) == after


@pytest.mark.parametrize(
    ("kind", "cells"),
    [
        ("token", ["drama", "NA", " nan ", "crime", "None", "", "war", "N/A", "#N/A", "null"]),
        ("token_seq", ["drama war", "NA", "#N/A N/A", "NA crime", "None", "", "war", " nan "]),
    ],
)
def test_missing_cells_are_no_labels(tmp_path, kind, cells):
    """What is labelled is what the model reads, before and after."""
    text = f"item_id:token\tg:{kind}\n"
    text += "".join(f"{token}\t{cells[n % len(cells)]}\n" for n, token in enumerate(TOKENS))
    ids = {"[PAD]": 0, **{token: n + 1 for n, token in enumerate(TOKENS)}}

    def read(content):
        (tmp_path / "toy.item").write_text(content)
        return read_categories(str(tmp_path / "toy.item"), "g", "item_id", ids)

    before = read(text)
    labelled = before.targets.any(1)
    for seed in range(3):
        after = read(corrupt_item_file(text, "g", "item_id", 0.5, seed))
        assert (after.targets.any(1) == labelled).all()
        assert set(after.labels) <= set(before.labels)
        changed = [
            {table.labels[label] for label in row.nonzero().flatten()}
            for table in (before, after)
            for row in table.targets
        ]
        pairs = list(zip(changed[: len(ids)], changed[len(ids) :]))
        hit = [(old, new) for old, new in pairs if old != new]
        assert len(hit) == round(0.5 * before.covered)
        assert not any(old & new for old, new in hit)


def test_one_label_cannot_be_wrong():
    with pytest.raises(ValueError, match="has 1 labels"):
        corrupt_item_file("item_id:token\tg:token\na\tx\nb\tx\n", "g", "item_id", 0.5, 0)
    with pytest.raises(ValueError, match="not 'h'"):
        corrupt_item_file("item_id:token\tg:token\na\tx\nb\tx\n", "h", "item_id", 0.5, 0)


class GivenConfig(dict):
    """As far as RecBole's Config is asked."""

    external_config_dict: ClassVar[dict] = {}


def given_config(folder, **settings):
    """Of the data set toy in a folder."""
    return GivenConfig(
        {
            **{"data_path": str(folder), "dataset": "toy", "model": "CAMMSR"},
            **{"modality_files": None, "ITEM_ID_FIELD": "item_id", "encoding": None},
            **{"field_separator": "\t", "seq_separator": " "},
            **settings,
        }
    )


def test_an_item_must_keep_its_content(tmp_path):
    np.savez(tmp_path / "toy.text.npz", item_id=np.array(["a", "b"]), feature=np.ones((2, 3)))
    config = given_config(tmp_path, modalities=["text"])
    with pytest.raises(ValueError, match="no item keeps its text"):
        apply({"missing": 1.0}, config, 0, tmp_path)


def test_features_are_read_in_the_encoding_of_the_data_set(tmp_path):
    lines = "item_id:token\tfeature:float_seq\n" + "".join(f"caf\xe9{n}\t{n} 1\n" for n in range(4))
    (tmp_path / "toy.text").write_text(lines, encoding="latin-1")
    files = {"text": str(tmp_path / "toy.text")}
    config = given_config(tmp_path, modalities=["text"], modality_files=files, encoding="latin-1")
    apply({"missing": 0.5}, config, 0, tmp_path / "copies")
    with np.load(config["modality_files"]["text"]) as kept:
        assert len(kept["item_id"]) == 2
        assert set(kept["item_id"]) < {f"caf\xe9{n}" for n in range(4)}


def test_a_data_set_is_damaged_beside_itself(tmp_path):
    """Its settings, and those that a checkpoint is resumed with, lead to the damaged copies."""
    folder = tmp_path / "data" / "toy"
    folder.mkdir(parents=True)
    numbers = np.arange(1, 121, dtype=np.float32).reshape(40, 3)
    for name in ("text", "image"):
        np.savez(folder / f"toy.{name}.npz", item_id=np.array(TOKENS), feature=numbers)
    (folder / "more").mkdir()
    (folder / "more" / "notes").write_text("kept")
    (folder / "toy.inter").write_text("the interactions")
    lines = "iid:token;item_id:token;genres:token_seq\n" + "".join(
        f"{token};é;{LABELS[n % 4]}|{LABELS[(n + 1) % 4]}\n" for n, token in enumerate(TOKENS)
    )
    (folder / "toy.item").write_text(lines, encoding="latin-1")
    config = given_config(
        folder,
        modalities=["text", "image"],
        category_field="genres",
        ITEM_ID_FIELD="iid",
        field_separator=";",
        seq_separator="|",
        encoding="latin-1",
    )
    config.external_config_dict = {"data_path": str(folder.parent)}
    apply({"missing": 0.5, "category_noise": 0.25}, config, 3, tmp_path / "copies")

    given = config.external_config_dict
    assert given["modality_files"] == config["modality_files"]
    kept = {}
    for name, path in config["modality_files"].items():
        with np.load(path) as file:
            kept[name] = set(file["item_id"].tolist())
            rows = [TOKENS.index(token) for token in file["item_id"]]
            assert np.array_equal(file["feature"], numbers[rows])
    assert [len(tokens) for tokens in kept.values()] == [20, 20]
    assert kept["text"] != kept["image"]  # each modality has its own draw

    damaged = Path(config["data_path"])
    assert damaged == Path(given["data_path"]) / "toy" != folder
    assert (damaged / "toy.inter").read_text() == "the interactions"
    assert (damaged / "more" / "notes").read_text() == "kept"
    assert (folder / "toy.item").read_text(encoding="latin-1") == lines
    before, after = (
        [line.split(";") for line in text.splitlines()[1:]]
        for text in (lines, (damaged / "toy.item").read_text(encoding="latin-1"))
    )
    assert [row[:2] for row in after] == [row[:2] for row in before]
    changed = [(old[2], new[2]) for old, new in zip(before, after) if old != new]
    assert len(changed) == 10
    for old, new in changed:
        assert len(new.split("|")) == 2
        assert not set(old.split("|")) & set(new.split("|"))


def test_damage_is_described_where_there_is_any():
    assert described({"category_noise": 0.3, "missing": 0.5}) == "category_noise 0.3, missing 0.5"
    assert described({"category_noise": 0, "missing": 0.0}) == ""


@pytest.mark.parametrize("bad", [{"noise": 0.1}, {"missing": -0.1}, {"category_noise": 1.1}])
def test_unknown_kinds_and_shares_are_refused(bad):
    with pytest.raises(ValueError, match=r"missing|share"):
        check(bad)


def test_quoted_cells_and_python_strings_stay_what_they_are():
    """As RecBole's authors write their Amazon sets."""
    frame = pd.DataFrame(
        {
            "item_id:token": [f"i{number}" for number in range(30)],
            "title:token": [f'The "best" {number}' for number in range(30)],
            "kinds:token_seq": [
                str(["Beauty", ["Men's", "Bath, Shower & Soap"][number % 2]])[1:-1]
                for number in range(30)
            ],
        }
    )
    text = frame.to_csv(sep="\t", index=False)
    assert corrupt_item_file(text, "kinds", "item_id", 0.0, 3) == text

    def read(text: str) -> pd.DataFrame:  # as RecBole does
        return pd.read_csv(io.StringIO(text), delimiter="\t", dtype=str, engine="python")

    after = read(corrupt_item_file(text, "kinds", "item_id", 0.5, 3))
    assert after["title:token"].tolist() == frame["title:token"].tolist()
    changed = after["kinds:token_seq"] != frame["kinds:token_seq"]
    assert changed.sum() == 15
    known = {"Beauty", "Men's", "Bath, Shower & Soap"}
    for cell in after["kinds:token_seq"]:
        assert set(ast.literal_eval(f"[{cell}]")) <= known
