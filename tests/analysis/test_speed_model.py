"""A model under measurement: what of its work belongs to a stretch of training."""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from recbole_cammsr.analysis.generated_data import DataSize
from recbole_cammsr.analysis.speed_contenders import CONTENDERS, Conditions
from recbole_cammsr.analysis.speed_model import ModelRun
from recbole_cammsr.analysis.speed_sources import generated_source


class SlowToBegin:
    """A loader whose iterators take seconds of a clock that nothing else moves."""

    def __init__(self, loader: Any, clock: list[float], seconds: list[float]) -> None:
        self.loader, self.clock, self.seconds = loader, clock, iter(seconds)
        self._dataset = loader._dataset

    def __iter__(self) -> Iterator[Any]:
        self.clock[0] += next(self.seconds)
        return iter(self.loader)


@pytest.fixture
def subject(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ModelRun]:
    import torch

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["benchmark"])
    level, threads = logging.getLogger().level, torch.get_num_threads()
    size = DataSize(users=30, items=20, interactions=200, modalities=1, dimension=4, categories=3)
    yield ModelRun(
        CONTENDERS["sasrec"], generated_source(size, tmp_path), Conditions(batch_size=64)
    )
    logging.getLogger().setLevel(level)
    torch.set_num_threads(threads)


def test_beginning_an_epoch_is_told_apart_from_the_batches(subject: ModelRun) -> None:
    """It is added to an epoch once, however many parts of one were measured on the way."""
    subject.start_up()
    clock = [0.0]
    subject.meter.now = lambda: clock[0]  # type: ignore[method-assign]
    beginnings = [90.0, 2.0, 3.0, *[5.0] * 20]  # the first is cold
    train, *others = subject.loaders
    subject.loaders = (SlowToBegin(train, clock, beginnings), *others)
    assert subject.describe().iterator_seconds == 3.0
    begun = clock[0]
    subject.warm_up()
    stretch = subject.train(3 * len(train))
    assert clock[0] - begun >= 3 * 5.0
    assert stretch.seconds == 0.0
    assert subject.train(None).seconds == 5.0  # a whole epoch has its own
