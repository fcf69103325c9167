"""RecBole training loader for packed rows: batches by number of targets, rows of similar length."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import cycle, islice
from logging import getLogger
from typing import Any

import numpy as np
import torch
from recbole.data.dataloader import TrainDataLoader
from recbole.data.interaction import Interaction

from recbole_cammsr.data.packing import bucketed_batches


class TargetBudgetSampler(torch.utils.data.Sampler):
    """Yields batches of packed rows that hold about ``budget`` targets together.

    Args:
        lengths: ``(P,)`` history lengths.
        targets: ``(P,)`` targets per row.
        budget: targets a batch, over all processes.
        shuffle: new batches every epoch.
        seed: of the shuffling; the epoch is added to it.
        rank: this process.
        world_size: number of processes; each takes every ``world_size``-th batch of a budget
            divided by their number.
    """

    def __init__(
        self,
        lengths: np.ndarray,
        targets: np.ndarray,
        budget: int,
        shuffle: bool,
        seed: int,
        rank: int = 0,
        world_size: int = 1,
    ) -> None:
        self.lengths = lengths
        self.targets = targets
        self.budget = max(1, budget // world_size)
        self.shuffle = shuffle
        self.seed = seed
        self.rank = rank
        self.world_size = world_size
        self.epoch = 0

    def set_epoch(self, epoch: int) -> None:
        """Choose the shuffle of an epoch; RecBole calls it under several processes."""
        self.epoch = epoch

    def _batches(self) -> list[np.ndarray]:
        rng = np.random.default_rng((self.seed, self.epoch)) if self.shuffle else None
        batches = list(bucketed_batches(self.lengths, self.targets, self.budget, rng))
        # every process must take the same number of steps
        surplus = -len(batches) % self.world_size
        return batches + list(islice(cycle(batches), surplus))

    def __iter__(self) -> Iterator[list[int]]:
        batches = self._batches()
        self.epoch += 1
        for batch in batches[self.rank :: self.world_size]:
            yield batch.tolist()

    def __len__(self) -> int:
        # the number of batches depends on the order of rows by a few; this is the usual one
        return -(-int(self.targets.sum()) // (self.budget * self.world_size))


class PackedTrainDataLoader(TrainDataLoader):
    """RecBole's training loader over the packed rows of a :class:`CAMMSRDataset`.

    `train_batch_size` counts targets, as it does for RecBole's prefix rows, so that switching
    `train_packing` leaves the meaning of every setting alone.
    """

    def __init__(self, config: Any, dataset: Any, sampler: Any, shuffle: bool = False) -> None:
        if config["transform"]:
            raise ValueError(
                f"`transform: {config['transform']}` changes single prefix rows and cannot work on "
                f"packed ones; set `train_packing: false`."
            )
        self.logger = getLogger()
        self._set_neg_sample_args(
            config, dataset, config["MODEL_INPUT_TYPE"], config["train_neg_sample_args"]
        )
        self.sample_size = len(dataset)
        self.shuffle = shuffle
        self.config = config
        self._dataset = dataset
        self._sampler = sampler
        self.model = None
        self.transform = None
        self.is_sequential = True
        self.generator = torch.Generator()
        self.generator.manual_seed(config["seed"])
        self._init_batch_size_and_step()
        lengths = dataset.inter_feat[dataset.item_list_length_field].numpy()[dataset.packed.row]
        alone = config["single_spec"]
        batch_sampler = TargetBudgetSampler(
            lengths,
            dataset.packed.targets,
            config["train_batch_size"],
            shuffle,
            config["seed"],
            rank=0 if alone else torch.distributed.get_rank(),
            world_size=1 if alone else torch.distributed.get_world_size(),
        )
        torch.utils.data.DataLoader.__init__(
            self,
            dataset=range(self.sample_size),  # type: ignore[arg-type]
            batch_sampler=batch_sampler,
            collate_fn=self.collate_fn,
            num_workers=config["worker"],
            generator=self.generator,
        )
        # RecBole's trainer sets the epoch on `sampler`, which torch made a plain sequential one
        object.__setattr__(self.sampler, "set_epoch", batch_sampler.set_epoch)

    def collate_fn(self, index: list[int]) -> Interaction:
        """Rows of one batch."""
        return self._dataset.packed_batch(np.asarray(index))
