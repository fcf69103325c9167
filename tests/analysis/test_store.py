"""Ranks come back as they were kept, also those without what only some models have."""

from __future__ import annotations

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
    ranks = UserRanks(users, users, numbers, length, numbers, np.array(["a|b", ""]), last)
    store = ResultStore(tmp_path)
    store.save(result, ranks)
    found = store.load_ranks(job)
    for name, kept in ranks._asdict().items():
        back = getattr(found, name)
        assert back is None if kept is None else np.array_equal(back, kept), name
