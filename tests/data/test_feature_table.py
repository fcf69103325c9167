"""Alignment by token: order never matters, nothing wrong passes, the vocabulary never changes."""

from __future__ import annotations

import copy
import tracemalloc

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from recbole_cammsr.data import feature_table
from recbole_cammsr.data.feature_table import align
from recbole_cammsr.data.formats import FeatureFile, RawFeatures, read_features

TOKEN_TO_ID = {"[PAD]": 0, "a": 1, "b": 2, "c": 3, "d": 4}


def raw(tokens, values):
    return RawFeatures("f.npz", np.array(tokens, dtype=str), np.asarray(values))


@given(
    tokens=st.lists(st.sampled_from("abcdefgh"), unique=True, min_size=1).filter(
        lambda chosen: len(set(chosen) & set("abcd")) > 1
    ),
    shuffle=st.randoms(),
)
def test_each_item_gets_its_own_row_whatever_the_order(tokens, shuffle):
    def row(token):
        return [ord(token), -ord(token), 1.0]

    table = align(raw(tokens, [row(t) for t in tokens]), "text", TOKEN_TO_ID, torch.float32)
    assert table.values.shape == (len(TOKEN_TO_ID), 3)
    for token, item in TOKEN_TO_ID.items():
        expected = row(token) if token in tokens else [0.0, 0.0, 0.0]
        assert table.values[item].tolist() == expected
        assert bool(table.present[item]) == (token in tokens)
    assert table.unused_rows == len(set(tokens) - set(TOKEN_TO_ID))
    assert table.covered == len(set(tokens) & set(TOKEN_TO_ID))

    shuffled = list(tokens)
    shuffle.shuffle(shuffled)
    again = align(raw(shuffled, [row(t) for t in shuffled]), "text", TOKEN_TO_ID, torch.float32)
    assert torch.equal(again.values, table.values)
    assert again.digest == table.digest


def test_digest_sees_values_tokens_and_dimension_but_not_foreign_rows():
    base = align(raw(["a", "b"], [[1.0, 2], [3, 4]]), "m", TOKEN_TO_ID).digest
    assert align(raw(["a", "b", "x"], [[1.0, 2], [3, 4], [5, 6]]), "m", TOKEN_TO_ID).digest == base
    assert align(raw(["a", "b"], [[1.0, 2], [3, 4.5]]), "m", TOKEN_TO_ID).digest != base
    assert align(raw(["a", "c"], [[1.0, 2], [3, 4]]), "m", TOKEN_TO_ID).digest != base
    assert align(raw(["a", "b"], [[1.0, 2, 0], [3, 4, 0]]), "m", TOKEN_TO_ID).digest != base


@pytest.mark.parametrize(
    ("tokens", "values", "message"),
    [
        (["a", "a", "b"], np.ones((3, 2)), r"more than once.*'a'"),
        (["a", "b"], np.array([[1.0, np.nan], [1, 1]]), r"NaN or infinite.*'a'"),
        (["a", "b"], np.array([[1.0, 1.0], [np.inf, 1]]), r"NaN or infinite.*'b'"),
        (["a", "b"], np.ones(2), "two-dimensional"),
        (["a", "b"], np.ones((2, 2, 2)), "two-dimensional"),
        ([], np.ones((0, 4)), "is empty"),
        (["a"], np.ones((1, 0)), "is empty"),
        (["a", "b", "c"], np.ones((2, 4)), "3 tokens for 2 rows"),
        (["a", "b"], np.eye(3), "2 tokens for 3 rows"),
        (["x", "y"], np.ones((2, 4)), r"no item of the data set.*'x'.*'a'"),
        (["a"], np.array([["word"]]), "dtype"),
        (["a", "b"], np.eye(2, dtype=complex), "dtype complex128"),
        (["a", "b"], np.eye(2, dtype=bool), "dtype bool"),
        (["a"], np.array([[1e6]]), "do not fit in float16"),
    ],
)
def test_what_cannot_be_right_is_refused_in_one_sentence(tokens, values, message):
    with pytest.raises(ValueError, match=message) as caught:
        align(raw(tokens, values), "text", TOKEN_TO_ID, torch.float16)
    assert "f.npz" in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("resident", [True, False])
def test_double_precision_that_float32_cannot_hold_is_refused(resident):
    values = np.array([[1e300, 1.0]])
    message = r"up to 1e\+300 do not fit in float32; scale the features"
    with pytest.raises(ValueError, match=message):
        align(raw(["a"], values), "text", TOKEN_TO_ID, torch.float32, resident)


def test_rows_left_in_a_memory_map_are_those_of_the_table_in_memory(tmp_path):
    tokens, values = ["c", "x", "a"], np.arange(12, dtype=np.float16).reshape(3, 4) + 1
    np.save(tmp_path / "f.npy", values)
    (tmp_path / "f.ids").write_text("\n".join(tokens))
    stored = read_features(FeatureFile(str(tmp_path / "f.npy")))
    held = align(stored, "text", TOKEN_TO_ID, torch.float32)
    left = align(stored, "text", TOKEN_TO_ID, torch.float32, resident=False)
    assert isinstance(left.source, np.memmap)
    assert left.values is None
    assert (left.digest, left.dimension, left.covered) == (held.digest, 4, 2)
    items = torch.tensor([TOKEN_TO_ID["c"], 0, TOKEN_TO_ID["b"], TOKEN_TO_ID["a"]])
    for asked in (items, items.flip(0), torch.tensor([TOKEN_TO_ID[t] for t in "acbac"])):
        assert torch.equal(left.rows(asked), held.values[asked])
        assert torch.equal(held.rows(asked), held.values[asked])
        assert left.rows(asked).dtype == torch.float32  # of a file in half precision
    assert copy.deepcopy([left])[0].source is left.source  # a copy of a map would be in memory


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32])
def test_rows_are_float32_whatever_they_are_held_in(dtype):
    table = align(raw(["a", "b"], [[1.0, 2.5], [3, 4]]), "m", TOKEN_TO_ID, dtype)
    assert table.values.dtype == dtype
    assert table.rows(torch.tensor([2, 1])).dtype == torch.float32
    assert table.rows(torch.tensor([2, 1])).tolist() == [[3, 4], [1, 2.5]]


@pytest.mark.parametrize("dtype", ["<f4", ">f4", ">f2", "<f8", ">f8", "<i2", ">i4", "u1"])
def test_numbers_of_any_kind_and_byte_order_are_read(dtype):
    values = np.array([[1, 2], [7, 3], [0, 9]]).astype(dtype)
    for resident in (True, False):
        table = align(raw(["b", "a", "x"], values), "m", TOKEN_TO_ID, torch.float32, resident)
        assert table.rows(torch.tensor([1, 2, 3])).tolist() == [[7, 3], [1, 2], [0, 0]]


def test_nothing_depends_on_the_size_of_the_blocks(monkeypatch):
    values = np.random.default_rng(0).normal(size=(4, 3))
    whole = align(raw(["b", "x", "a", "d"], values), "text", TOKEN_TO_ID, torch.float32)
    monkeypatch.setattr(feature_table, "_BLOCK_BYTES", 1)
    by_row = align(raw(["b", "x", "a", "d"], values), "text", TOKEN_TO_ID, torch.float32)
    assert by_row.digest == whole.digest
    assert torch.equal(by_row.values, whole.values)


@pytest.mark.parametrize("rows_at_a_time", [1, 2, 9])
def test_every_row_of_zeros_is_counted_and_none_with_a_zero_in_it(monkeypatch, rows_at_a_time):
    monkeypatch.setattr(feature_table, "_BLOCK_BYTES", rows_at_a_time * 4 * 2)
    values = np.array([[0, 0], [0, 1], [0, 0], [2, 0]], dtype=np.float32)
    assert align(raw(["a", "b", "c", "d"], values), "m", TOKEN_TO_ID).zero_rows == 2


@pytest.mark.parametrize("rows_at_a_time", [1, 2, 9])
@pytest.mark.parametrize("odd", [np.nan, 1e30])
def test_the_item_of_an_odd_row_is_named_wherever_the_row_stands(monkeypatch, odd, rows_at_a_time):
    monkeypatch.setattr(feature_table, "_BLOCK_BYTES", rows_at_a_time * 4 * 2)
    tokens = ["x", "d", "b", "a", "c"]
    for token in "abcd":
        values = np.random.default_rng(0).normal(size=(5, 2)).astype(np.float32)
        values[tokens.index(token), 1] = odd
        with pytest.raises(ValueError, match=f"item '{token}'"):
            align(raw(tokens, values), "m", TOKEN_TO_ID, torch.float32)


def test_in_reading_order_a_file_is_read_forwards():
    tokens, values = ["d", "x", "a", "b"], np.arange(12, dtype=np.float32).reshape(4, 3)
    left = align(raw(tokens, values), "m", TOKEN_TO_ID, torch.float32, resident=False)
    # what has no row comes before, padding first of all
    assert left.reading_order().tolist() == [TOKEN_TO_ID[t] for t in ("[PAD]", "c", "d", "a", "b")]
    held = align(raw(tokens, values), "m", TOKEN_TO_ID, torch.float32)
    assert held.reading_order() is None
    assert held.source is None  # or the rows would be in memory twice


@pytest.mark.parametrize("resident", [True, False])
@pytest.mark.parametrize("rows_at_a_time", [1, 2])
@pytest.mark.parametrize(
    ("rows", "message"),
    [
        (np.ones((4, 3)), "rows for 3 .*the same, but for their length"),
        (np.outer([1, 2, 3, 4], [1, 2, 3]), "the same, but for their length"),
        (1 + 1e-7 * np.arange(12).reshape(4, 3), "the same"),  # float32 rounds like this
        (np.zeros((4, 3)), "all zero"),
    ],
)
def test_rows_that_tell_no_item_from_another_are_refused(
    monkeypatch, resident, rows, message, rows_at_a_time
):
    """Standardised they are zero, and the loss is soon no number."""
    monkeypatch.setattr(feature_table, "_BLOCK_BYTES", rows_at_a_time * 4 * 3)
    tokens = ["a", "b", "c", "stranger"]
    rows = rows.astype(np.float32)
    with pytest.raises(ValueError, match=f"f.npz of modality 'text' has .*{message}"):
        align(raw(tokens, rows), "text", TOKEN_TO_ID, torch.float32, resident)
    with pytest.raises(ValueError, match=r"rows for 1 of .* no second one"):
        align(raw(tokens[2:], rows[2:]), "text", TOKEN_TO_ID, torch.float32, resident)
    rows[1] = [3, 1, 2]
    align(raw(tokens, rows), "text", TOKEN_TO_ID, torch.float32, resident)


def test_a_file_that_stays_on_disk_is_checked_in_little_memory(tmp_path, monkeypatch):
    count, dimension = 4000, 256
    np.savez(
        tmp_path / "f.npz",
        item_id=np.arange(count).astype(str),
        feature=np.tri(count, dimension, dtype=np.float32) + 1,
    )
    token_to_id = {"[PAD]": 0, **{str(number): number + 1 for number in range(count)}}
    monkeypatch.setattr(feature_table, "_BLOCK_BYTES", 1 << 16)
    tracemalloc.start()
    try:
        stored = read_features(FeatureFile(str(tmp_path / "f.npz")))
        table = align(stored, "text", token_to_id, torch.float32, resident=False)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert table.covered == count
    assert peak < count * dimension * 4 / 2


@pytest.mark.parametrize("resident", [True, False])
@pytest.mark.parametrize(("factor", "size"), [(1e30, r"e\+[23]\d"), (1e-16, r"e-1\d")])
def test_rows_that_float32_cannot_square_are_refused(factor, size, resident):
    values = np.random.default_rng(0).normal(size=(4, 3)).astype(np.float32)
    tokens = np.array(["a", "b", "c", "d"])
    ids = {"[PAD]": 0, "a": 1, "b": 2, "c": 3, "d": 4}
    raw = RawFeatures("x.npz", tokens, (values * factor).astype(np.float32))
    with pytest.raises(ValueError, match=rf"of 4 rows or more .*{size} of item 'a'.*scale"):
        align(raw, "text", ids, torch.float32, resident)
    one = values.copy()
    one[2] *= factor
    with pytest.raises(ValueError, match=rf"of 1 rows or more .*{size} of item 'c'.*scale"):
        align(RawFeatures("x.npz", tokens, one), "text", ids, torch.float32, resident)
    one[2] = 0  # a row of zeros is nothing new
    assert align(RawFeatures("x.npz", tokens, one), "text", ids, torch.float32).zero_rows == 1


def test_rows_that_are_taken_have_a_length_in_float32():
    rows = np.random.default_rng(0).normal(size=(4, 300))
    taken = []
    for power in range(-30, 31):
        scaled = (rows * 10.0**power).astype(np.float32)
        exact = np.linalg.norm(scaled.astype(np.float64), axis=1)
        try:
            align(raw(["a", "b", "c", "d"], scaled), "m", TOKEN_TO_ID, torch.float32)
        except ValueError as error:
            assert "cannot tell lengths" in str(error)  # noqa: PT017
            continue
        taken.append(power)
        found = torch.from_numpy(scaled).square().sum(dim=1).sqrt().numpy()
        assert np.allclose(found, exact, rtol=1e-3, atol=0)
    assert set(range(-9, 15)) <= set(taken)  # and sizes that features have are
