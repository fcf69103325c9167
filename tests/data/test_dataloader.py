"""The packed training loader: shares of several processes, reproducibility, saved loaders."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from recbole_cammsr.data.dataloader import TargetBudgetSampler


def sampler(rank=0, world_size=1, shuffle=True, rows=50):
    counts = np.random.default_rng(0).integers(1, 9, size=rows)
    return TargetBudgetSampler(counts, counts, 24, shuffle, 7, rank=rank, world_size=world_size)


@pytest.mark.parametrize("world_size", [2, 3, 7])
@pytest.mark.parametrize("rows", [3, 50])
def test_processes_share_all_rows_in_equally_many_steps(world_size, rows):
    shares = [list(sampler(rank, world_size, rows=rows)) for rank in range(world_size)]
    assert len({len(share) for share in shares}) == 1
    assert {row for share in shares for batch in share for row in batch} == set(range(rows))


def test_epochs_differ_and_runs_repeat():
    one, other = sampler(), sampler()
    first, second = list(one), list(one)
    assert first != second
    assert list(other) == first
    other.set_epoch(1)
    assert list(other) == second
    assert list(sampler(shuffle=False)) == list(sampler(shuffle=False))


def test_saved_loaders_are_used_again(make_config, tmp_path):
    from recbole.data import create_dataset, data_preparation

    config = make_config(save_dataloaders=True)
    data_preparation(config, create_dataset(config))
    assert list((tmp_path / "saved").glob("toy-for-CAMMSR-dataloader.pth"))
    train, _, _ = data_preparation(config, create_dataset(config))
    assert train.__class__.__name__ == "PackedTrainDataLoader"
    batch = next(iter(train))
    assert int(batch["target_count"].sum()) > 0


def test_workers_give_the_same_batches(make_data):
    _, _, (alone, _, _) = make_data()
    _, _, (helped, _, _) = make_data(worker=1)
    for mine, theirs in zip(alone, helped):
        assert torch.equal(mine["item_id_list"], theirs["item_id_list"])
