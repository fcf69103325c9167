"""The feature file: round trip, same bytes, all or nothing, refusals."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from recbole_cammsr.dataset_prep.feature_file import (
    feature_path,
    write_feature_blocks,
    write_feature_file,
)

TOKEN = st.text(
    st.characters(exclude_categories=("C", "Z")), min_size=1, max_size=6
)  # no blanks, no controls


@given(tokens=st.lists(TOKEN, min_size=1, max_size=8, unique=True), width=st.integers(1, 5))
def test_round_trip_without_pickle(tmp_path_factory, tokens, width):
    path = tmp_path_factory.mktemp("features") / "x.text.npz"
    features = np.arange(len(tokens) * width, dtype=np.float64).reshape(-1, width)
    write_feature_file(path, tokens, features)
    with np.load(path, allow_pickle=False) as arrays:
        assert sorted(arrays) == ["feature", "item_id"]
        assert arrays["item_id"].tolist() == tokens
        assert arrays["item_id"].dtype.kind == "U"
        assert arrays["feature"].dtype == np.float32
        np.testing.assert_array_equal(arrays["feature"], features)


@pytest.mark.parametrize("compress", [False, True])
def test_same_bytes_for_any_memory_layout(tmp_path, compress, monkeypatch):
    features = np.random.default_rng(0).normal(size=(7, 3))
    write_feature_file(tmp_path / "a.npz", list("abcdefg"), features, "float16", compress)
    monkeypatch.setattr("time.time", lambda: 2e9)
    fortran = np.asfortranarray(features)
    write_feature_file(tmp_path / "b.npz", list("abcdefg"), fortran, "float16", compress)
    assert (tmp_path / "a.npz").read_bytes() == (tmp_path / "b.npz").read_bytes()


@pytest.mark.parametrize(
    ("tokens", "features", "words"),
    [
        (["a", "a"], np.ones((2, 2)), "repeats"),
        (["a", ""], np.ones((2, 2)), "empty"),
        (["a", "b "], np.ones((2, 2)), "blanks"),
        (["a"], np.ones((2, 2)), "shape"),
        (["a", "b"], np.ones(2), "shape"),
        ([], np.ones((0, 2)), "no feature"),
        (["a", "b"], np.array([[1.0], [np.nan]]), r"not finite.*'b'"),
        (["a", "b"], np.array([[1.0], [1e6]]), r"not finite as float16.*'b'"),
    ],
)
def test_refusals_name_file_and_tokens(tmp_path, tokens, features, words):
    path = feature_path(tmp_path, "toy", "text")
    with pytest.raises(ValueError, match=rf"toy\.text\.npz: .*{words}"):
        write_feature_file(path, tokens, features, "float16")
    assert not path.exists()


def test_unknown_dtype(tmp_path):
    with pytest.raises(ValueError, match="float64"):
        write_feature_file(tmp_path / "x.npz", ["a"], np.ones((1, 1)), "float64")


@given(st.lists(st.integers(0, 7), min_size=1, max_size=6), st.sampled_from(["float16", "float32"]))
def test_blocks_give_the_same_bytes_as_one_array(sizes, dtype):
    count = sum(sizes)
    values = np.random.default_rng(count).normal(size=(count, 3)).astype(np.float32)
    tokens = [f"i{n}" for n in range(count)]
    ends = np.cumsum(sizes)
    blocks = [values[end - size : end] for size, end in zip(sizes, ends)]
    with tempfile.TemporaryDirectory() as folder:
        whole, parts = Path(folder) / "a.npz", Path(folder) / "b.npz"
        if count == 0:
            with pytest.raises(ValueError, match="no feature to write"):
                write_feature_blocks(parts, tokens, blocks, 3, dtype)
            return
        write_feature_file(whole, tokens, values, dtype)
        write_feature_blocks(parts, tokens, iter(blocks), 3, dtype)
        assert whole.read_bytes() == parts.read_bytes()
        with pytest.raises(ValueError, match=r"rows of features for|one row per item token"):
            write_feature_blocks(parts, [*tokens, "x"], iter(blocks), 3, dtype)
        assert whole.read_bytes() == parts.read_bytes()
