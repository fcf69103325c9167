"""Histories from outside are what the data set makes of the same histories, or are refused."""

from __future__ import annotations

import datetime

import numpy as np
import pytest
import torch

from recbole_cammsr.data.given_histories import GivenHistories

LISTS = ["interval_bucket_list", "elapsed_time_list"]


@pytest.fixture
def tokens(make_data):
    """The toy data set with exact times, and five tokens of its items."""
    _, dataset, _ = make_data(time_encoding="experts")
    return dataset, [str(token) for token in dataset.field2id_token["item_id"][1:6]]


def test_lists_are_left_aligned_and_keep_the_last_items(tokens):
    dataset, (a, b, c, d, _) = tokens
    given = GivenHistories(dataset, [[a, b], [b], [a, c, a, d]])
    rows = given.rows(slice(0, None), 3, [])
    assert sorted(rows) == ["item_id_list", "item_length"]
    assert rows["item_length"].tolist() == [2, 1, 3]
    assert rows["item_id_list"].tolist() == [[1, 2, 0], [2, 0, 0], [3, 1, 4]]
    assert given.rows(slice(1, 2), 3, [])["item_id_list"].tolist() == [[2, 0, 0]]


def test_times_are_counted_from_the_first_of_the_data_set(tokens):
    dataset, (a, b, *_) = tokens
    start = dataset.first_time
    given = GivenHistories(dataset, [[a, b, a]], [[start, start + 3, start + 10**9 + 1]])
    found = given.rows(slice(0, None), 2, ["elapsed_time_list"])["elapsed_time_list"]
    assert found.dtype == torch.float64
    assert found.tolist() == [[3, 10**9 + 1]]


@pytest.mark.parametrize(
    ("in_another_unit", "is_warned_of"),
    [
        (lambda time: time, False),
        (lambda time: 1000 * time, True),
        (lambda time: time / 86400, True),
    ],
)
def test_times_in_another_unit_are_warned_of(make_data, caplog, in_another_unit, is_warned_of):
    _, dataset, _ = make_data(time_encoding="experts")
    dataset.first_time, dataset.time_span = 1.6e9, 1e8
    token = str(dataset.field2id_token["item_id"][1])
    caplog.clear()
    given = GivenHistories(dataset, [[token]], [[in_another_unit(1.75e9)]])
    given.rows(slice(0, None), 2, ["elapsed_time_list"])
    assert ("'timestamp' of the data set toy is from 1.6e+09 to" in caplog.text) == is_warned_of


def test_an_interval_reaches_back_before_the_items_that_are_kept(make_data):
    _, dataset, _ = make_data(time_encoding="interval")
    a, b = (str(token) for token in dataset.field2id_token["item_id"][1:3])
    given = GivenHistories(dataset, [[a, b, a], [b, a]], [[100, 107, 107], [5, 6]])
    rows = given.rows(slice(0, None), 2, LISTS[:1])
    assert rows["interval_bucket_list"].tolist() == [[4, 1], [0, 2]]


def test_arrays_do_as_well_as_lists(tokens):
    dataset, some = tokens
    given = GivenHistories(dataset, np.array([some, some]), np.arange(10).reshape(2, 5))
    assert [each.tolist() for each in given.items] == [[1, 2, 3, 4, 5]] * 2


@pytest.mark.parametrize("kind", ["uint8", "int64", "float32"])
def test_times_are_numbers_of_any_kind(tokens, kind):
    """A difference of unsigned numbers is never below zero: it begins again at the largest one."""
    dataset, (a, b, *_) = tokens
    dataset.first_time = 3.0
    given = GivenHistories(dataset, [[a, b]], [np.array([5, 7], dtype=kind)])
    rows = given.rows(slice(0, None), 3, ["elapsed_time_list"])
    assert rows["elapsed_time_list"].tolist() == [[2, 4, 0]]
    with pytest.raises(ValueError, match="runs backwards"):
        GivenHistories(dataset, [[a, b]], [np.array([7, 5], dtype=kind)])


@pytest.mark.parametrize(("encoding", "field"), [("interval", LISTS[0]), ("experts", LISTS[1])])
def test_a_part_has_the_times_of_its_own_histories(make_data, encoding, field):
    _, dataset, _ = make_data(time_encoding=encoding)
    a, b, c = (str(token) for token in dataset.field2id_token["item_id"][1:4])
    histories, times = [[a], [b, c], [a, b, c], [c, a]], [[9], [5, 6], [1, 5, 90], [7, 700]]
    given = GivenHistories(dataset, histories, times)
    whole = given.rows(slice(0, None), 3, [field])
    for part in (slice(0, 2), slice(1, 3), slice(3, 4)):
        for name, values in given.rows(part, 3, [field]).items():
            assert torch.equal(values, whole[name][part])


@pytest.mark.parametrize(
    ("histories", "sentence"),
    [
        ([["i", "no"], ["no", "[PAD]"]], r"3 of 3 items .* data set toy \('i', 'no', '\[PAD\]'\);"),
        ([list("abcdefg")], r"7 of 7 items .*\('a', 'b', 'c', 'd', 'e', …\); leave them out"),
        ([np.array(["x"])], r"data set toy \('x'\); leave them out"),
        ([[50]], r"\(50\); tokens are text"),
        ([["i"], []], r"number 1 \(from 0\) of `histories` is empty.*leave it out"),
        (["i", "no"], r"number 0 \(from 0\) is 'i'; put the one history into a list"),
        ([50], r"number 0 \(from 0\) is 50; put the one history into a list"),
    ],
)
def test_what_is_no_history_is_refused(tokens, histories, sentence):
    with pytest.raises(ValueError, match=sentence):
        GivenHistories(tokens[0], histories)


@pytest.mark.parametrize(
    ("times", "sentence"),
    [
        ([], "`times` has 0 lists and `histories` 1"),
        ([[1]], r"the shape \(1,\), and its history has 2 items; give one time for each"),
        ([[[1], [2]]], r"the shape \(2, 1\), and its history has 2 items"),
        ([[1, float("nan")]], r"number 0 \(from 0\) of `times` is not finite numbers.*'timestamp'"),
        ([["1", "2"]], "not finite numbers"),
        ([np.array([1, 2], dtype="datetime64[s]")], "not finite numbers"),
        ([[datetime.date(2020, 1, 1)] * 2], "not finite numbers"),
        ([[2, 1]], "runs backwards; give items and times of a history oldest first"),
    ],
)
def test_times_that_are_not_those_of_the_items_are_refused(tokens, times, sentence):
    dataset, (a, b, *_) = tokens
    with pytest.raises(ValueError, match=sentence):
        GivenHistories(dataset, [[a, b]], times)


@pytest.mark.parametrize("field", LISTS)
def test_times_that_are_needed_and_missing_are_named(tokens, field):
    dataset, (a, *_) = tokens
    with pytest.raises(ValueError, match=r"CAMMSR reads the times .*; give the 'timestamp' of"):
        GivenHistories(dataset, [[a]]).rows(slice(0, None), 10, [field])


def test_a_data_set_that_is_not_split_yet_does_not_know_its_first_time(make_config):
    from recbole.data import create_dataset

    dataset = create_dataset(make_config(time_encoding="experts"))
    token = str(dataset.field2id_token["item_id"][1])
    with pytest.raises(ValueError, match=r"no 'elapsed_time', .*after `data_preparation`"):
        GivenHistories(dataset, [[token]], [[1]]).rows(slice(0, None), 10, LISTS)
