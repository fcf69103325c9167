"""Makes RecBole's evaluation by several processes measure what one process measures.

What is mended, by upstream function:

- ``AbstractDataLoader.__init__`` (``recbole/data/dataloader``) gives evaluation rows out with
  ``DistributedSampler``, which repeats some of them until all processes have equally many. Here
  every process gets a consecutive share of the very batches that a single process would score.
- ``Trainer._map_reduce`` (``recbole/trainer/trainer.py``) averages rounded means with weights that
  count the members of a tuple (``num_sample += len(batched_data)``). Here the rows that
  ``Collector.get_data_struct`` (``recbole/evaluator/collector.py``) returns are those of all
  processes, in a single process's order, and every process evaluates them.
- ``Trainer.evaluate``: sampled evaluation draws its negatives from numpy's global generator. All
  processes start from the first one's state and draw the negatives of all batches, so the
  candidates are those that the first process would draw alone; only scoring is shared out. Nor
  does anybody upstream wait for the checkpoint that the first process may still be writing.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager
from functools import wraps
from types import ModuleType
from typing import Any

from recbole_cammsr.compat.import_hooks import when_imported

#: what RecBole's collector holds per evaluated user or row
_PER_ROW = ("rec.items", "rec.topk", "rec.meanrank", "rec.score", "data.label")


def install() -> None:
    """Attach the hooks; a second call has no effect."""
    when_imported("recbole.data.dataloader.general_dataloader", _share_evaluation)
    when_imported("recbole.evaluator.collector", _collect_from_all)
    when_imported("recbole.trainer.trainer", _evaluate_together)


def from_first(value: Any) -> Any:
    """The value that the first process has; all processes must call this."""
    import torch.distributed as dist

    values = [value]
    dist.broadcast_object_list(values, src=0)
    return values[0]


class EvaluationBatches:
    """Row numbers of the batches of an evaluation loader, shared out over the processes.

    The process group is asked at every use: a loader may be pickled in one process and used in
    another, or after the group is gone, and then has all batches.

    Args:
        rows: number of rows.
        size: rows a batch, the same as in a single process.
        drawn: collating a batch draws random numbers, so every process must collate all of them.
    """

    def __init__(self, rows: int, size: int, drawn: bool) -> None:
        self.rows = rows
        self.size = size
        self.drawn = drawn

    def share(self) -> range:
        """Numbers of the batches that this process scores."""
        import torch.distributed as dist

        rank, world = (dist.get_rank(), dist.get_world_size()) if dist.is_initialized() else (0, 1)
        total = -(-self.rows // self.size)
        return range(rank * total // world, (rank + 1) * total // world)

    def scored(self, batches: Iterator[Any]) -> Iterator[Any]:
        """Of all collated batches, those that this process scores."""
        share = self.share()
        for number, batch in enumerate(batches):
            if number in share:
                yield batch

    def __iter__(self) -> Iterator[list[int]]:
        total = -(-self.rows // self.size)
        for number in range(total) if self.drawn else self.share():
            yield list(range(number * self.size, min((number + 1) * self.size, self.rows)))

    def __len__(self) -> int:
        # a loader of length 0 is no loader to RecBole, and the others would wait for its process
        return max(1, len(self.share()))


def _share_evaluation(module: ModuleType) -> None:
    """Give every process its share of the batches of a single process, none of them twice."""
    for loader_class in (module.FullSortEvalDataLoader, module.NegSampleEvalDataLoader):
        _share_batches(loader_class)


def _share_batches(loader_class: Any) -> None:
    stock_init = loader_class.__init__
    stock_iter = loader_class.__iter__

    @wraps(stock_init)
    def init(self: Any, config: Any, dataset: Any, sampler: Any, shuffle: bool = False) -> None:
        stock_init(self, config, dataset, sampler, shuffle=shuffle)
        if config["single_spec"]:
            return
        self._init_batch_size_and_step()  # RecBole has divided it by the number of processes
        negatives = getattr(self, "neg_sample_args", {"distribution": "none"})
        sampled = "none" not in (negatives["distribution"], negatives.get("sample_num"))
        batches = EvaluationBatches(
            self.sample_size, self.step, sampled or bool(config["transform"])
        )
        # torch's loaders refuse another sampler once they are made
        object.__setattr__(self, "batch_sampler", batches)

    @wraps(stock_iter)
    def iterate(self: Any) -> Iterator[Any]:
        batches: Iterator[Any] = stock_iter(self)
        sampler = self.batch_sampler
        if isinstance(sampler, EvaluationBatches) and sampler.drawn:
            return sampler.scored(batches)
        return batches

    loader_class.__init__ = init
    loader_class.__iter__ = iterate


def _collect_from_all(module: ModuleType) -> None:
    """Let the collected rows be those of all processes, in the order of a single process."""
    stock = module.Collector.get_data_struct

    @wraps(stock)
    def get_data_struct(self: Any) -> Any:
        struct = stock(self)
        if self.config["single_spec"]:
            return struct
        import torch

        own = {key: struct.get(key) for key in _PER_ROW if key in struct}
        parts: list[Any] = [None] * torch.distributed.get_world_size()
        torch.distributed.all_gather_object(parts, own)
        for key in _PER_ROW:
            rows = [part[key] for part in parts if key in part]
            if rows:
                struct.set(key, torch.cat(rows))
        return struct

    module.Collector.get_data_struct = get_data_struct


def _evaluate_together(module: ModuleType) -> None:
    """Bring the processes to one state before an evaluation; leave its result as it is after."""
    trainer_class = module.Trainer
    stock = trainer_class.evaluate

    @wraps(stock)
    def evaluate(
        self: Any,
        eval_data: Any,
        load_best_model: bool = True,
        model_file: str | None = None,
        show_progress: bool = False,
    ) -> Any:
        if self.config["single_spec"] or not eval_data:
            return stock(self, eval_data, load_best_model, model_file, show_progress)
        import torch

        if load_best_model:
            torch.distributed.barrier()  # the first process may still be writing the file
        else:
            # batch norms on the CPU follow the batches of their own process
            for name, buffer in self.model.named_buffers():
                if name in self.model.state_dict():
                    torch.distributed.broadcast(buffer, 0)
        with _random_state_of_first():
            return stock(self, eval_data, load_best_model, model_file, show_progress)

    def map_reduce(self: Any, result: Any, num_sample: int) -> Any:
        """The result is already that of all processes."""
        return result

    trainer_class.evaluate = evaluate
    trainer_class._map_reduce = map_reduce


@contextmanager
def _random_state_of_first() -> Iterator[None]:
    """Draw what the first process draws; afterwards the others go on where they were."""
    import numpy as np
    import torch.distributed as dist

    own = random.getstate(), np.random.get_state()
    ours, numpys = from_first(own)
    random.setstate(ours)
    np.random.set_state(numpys)
    try:
        yield
    finally:
        if dist.get_rank() != 0:
            random.setstate(own[0])
            np.random.set_state(own[1])
