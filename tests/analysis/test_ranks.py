"""Metrics of single rows against the formulas, written out; ranks against naive ones."""

from __future__ import annotations

import math
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from recbole_cammsr.analysis.ranks import RankCollector, is_per_user, per_user, ranks_of

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


@given(
    rows=st.lists(
        st.tuples(st.lists(st.integers(0, 4), min_size=6, max_size=6), st.integers(0, 5)),
        min_size=1,
        max_size=4,
    ),
    cutoff=st.integers(1, 9),
)
def test_ranks_are_places_of_recboles_list_and_counts_beyond_it(rows, cutoff):
    """Of six items, many with the same score; a list may be longer than the catalogue."""
    scores = torch.tensor([row for row, _ in rows]).float()
    found = ranks_of(torch.tensor([target for _, target in rows]), scores, cutoff).tolist()
    listed = torch.topk(scores, min(cutoff, 6), dim=-1).indices.tolist()
    for rank, places, (row, target) in zip(found, listed, rows):
        if target in places:
            assert rank == places.index(target) + 1
        else:  # an equal score before it does not bring it into the list
            assert rank == max(sum(score > row[target] for score in row), cutoff) + 1


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


def test_each_row_keeps_what_is_its_own():
    """Users of several rows, in two batches; tokens are in another order than numbers."""
    asked = [  # user, target, history
        (1, 4, [7, 6]),
        (2, 6, [5]),
        (1, 5, [7, 6, 5]),
        (3, 7, [4, 4, 4]),
        (2, 5, [6, 4]),
    ]
    collector = RankCollector("user", "item", [1, 4], history_fields=("items", "n"))
    trainer = SimpleNamespace(eval_collector=FakeCollector())
    rng = np.random.default_rng(0)
    expected = []
    with collector.watching(trainer):
        for batch in (asked[:3], asked[3:]):
            histories = torch.zeros(len(batch), 4, dtype=torch.long)
            for row, (_, _, items) in enumerate(batch):
                histories[row, : len(items)] = torch.tensor(items)
            rows = {
                "user": torch.tensor([user for user, _, _ in batch]),
                "item": torch.tensor([target for _, target, _ in batch]),
                "items": histories,
                "n": torch.tensor([len(items) for _, _, items in batch]),
            }
            scores = torch.from_numpy(rng.integers(0, 3, size=(len(batch), 8)))  # many are equal
            trainer.eval_collector.eval_batch_collect(
                scores, rows, torch.arange(len(batch)), rows["item"]
            )
            for (user, target, items), row in zip(batch, scores):
                tokens, of_target = (f"u{9 - user}", f"i{9 - target}"), (10 * target, f"c{target}")
                rank = int(ranks_of(torch.tensor([target]), row.unsqueeze(0), 4))
                expected.append((*tokens, rank, len(items), *of_target, 10 * items[-1]))

    def id2token(field, ids):
        return [f"{field[0]}{9 - number}" for number in ids]

    dataset = SimpleNamespace(uid_field="user", iid_field="item", id2token=id2token)
    popularity, labels = 10 * np.arange(8), np.array([f"c{item}" for item in range(8)])
    found = collector.ranks(dataset, None, popularity, labels)
    assert list(zip(*(column.tolist() for column in found))) == sorted(expected)
    # where each user has one row, all that a user has before it may be known beside it
    known = collector.ranks(dataset, 100 * np.arange(4), popularity, labels)
    assert known.history_length.tolist() == [100 * (9 - int(user[1:])) for user in found.user]


def test_rows_of_several_targets_are_refused():
    collector = RankCollector("user", "item", [2])
    trainer = SimpleNamespace(eval_collector=FakeCollector())
    rows = {"user": torch.tensor([1, 2])}
    scores = torch.rand(2, 9)
    for row, item in (([0, 0, 1], [3, 4, 5]), ([1, 0], [3, 4]), ([0], [3])):
        found = rows, torch.tensor(row), torch.tensor(item)
        with collector.watching(trainer), pytest.raises(ValueError, match="fewer than one target"):
            trainer.eval_collector.eval_batch_collect(scores, *found)


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
