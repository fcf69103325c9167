"""Ranks come back as they were kept, also those without what only some models have."""

from __future__ import annotations

import json

import numpy as np
import pytest

from recbole_cammsr.analysis.job import JobResult, TrainingJob
from recbole_cammsr.analysis.ranks import UserRanks
from recbole_cammsr.analysis.store import ResultStore


@pytest.mark.parametrize("last", [np.array([3, 0]), None], ids=["sequential", "general"])
@pytest.mark.parametrize("length", [np.array([5, 4]), None], ids=["one row a user", "ratio"])
def test_ranks_come_back(tmp_path, length, last):
    job = TrainingJob("SASRec", "toy", 1)
    result = JobResult(job, {"ndcg@10": 0.1}, {}, "ndcg@10", True, 3, 2, {}, "code")
    users, numbers = np.array(["u0", "u1"]), np.array([1, 2])
    ranks = UserRanks(users, users, numbers, length, numbers, np.array(["a|b\nc", ""]), last)
    store = ResultStore(tmp_path)
    store.save(result, ranks)
    found = store.load_ranks(job)
    for name, kept in ranks._asdict().items():
        back = getattr(found, name)
        assert back is None if kept is None else np.array_equal(back, kept), name


def saved(tmp_path):
    job = TrainingJob("Pop", "toy", 1)
    numbers = np.array([1, 2])
    users = np.array(["u0", "u1"])
    ranks = UserRanks(users, users, numbers, numbers, numbers, np.array(["a\nb", ""]))
    store = ResultStore(tmp_path)
    store.save(JobResult(job, {"ndcg@10": 0.1}, {}, "ndcg@10", True, 3, 2, {}, "code"), ranks)
    return store, job, ranks


def test_a_result_of_an_earlier_version_says_nothing_of_whose_memory_it_measured(tmp_path):
    store, job, _ = saved(tmp_path)
    path = store.result_path(job)
    content = json.loads(path.read_text())
    del content["memory_of"]
    path.write_text(json.dumps(content))
    assert store.load(job).memory_of == ""


def test_labels_of_an_earlier_version_are_those_between_bars(tmp_path):
    store, job, ranks = saved(tmp_path)
    columns = {name: values for name, values in ranks._asdict().items() if values is not None}
    np.savez(store.ranks_path(job), **{**columns, "category": np.array(["a|b|longer", ""])})
    found = store.load_ranks(job)
    assert found.category.tolist() == ["a\nb\nlonger", ""]
    assert found.rank.tolist() == [1, 2]


@pytest.mark.parametrize("bit", [0, 6])
def test_a_flipped_bit_anywhere_in_the_ranks_names_the_file(tmp_path, bit):
    """zlib, zipfile and numpy each raise kinds of their own, not all of them ValueErrors."""
    store, job, ranks = saved(tmp_path)
    path = store.ranks_path(job)
    whole = path.read_bytes()
    kinds, sentences = set(), set()
    for place in range(0, len(whole), 3):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 1 << bit]) + whole[place + 1 :])
        try:
            found = store.load_ranks(job)
        except ValueError as error:
            kinds.add(type(error.__cause__).__name__)
            sentences.add(str(error).partition(" cannot be read (")[0])
        else:
            assert found.rank.tolist() == ranks.rank.tolist()
    assert {"BadZipFile", "error"} <= kinds
    assert sentences == {f"rank file {path}"}


def test_ranks_that_the_system_refuses_are_not_said_to_be_damaged(tmp_path, monkeypatch):
    store, job, _ = saved(tmp_path)

    def refuse(path, **_):
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(np, "load", refuse)
    with pytest.raises(PermissionError):
        store.load_ranks(job)


def test_ranks_that_are_gone_or_damaged_say_what_to_delete(tmp_path):
    store, job, _ = saved(tmp_path)
    store.ranks_path(job).write_bytes(b"PK")
    with pytest.raises(ValueError, match=r"delete it and the \.json beside it, and rerun"):
        store.load_ranks(job)
    store.ranks_path(job).unlink()
    with pytest.raises(FileNotFoundError, match=r"delete the \.json beside it and rerun") as caught:
        store.load_ranks(job)
    assert str(store.ranks_path(job)) in str(caught.value)
    store.result_path(job).unlink()
    with pytest.raises(FileNotFoundError, match="the run has not finished"):
        store.load_ranks(job)
