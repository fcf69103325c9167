"""RecBole training loaders of packed rows and of whole histories: batches by number of targets."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import cycle, islice
from logging import getLogger
from typing import Any

import numpy as np
import torch
from recbole.data.dataloader import TrainDataLoader
from recbole.data.interaction import Interaction
from recbole.data.transform import construct_transform

from recbole_cammsr.compat.sendable_generator import SendableGenerator
from recbole_cammsr.data.packing import bucketed_batches, prefix_groups


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
        self.shuffle = shuffle
        self.seed = seed
        self.rank = rank
        self.world_size = world_size
        self.set_budget(budget)
        self.epoch = 0

    def set_budget(self, budget: int) -> None:
        """Choose the targets a batch.

        Args:
            budget: over all processes.
        """
        self.budget = max(1, budget // self.world_size)

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


class _TargetBudgetDataLoader(TrainDataLoader):
    """RecBole's training loader over units that hold several targets and stay together.

    `train_batch_size` counts targets, as it does for RecBole's prefix rows, so that switching
    `train_packing` leaves the meaning of every setting alone.
    """

    def __init__(self, config: Any, dataset: Any, sampler: Any, shuffle: bool = False) -> None:
        self.logger = getLogger()
        self._set_neg_sample_args(
            config, dataset, config["MODEL_INPUT_TYPE"], config["train_neg_sample_args"]
        )
        self.shuffle = shuffle
        self.config = config
        self._dataset = dataset
        self._sampler = sampler
        self.model = None
        self.transform = construct_transform(config)
        self.is_sequential = True
        self.generator = SendableGenerator()
        self.generator.manual_seed(config["seed"])
        self._init_batch_size_and_step()
        lengths, targets = self._units()
        self.sample_size = len(targets)
        alone = config["single_spec"]
        batch_sampler = TargetBudgetSampler(
            lengths,
            targets,
            self._budget(),
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

    def update_config(self, config: Any) -> None:
        """Take over the settings of a run that uses a saved loader again.

        Args:
            config: RecBole's Config of that run.
        """
        super().update_config(config)
        # RecBole sets `step` alone anew: the batches come from the sampler
        self.batch_sampler.set_budget(self._budget())  # type: ignore[union-attr]

    def _units(self) -> tuple[np.ndarray, np.ndarray]:
        """By which lengths units are put together, and how many targets each of them holds."""
        raise NotImplementedError

    def _budget(self) -> int:
        """Targets a batch, over all processes."""
        return int(self.config["train_batch_size"])


class PackedTrainDataLoader(_TargetBudgetDataLoader):
    """RecBole's training loader over the packed rows of a :class:`CAMMSRDataset`.

    Raises:
        ValueError: RecBole's `transform` is set, which changes single prefix rows.
    """

    def __init__(self, config: Any, dataset: Any, sampler: Any, shuffle: bool = False) -> None:
        if config["transform"]:
            raise ValueError(
                f"`transform: {config['transform']}` changes single prefix rows and cannot work on "
                f"packed ones; set `train_packing: false`."
            )
        super().__init__(config, dataset, sampler, shuffle)

    def _units(self) -> tuple[np.ndarray, np.ndarray]:
        packed = self._dataset.packed
        lengths = self._dataset.inter_feat[self._dataset.item_list_length_field].numpy()
        return lengths[packed.row], packed.targets

    def collate_fn(self, index: list[int]) -> Interaction:
        """Rows of one batch."""
        return self._dataset.packed_batch(np.asarray(index))


class WholeHistoryDataLoader(_TargetBudgetDataLoader):
    """RecBole's own prefix rows, all that continue one another in one batch.

    For models that compute what such rows share once
    (:mod:`recbole_cammsr.model.shared_prefixes`). Rows, transforms and negative items are
    RecBole's; which rows make a batch is not.
    """

    def _units(self) -> tuple[np.ndarray, np.ndarray]:
        rows = self._dataset.inter_feat
        self._groups = prefix_groups(
            rows[self._dataset.uid_field].numpy(),
            rows[self._dataset.item_list_length_field].numpy(),
        )
        # a model takes its rows in order of length: batches need not be alike in it
        return np.zeros(len(self._groups.sizes), dtype=np.int64), self._groups.sizes

    def _budget(self) -> int:
        return int(self.step)  # RecBole counts negative items in train_batch_size

    def collate_fn(self, index: list[int]) -> Interaction:
        """Rows of one batch, those of a history one after the other, shortest first."""
        return super().collate_fn(self._groups.rows_of(np.asarray(index)))
