"""A model under measurement: start-up, training and ranking with RecBole's own classes."""

from __future__ import annotations

import gc
import statistics
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from recbole_cammsr.analysis import speed_contenders as contenders
from recbole_cammsr.analysis import speed_sources
from recbole_cammsr.analysis.speed_contenders import Conditions, Contender
from recbole_cammsr.analysis.speed_meter import Meter, Stretch, prepare_torch
from recbole_cammsr.analysis.speed_sources import DataSource
from recbole_cammsr.data.packing import targets_in

#: batches whose shapes the encoder's floor takes over
_SHAPES = 64
#: epochs that are begun for the time that it takes
_BEGINNINGS = 3


@dataclass(frozen=True)
class Description:
    """What the floors must know of packed training.

    Attributes:
        items: catalogue size, padding included.
        targets: training targets in an epoch.
        rows: rows that are ranked.
        iterator_seconds: making an epoch's iterator and its first batch, median of a few.
        shapes: ``(rows, longest history, targets)`` of batches as drawn in training.
        encoder: arguments of the history encoder.
    """

    items: int
    targets: int
    rows: int
    iterator_seconds: float
    shapes: tuple[tuple[int, int, int], ...] = ()
    encoder: dict[str, Any] | None = None


class ModelRun:
    """A model of RecBole's kind: its data set, loaders and trainer, all RecBole's own.

    Args:
        contender: the model.
        source: the data.
        conditions: what all contenders share.
    """

    def __init__(self, contender: Contender, source: DataSource, conditions: Conditions) -> None:
        prepare_torch(conditions)
        self.contender, self.source, self.conditions = contender, source, conditions
        self.config = self._make_config()
        self.loaders: Any = None
        self.trainer: Any = None
        self._batches: Iterator[Any] | None = None
        self._loss: Callable[..., Any] | None = None
        self._beginning_seconds = 0.0
        self.meter = Meter(conditions.device)

    def _make_config(self) -> Any:
        from recbole.config import Config

        settings = contenders.settings_of(self.contender, self.source, self.conditions)
        if self.contender.model != contenders.HM4SR:
            from recbole.utils import get_model

            self._class: Any = get_model(self.contender.model)
            return Config(self.contender.model, self.source.dataset, config_dict=settings)
        from recbole_cammsr.analysis import hm4sr_checkout

        checkout = hm4sr_checkout.check(self.contender.checkout or "")
        dimensions = [raw.values.shape[1] for raw in speed_sources.feature_files(self.source)]
        self._class = hm4sr_checkout.model_class(checkout, self.conditions.device, dimensions)
        return Config(
            self._class,
            self.source.dataset,
            config_file_list=[str(checkout / hm4sr_checkout.SETTINGS_FILE)],
            config_dict=settings,
        )

    # ---------------------------------------------------------------- stretches

    def start_up(self) -> Stretch:
        """Create data set and loaders, as a training run does first."""
        from recbole.data import create_dataset, data_preparation

        self.loaders = self.trainer = self._batches = None
        gc.collect()

        def create() -> int:
            dataset = create_dataset(self.config)
            self.loaders = data_preparation(self.config, dataset)
            return len(dataset)

        return self.meter.measure(create)

    def describe(self) -> Description:
        """Build the model and its trainer (not timed), and say what an epoch is."""
        from recbole.utils import get_trainer, init_seed

        train, valid, _ = self.loaders
        init_seed(self.config["seed"], self.config["reproducibility"])
        if self.contender.model == contenders.HM4SR:
            self._write_hm4sr_files(train._dataset)
        model = self._class(self.config, train._dataset).to(self.config["device"])
        if self.contender.model == contenders.HM4SR:
            from recbole_cammsr.analysis import hm4sr_checkout

            hm4sr_checkout.mend_interval_index(model)
        self.trainer = get_trainer(self.config["MODEL_TYPE"], self.config["model"])(
            self.config, model
        )
        self.trainer.eval_collector.data_collect(train)
        if self.conditions.compile and self.contender.model not in ("CAMMSR", contenders.HM4SR):
            import torch

            self._loss = torch.compile(model.calculate_loss, dynamic=True)
        packed = getattr(train._dataset, "packed", None)
        return Description(
            items=model.n_items,
            targets=len(train._dataset.inter_feat),
            rows=len(valid._dataset.inter_feat),
            iterator_seconds=statistics.median(self._begin_epoch()[2] for _ in range(_BEGINNINGS)),
            shapes=() if packed is None else _shapes(train, model.ITEM_SEQ),
            encoder=None if packed is None else _encoder_arguments(self.config),
        )

    def warm_up(self) -> None:
        """One training step that is not timed: lazy state, caches, compilation."""
        self._train(1)

    def train(self, batches: int | None) -> Stretch:
        """Training steps of RecBole's trainer, batches drawn as in training.

        Args:
            batches: how many; None is an epoch.

        Returns:
            What it took; of a part of an epoch without the iterators that were made on the way,
            which an epoch makes once, however many parts of it are measured.
        """
        stretch = self.meter.measure(lambda: self._train(batches))
        if batches is None:
            return stretch
        return replace(stretch, seconds=stretch.seconds - self._beginning_seconds)

    def rank(self) -> Stretch:
        """Full ranking of validation rows, metrics included."""
        valid = self._ranked()

        def work() -> int:
            self.trainer.evaluate(valid, load_best_model=False, show_progress=False)
            return len(valid._dataset.inter_feat)

        return self.meter.measure(work)

    # ---------------------------------------------------------------- parts

    def _ranked(self) -> Any:
        """The validation loader, or one of its kind over some of its rows."""
        valid, rows = self.loaders[1], self.conditions.rank_rows
        total = len(valid._dataset.inter_feat)
        if rows is None or rows >= total:
            return valid
        spread = np.arange(rows) * total // rows
        part = valid._dataset.copy(valid._dataset.inter_feat[spread])
        return type(valid)(self.config, part, valid._sampler, shuffle=False)

    def _train(self, batches: int | None) -> int:
        self._beginning_seconds = 0.0
        drawn = CountedBatches(self._draw(batches))
        self.trainer._train_epoch(drawn, 0, loss_func=self._loss)
        return drawn.targets

    def _draw(self, batches: int | None) -> Iterator[Any]:
        if batches is None:
            yield from self.loaders[0]
            return
        for _ in range(batches):
            batch = None if self._batches is None else next(self._batches, None)
            if batch is None:  # an epoch is over, or none has begun
                self._batches, batch, seconds = self._begin_epoch()
                self._beginning_seconds += seconds
            yield batch

    def _begin_epoch(self) -> tuple[Iterator[Any], Any, float]:
        """A new iterator, its first batch, and the seconds that both took."""
        begin = self.meter.now()
        batches = iter(self.loaders[0])
        first = next(batches)
        return batches, first, self.meter.now() - begin

    def _write_hm4sr_files(self, dataset: Any) -> None:
        import torch

        from recbole_cammsr.analysis import hm4sr_checkout
        from recbole_cammsr.data.feature_table import align

        token_to_id = dataset.field2token_id[dataset.iid_field]
        files = speed_sources.feature_files(self.source)
        every = torch.arange(dataset.item_num)
        tables = [
            align(raw, modality, token_to_id).rows(every)
            for modality, raw in zip(self.source.modalities, files)
        ]
        labels = speed_sources.labels(self.source, dataset)
        longest = self.config["MAX_ITEM_LIST_LENGTH"]
        hm4sr_checkout.write_files(".", dataset, tables, labels, longest)


class CountedBatches:
    """Passes batches on and counts their targets.

    Args:
        batches: RecBole interactions, of packed or of prefix rows.
    """

    def __init__(self, batches: Iterator[Any]) -> None:
        self._batches = batches
        self.targets = 0

    def __iter__(self) -> Iterator[Any]:
        for batch in self._batches:
            self.targets += targets_in(batch)
            yield batch


def _shapes(train: Any, history_field: str) -> tuple[tuple[int, int, int], ...]:
    shapes = []
    for batch in train:
        rows, longest = batch[history_field].shape
        shapes.append((rows, longest, targets_in(batch)))
        if len(shapes) == _SHAPES:
            break
    return tuple(shapes)


def _encoder_arguments(config: Any) -> dict[str, Any]:
    from recbole_cammsr.model.transformer_block import block_options

    return {
        **block_options(config),
        "max_length": config["MAX_ITEM_LIST_LENGTH"],
        "layers": config["n_layers"],
        "intervals": 0,  # what times add is not part of the floor
        "norm": config["norm"],
        "norm_first": bool(config["norm_first"]),
        "position_encoding": config["position_encoding"],
        "position_slope": config["position_slope"],
    }
