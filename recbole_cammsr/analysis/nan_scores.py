"""Refuses scores that are no numbers, which ``topk`` would rank before all others."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch


@contextmanager
def refused(trainer: Any) -> Iterator[None]:
    """Look at everything that a trainer evaluates inside the block.

    ``topk`` ranks NaN first, in the order of the items' numbers: a model that learned nothing gets
    figures that look like a model's, and can win a validation.

    Args:
        trainer: of RecBole.

    Raises:
        ValueError: a score is NaN. The -inf of items that are not to be ranked may stand.
    """
    collector = trainer.eval_collector
    stock = collector.eval_batch_collect

    def collect(scores: torch.Tensor, rows: Any, row: torch.Tensor, item: torch.Tensor) -> None:
        if torch.isnan(scores).any():
            model = type(trainer.model).__name__
            raise ValueError(
                f"{model} scores items with NaN, which is no number, so nothing can be ranked; "
                "lower `learning_rate`, or look for a division by zero in the model"
            )
        stock(scores, rows, row, item)

    collector.eval_batch_collect = collect
    try:
        yield
    finally:
        collector.eval_batch_collect = stock
