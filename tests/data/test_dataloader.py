"""The packed training loader: shares of several processes, reproducibility, saved loaders."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from recbole_cammsr.data.dataloader import PackedTrainDataLoader, TargetBudgetSampler
from recbole_cammsr.data.packing import TARGET_COUNT_FIELD


def sampler(rank=0, world_size=1, shuffle=True, rows=50):
    counts = np.random.default_rng(0).integers(1, 9, size=rows)
    return TargetBudgetSampler(counts, counts, 24, shuffle, 7, rank=rank, world_size=world_size)


@pytest.mark.parametrize("world_size", [2, 3, 7])
@pytest.mark.parametrize("rows", [3, 50])
def test_processes_share_all_rows_in_equally_many_steps(world_size, rows):
    shares = [list(sampler(rank, world_size, rows=rows)) for rank in range(world_size)]
    assert len({len(share) for share in shares}) == 1
    assert {row for share in shares for batch in share for row in batch} == set(range(rows))


@pytest.mark.parametrize("world_size", [1, 2, 3])
def test_processes_share_the_budget_and_know_their_number_of_steps(world_size):
    samplers = [sampler(rank, world_size, rows=2000) for rank in range(world_size)]
    shares = [list(each) for each in samplers]
    targets = samplers[0].targets
    steps = [sum(targets[batch].sum() for batch in step) for step in zip(*shares)]
    # each process closes its batch with the row that reaches its part of the budget
    assert max(steps) < 24 + 8 * world_size
    assert np.mean(steps) > 0.95 * 24
    for share, each in zip(shares, samplers):
        assert len(each) == pytest.approx(len(share), rel=0.05)


def test_loaders_of_several_processes_share_the_rows_of_an_epoch(make_data, monkeypatch):
    config, _, (alone, _, _) = make_data()
    config["single_spec"] = False
    monkeypatch.setattr(torch.distributed, "get_world_size", lambda: 2)

    def rows_of(rank, epoch):
        monkeypatch.setattr(torch.distributed, "get_rank", lambda: rank)
        loader = PackedTrainDataLoader(config, alone._dataset, None, shuffle=True)
        loader.sampler.set_epoch(epoch)  # as RecBole's trainer does
        fields = ("user_id", "item_id", "item_id_list")
        columns = ([batch[field].tolist() for field in fields] for batch in loader)
        return [str(row) for batch in columns for row in zip(*batch)]

    first, second = rows_of(0, 3), rows_of(1, 3)
    assert first
    # a batch more than the other process has is made up for by the first one
    assert len({*first} & {*second}) <= len(first) / 4
    assert len({*first, *second}) == len(alone._dataset.packed.row)
    assert rows_of(0, 3) == first
    assert rows_of(0, 4) != first


def test_epochs_differ_and_runs_repeat():
    one, other = sampler(), sampler()
    first, second = list(one), list(one)
    assert first != second
    assert list(other) == first
    other.set_epoch(1)
    assert list(other) == second
    unshuffled = sampler(shuffle=False)
    assert list(unshuffled) == list(unshuffled)  # one epoch after the other
    unshuffled.seed += 1
    assert list(unshuffled) == list(sampler(shuffle=False))


@pytest.mark.parametrize("name", ["CAMMSR", "SASRec"])
def test_a_loader_that_is_not_to_shuffle_gives_the_same_batches_in_every_epoch(make_data, name):
    _, _, (train, _, _) = make_data(name, train_packing=True, shuffle=False)
    first, second = ([batch["item_id_list"].tolist() for batch in train] for _ in range(2))
    assert len(first) > 1
    assert first == second


def test_saved_loaders_are_used_again(make_config, tmp_path):
    from recbole.data import create_dataset, data_preparation

    config = make_config(save_dataloaders=True)
    data_preparation(config, create_dataset(config))
    assert list((tmp_path / "saved").glob("toy-for-CAMMSR-dataloader.pth"))
    train, _, _ = data_preparation(config, create_dataset(config))
    assert train.__class__.__name__ == "PackedTrainDataLoader"
    batch = next(iter(train))
    assert int(batch[TARGET_COUNT_FIELD].sum()) > 0


@pytest.mark.parametrize("name", ["CAMMSR", "SASRec"])
def test_saved_loaders_have_the_batches_of_the_run_that_uses_them(make_data, name):
    def sizes(**settings):
        _, _, (train, _, _) = make_data(name, train_packing=True, **settings)
        count = TARGET_COUNT_FIELD if name == "CAMMSR" else None
        return train, [int(batch[count].sum()) if count else len(batch) for batch in train]

    fresh = sizes(train_batch_size=16)[1]
    sizes(train_batch_size=256, save_dataloaders=True)
    train, again = sizes(train_batch_size=16)
    assert again == fresh
    assert max(again) < 16 + 10
    assert len(train) == pytest.approx(len(again), rel=0.3)
    assert len(again) > 10


def test_batches_depend_on_the_seed_alone(make_data):
    def batches(seed):
        _, _, (train, _, _) = make_data(seed=seed)
        return [batch["item_id_list"].tolist() for batch in train]

    first = batches(1)
    assert batches(1) == first
    assert batches(2) != first


def test_workers_give_the_same_batches(make_data):
    _, _, (alone, _, _) = make_data()
    _, _, (helped, _, _) = make_data(worker=1)
    assert helped.num_workers == 1
    for mine, theirs in zip(alone, helped):
        assert torch.equal(mine["item_id_list"], theirs["item_id_list"])


@pytest.mark.parametrize("case", ["CE", "BPR"])
def test_recboles_rows_all_come_and_those_of_a_history_stand_together(make_data, case):
    negatives = {"distribution": "uniform", "sample_num": 1} if case == "BPR" else None
    settings = {"loss_type": case, "train_neg_sample_args": negatives, "MAX_ITEM_LIST_LENGTH": 20}
    _, _, (stock, _, _) = make_data("SASRec", **settings)
    _, _, (whole, _, _) = make_data("SASRec", train_packing=True, **settings)

    def seen(loader):
        fields = ("user_id", "item_length", "item_id")
        batches = [torch.stack([batch[field] for field in fields], 1) for batch in loader]
        assert all(("neg_item_id" in batch) == (case == "BPR") for batch in loader)
        return batches

    one, other = torch.cat(seen(stock)), torch.cat(seen(whole))
    assert sorted(one.tolist()) == sorted(other.tolist())
    batches = seen(whole)
    # a batch is closed by the history that reaches RecBole's number of rows
    assert max(map(len, batches)) < stock.step + 20
    assert len(batches) >= len(other) // (stock.step + 20)
    short = [batch[batch[:, 1] < 20] for batch in batches]
    users_of = [set(batch[:, 0].tolist()) for batch in short]
    assert sum(map(len, users_of)) == len(set.union(*users_of))  # no user in two batches
    for batch in short:
        user, length = batch[:, 0], batch[:, 1]
        same = user[1:] == user[:-1]
        assert (length[1:] == length[:-1] + 1)[same].all()
    assert not torch.equal(batches[0][:5], seen(whole)[0][:5])  # another order in every epoch


def test_a_transform_of_recboles_is_applied_to_rows_that_stand_together_too(make_data):
    _, _, (whole, _, _) = make_data("SASRec", train_packing=True, transform="inverse_itemseq")
    for batch in whole:
        rows = zip(batch["item_id_list"], batch["item_length"], batch["Inverse_item_id_list"])
        for items, length, turned in rows:
            n = int(length)
            assert turned.tolist() == [*items[n:].tolist(), *items[:n].tolist()]


def test_more_processes_than_targets_a_batch_take_a_row_at_a_time():
    counts = np.array([3, 1, 2, 1, 5])
    shares = []
    for rank in range(3):
        each = TargetBudgetSampler(counts, counts, 2, True, 7, rank=rank, world_size=3)
        assert len(each) > 0
        shares.append(list(each))
    assert all(len(batch) == 1 for share in shares for batch in share)
    assert {row for share in shares for (row,) in share} == set(range(5))


def test_rows_in_which_nothing_is_learned_of_a_later_one_go_their_own_way(make_data):
    _, _, (whole, _, _) = make_data("SASRec", train_packing=True, MAX_ITEM_LIST_LENGTH=3)
    full = [group for group, size in enumerate(whole._groups.sizes) if size == 1]
    assert len(full) > len(whole._groups.sizes) / 2  # windows of long histories
