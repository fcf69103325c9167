"""Metrics of single rows against the formulas, written out; ranks against naive ones."""

from __future__ import annotations

import math
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from recbole_cammsr.analysis.ranks import RankCollector, is_per_user, per_user

RANKS = np.array([1, 2, 5, 6, 100])


@pytest.mark.parametrize(
    ("metric", "formula"),
    [
        ("Recall", lambda r, k: 1.0),
        ("hit", lambda r, k: 1.0),
        ("NDCG", lambda r, k: 1 / math.log2(r + 1)),
        ("mrr", lambda r, k: 1 / r),
        ("map", lambda r, k: 1 / r),
        ("precision", lambda r, k: 1 / k),
    ],
)
def test_metrics_of_a_row(metric, formula):
    for k in (1, 5, 10):
        expected = [formula(rank, k) if rank <= k else 0.0 for rank in RANKS.tolist()]
        assert per_user(f"{metric}@{k}", RANKS) == pytest.approx(expected)


@pytest.mark.parametrize("metric", ["itemcoverage@10", "ndcg", "ndcg@x", "auc", ""])
def test_metrics_that_are_none_of_a_single_user(metric):
    assert not is_per_user(metric)
    with pytest.raises(ValueError, match="NDCG@10"):
        per_user(metric, RANKS)


def collect(config, dataset, model, loader, **keywords):
    """Ranks of a loader's rows as a benchmark takes them."""
    from recbole.utils import get_trainer

    trainer = get_trainer(config["MODEL_TYPE"], config["model"])(config, model)
    collector = RankCollector(dataset.uid_field, dataset.iid_field, config["topk"], **keywords)
    with collector.watching(trainer):
        trainer.evaluate(loader, load_best_model=False)
    zeros = np.zeros(max(dataset.user_num, dataset.item_num), dtype=np.int64)
    return collector.ranks(dataset, np.arange(dataset.user_num), zeros, zeros.astype(str))


def targets_of(dataset, loader):
    """User to the item that a split asks for, as tokens."""
    rows = loader.dataset.inter_feat
    users = dataset.id2token(dataset.uid_field, rows[dataset.uid_field])
    items = dataset.id2token(dataset.iid_field, rows[dataset.iid_field])
    return dict(zip(users.tolist(), items.tolist()))


@pytest.mark.parametrize("mode", ["uni9", "pop4"])
@pytest.mark.parametrize("model_name", ["SASRec", "BPR"])
def test_sampled_ranks_belong_to_their_users(make_model, model_name, mode):
    sampled = {"distribution": "uniform", "sample_num": 1}
    config, dataset, loaders, model = make_model(
        model_name,
        eval_args={
            "split": {"LS": "valid_and_test"},
            "order": "TO",
            "group_by": "user",
            "mode": mode,
        },
        **({"train_neg_sample_args": sampled} if model_name == "BPR" else {}),
        valid_metric="MRR@10",
    )
    scores = {}
    stock = model.predict

    def predict(rows):
        values = stock(rows)
        names = dataset.id2token(dataset.uid_field, rows[dataset.uid_field])
        items = dataset.id2token(dataset.iid_field, rows[dataset.iid_field])
        for user, item, value in zip(names, items, values.tolist()):
            scores.setdefault(str(user), {})[str(item)] = value
        return values

    model.predict = predict
    found = collect(config, dataset, model, loaders[2], one_row_per_user=True)
    targets = targets_of(dataset, loaders[2])
    assert found.user.tolist() == sorted(targets)
    for user, target, rank, length in zip(*found[:4]):
        assert target == targets[user]
        own = scores[user]
        assert rank == 1 + sum(value > own[target] for value in own.values())
        assert length == dataset.token2id(dataset.uid_field, user)


class FakeCollector:
    def eval_batch_collect(self, *_):
        """RecBole's own part, which is not looked at here."""


def watch(users, items, targets):
    collector = RankCollector("user_id", "item_id", [2], one_row_per_user=True)
    rows = {"user_id": torch.tensor(users), "item_id": torch.tensor(items)}
    scores = torch.rand(len(targets), 9)
    trainer = SimpleNamespace(eval_collector=FakeCollector())
    with collector.watching(trainer):
        trainer.eval_collector.eval_batch_collect(
            scores, rows, torch.arange(len(targets)), torch.tensor(targets)
        )
    return collector


@pytest.mark.parametrize(
    ("users", "items"),
    [
        ([1, 1, 2], [5, 6, 7]),  # blocks of different length
        ([1, 2, 1, 2], [5, 7, 6, 8]),  # not in blocks
        ([1, 1, 2, 2], [6, 5, 7, 8]),  # a negative stands first
    ],
)
def test_rows_that_are_no_blocks_are_refused(users, items):
    with pytest.raises(ValueError, match=r"evaluated \d rows for 2 targets.*mode: full"):
        watch(users, items, [5, 7])


def test_a_user_with_two_rows_is_refused_where_the_split_leaves_one():
    collector = watch([3, 3], [5, 7], [5, 7])
    nothing = np.zeros(9, dtype=np.int64)
    with pytest.raises(ValueError, match="left 2 test rows of only 1 users"):
        collector.ranks(None, nothing, nothing, nothing)
