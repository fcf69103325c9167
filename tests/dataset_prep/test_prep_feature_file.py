"""The feature file: round trip, same bytes, all or nothing, refusals."""

from __future__ import annotations

import sys
import tempfile
import zipfile
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
        (["a", "b", "b"], np.ones((3, 2)), r"repeats \['b'\]"),
        (["a", ""], np.ones((2, 2)), "empty"),
        (["a", "b "], np.ones((2, 2)), "blanks"),
        (["a", " b"], np.ones((2, 2)), "blanks"),
        (["a", "b\0"], np.ones((2, 2)), r"\['b\\x00'\]"),
        (["a"], np.ones((2, 2)), "shape"),
        (["a", "b"], np.ones(2), "shape"),
        ([], np.ones((0, 2)), "no feature"),
        (["a"], np.ones((1, 0)), "no feature"),
        (["a", "b"], np.array([[1.0], [np.nan]]), r"not finite.*'b'"),
        (["a", "b"], np.array([[1.0, 2.0], [3.0, -np.inf]]), r"not finite.*\['b'\] \(1 in all"),
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


def test_a_value_of_a_later_block_is_told_with_its_own_item(tmp_path):
    blocks = [np.ones((2, 3)), np.array([[1.0, 2.0, 3.0], [4.0, np.nan, 6.0]])]
    with pytest.raises(ValueError, match=r"for items \['d'\] \(1 in all\)"):
        write_feature_blocks(tmp_path / "x.npz", list("abcd"), blocks, 3)


def test_compression_saves_space_and_changes_no_value(tmp_path):
    features, tokens = np.zeros((200, 30)), [f"i{n}" for n in range(200)]
    features[3, 4] = 0.5
    for compress in (False, True):
        write_feature_file(tmp_path / f"{compress}.npz", tokens, features, compress=compress)
    assert (tmp_path / "True.npz").stat().st_size * 5 < (tmp_path / "False.npz").stat().st_size
    with np.load(tmp_path / "True.npz", allow_pickle=False) as arrays:
        assert arrays["item_id"].tolist() == tokens
        np.testing.assert_array_equal(arrays["feature"], features)


@pytest.mark.parametrize("name", ["item_id", "feature"])
def test_arrays_of_more_bytes_than_a_plain_zip_member_can_have(tmp_path, name, monkeypatch):
    """With a small limit in place of the 2 GiB of the format."""
    tokens = [f"{'token' if name == 'item_id' else ''}{n}" for n in range(64)]
    features = np.arange(64.0 * (1 if name == "item_id" else 8)).reshape(64, -1)
    # More than the limit in bytes, and fewer values than it.
    monkeypatch.setattr(zipfile, "ZIP64_LIMIT", 1200)
    write_feature_file(tmp_path / "x.npz", tokens, features)
    monkeypatch.undo()
    with np.load(tmp_path / "x.npz", allow_pickle=False) as arrays:
        assert arrays["item_id"].tolist() == tokens
        np.testing.assert_array_equal(arrays["feature"], features)


def test_same_bytes_on_windows(tmp_path, monkeypatch):
    write_feature_file(tmp_path / "a.npz", ["a"], np.ones((1, 2)))
    # Where zip members carry another system by default.
    monkeypatch.setattr(sys, "platform", "linux" if sys.platform == "win32" else "win32")
    write_feature_file(tmp_path / "b.npz", ["a"], np.ones((1, 2)))
    monkeypatch.undo()
    assert (tmp_path / "a.npz").read_bytes() == (tmp_path / "b.npz").read_bytes()


@pytest.mark.parametrize("shape", [(2, 4), (2, 2), (1, 6), (3, 2), (6,)])
def test_a_later_block_of_another_shape_is_refused(tmp_path, shape):
    """Also where as many values come in all, which would lie in the wrong rows."""
    with pytest.raises(ValueError, match=r"x\.npz: (feature must have shape|\d rows of features)"):
        write_feature_blocks(tmp_path / "x.npz", list("abcd"), [np.ones((2, 3)), np.ones(shape)], 3)
    assert not list(tmp_path.iterdir())
