"""Data sets with empty cells and sequences are the same on every pandas."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pandas as pd
import pytest

from recbole_cammsr.compat import pandas3

_INTER = """\
user_id:token\titem_id:token\ttimestamp:float\trating:float
u1\ta\t1\t4
u1\tb\t2\t
u2\tb\t3\t1
u2\tc\t4\t1
"""
_ITEM = """\
item_id:token\tbrand:token\ttags:token_seq\tprice:float\tvector:float_seq
a\tx\tred big\t2\t1 2 3
b\t\t\t\t
c\ty\tbig\t6\t5
"""


@pytest.fixture
def load(tmp_path: Path, make_config: Callable[..., Any]) -> Callable[..., Any]:
    """Makes the data set above as RecBole does, before it becomes tensors."""
    folder = tmp_path / "small"
    folder.mkdir()
    (folder / "small.inter").write_text(_INTER, encoding="utf-8")
    (folder / "small.item").write_text(_ITEM, encoding="utf-8")

    def make(**settings: Any) -> Any:
        from recbole.data.dataset import Dataset

        config = make_config(
            "BPR", dataset="small", data_path=str(tmp_path), load_col=None, **settings
        )
        with warnings.catch_warnings():
            warnings.simplefilter("error", UserWarning)
            warnings.simplefilter("error", getattr(pd.errors, "ChainedAssignmentError", Warning))
            warnings.simplefilter("ignore", FutureWarning)
            warnings.simplefilter("ignore", DeprecationWarning)
            dataset = Dataset(config)
            dataset._change_feat_format()
        return dataset

    return make


def _rows(dataset: Any, field: str) -> dict[str, Any]:
    """Values of an item field by item token."""
    feat = dataset.item_feat
    tokens = dataset.id2token("item_id", feat["item_id"].numpy())
    return dict(zip(tokens, feat[field].numpy().tolist()))


def test_missing_token_is_padding(load: Callable[..., Any]) -> None:
    dataset = load()
    brand = _rows(dataset, "brand")
    assert dataset.id2token("brand", [brand["a"], brand["b"], brand["c"]]).tolist() == [
        "x",
        "[PAD]",
        "y",
    ]
    assert dataset.field2token_id["brand"] == {"[PAD]": 0, "x": 1, "y": 2}
    assert isinstance(dataset.field2id_token["brand"], np.ndarray)


def test_an_item_without_a_row_has_padding_for_tokens(
    load: Callable[..., Any], tmp_path: Path
) -> None:
    """RecBole adds the row, after tokens have become numbers."""
    rows = _ITEM.splitlines(keepends=True)
    (tmp_path / "small" / "small.item").write_text("".join(rows[:-1]), encoding="utf-8")
    dataset = load(filter_inter_by_user_or_item=False)
    assert _rows(dataset, "brand")["c"] == _rows(dataset, "brand")["[PAD]"] == 0
    assert _rows(dataset, "tags")["c"] == [0, 0]
    assert _rows(dataset, "price")["c"] == 2.0


def test_missing_number_is_the_mean(load: Callable[..., Any]) -> None:
    dataset = load()
    assert _rows(dataset, "price") == {"[PAD]": 4.0, "a": 2.0, "b": 4.0, "c": 6.0}
    assert dataset.inter_feat["rating"].tolist() == [4.0, 2.0, 1.0, 1.0]


def test_sequences_keep_their_rows(load: Callable[..., Any]) -> None:
    dataset = load()
    tags = {
        token: dataset.id2token("tags", np.array(ids)).tolist()
        for token, ids in _rows(dataset, "tags").items()
    }
    assert tags == {
        "[PAD]": ["[PAD]", "[PAD]"],
        "a": ["red", "big"],
        "b": ["[PAD]", "[PAD]"],
        "c": ["big", "[PAD]"],
    }
    assert _rows(dataset, "vector")["a"] == [1.0, 2.0, 3.0]
    assert _rows(dataset, "vector")["b"] == [0.0, 0.0, 0.0]
    assert _rows(dataset, "vector")["c"] == [5.0, 0.0, 0.0]


def test_normalised_sequences_keep_their_rows(load: Callable[..., Any]) -> None:
    vectors = _rows(load(normalize_field=["vector"]), "vector")
    assert vectors == {
        "[PAD]": [0.0, 0.0, 0.0],
        "a": [0.0, 0.25, 0.5],
        "b": [0.0, 0.0, 0.0],
        "c": [1.0, 0.0, 0.0],
    }


def test_rows_can_be_dropped_before_the_remapping(load: Callable[..., Any]) -> None:
    dataset = load(val_interval={"timestamp": "[2,4]"}, item_inter_num_interval="[1,inf)")
    assert sorted(_rows(dataset, "vector")) == ["[PAD]", "b", "c"]
    assert _rows(dataset, "vector")["c"] == [5.0]  # padded to the longest row that is left


def test_benchmark_histories_have_their_own_lengths(
    tmp_path: Path, make_config: Callable[..., Any]
) -> None:
    from recbole.data import create_dataset

    folder = tmp_path / "parts"
    folder.mkdir()
    head = "user_id:token\titem_id_list:token_seq\titem_id:token\n"
    for part, rows in {
        "train": "u1\ta\tb\nu1\ta b\tc\n",
        "valid": "u1\ta b c\td\n",
        "test": "u1\ta b c d\te\n",
    }.items():
        (folder / f"parts.{part}.inter").write_text(head + rows, encoding="utf-8")
    dataset = create_dataset(
        make_config(
            "SASRec",
            dataset="parts",
            data_path=str(tmp_path),
            load_col=None,
            benchmark_filename=["train", "valid", "test"],
            alias_of_item_id=["item_id_list"],
        )
    )
    parts = dataset.build()
    assert [part.inter_feat["item_length"].tolist() for part in parts] == [[1, 2], [3], [4]]


def test_every_module_that_measures_cells_is_mended(
    recbole_modules: Callable[[str], set[str]],
) -> None:
    assert set(pandas3._MEASURING) == recbole_modules(r"\.agg\(len\)")


@pytest.mark.parametrize(
    "mend",
    [
        pandas3._read_plain_columns,
        pandas3._fill_missing_values,
        pandas3._convert_quietly,
        pandas3._measure_cells,
    ],
)
def test_left_alone_where_nothing_is_broken(
    monkeypatch: pytest.MonkeyPatch, mend: Callable[[ModuleType], None]
) -> None:
    for test in ("_fills_a_copy", "_infers_str", "_aggregates_len"):
        monkeypatch.setattr(pandas3, test, lambda: False)
    module = ModuleType("dataset")
    before = {"pd": pd, "Dataset": type("Dataset", (), {}), "FeatureType": object()}
    vars(module).update(before)
    mend(module)
    assert {name: vars(module).get(name) for name in before} == before
    assert "len" not in vars(module)


def test_cells_are_measured_and_everything_else_as_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pandas3, "_aggregates_len", lambda: True)
    module: Any = ModuleType("dataset")
    pandas3._measure_cells(module)
    column = pd.Series([np.array([1, 2]), np.array([]), np.array([3])], index=[4, 7, 9])
    assert module.len(column).tolist() == [2, 0, 1]
    assert module.len([1, 2, 3]) == 3
    with pytest.raises(TypeError):
        module.len(3)
