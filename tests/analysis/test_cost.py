"""What a run costs; operations of whole models: test_run_job."""

from __future__ import annotations

import time
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from recbole.data.interaction import Interaction
from torch import nn

from recbole_cammsr.analysis.cost import EpochClock, flops, parameters
from recbole_cammsr.analysis.run_job import _operations
from recbole_cammsr.data.packing import TARGET_COUNT_FIELD


class TwoLosses(nn.Module):
    """Scores by one product and learns from two of them."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(5, 7))
        self.kept = nn.Parameter(torch.ones(5, 7), requires_grad=False)
        self.dropped_out: list[bool] = []

    def full_sort_predict(self, rows: Any) -> torch.Tensor:
        """Scores of all items."""
        return rows["x"] @ self.weight

    def calculate_loss(self, rows: Any) -> tuple[torch.Tensor, torch.Tensor]:
        """A loss and a second one."""
        self.dropped_out.append(self.training)
        return (rows["x"] @ self.weight).sum(), (rows["x"] @ self.weight).square().sum()


def rows_of(count: int, targets: int = 1) -> Interaction:
    """So many packed rows."""
    return Interaction(
        {"x": torch.ones(count, 5), TARGET_COUNT_FIELD: torch.full((count,), targets)}
    )


@pytest.mark.parametrize(("bigger", "best"), [(True, 2), (False, 3)])
def test_the_best_epoch_is_the_last_of_equals_in_either_direction(
    monkeypatch: pytest.MonkeyPatch, bigger: bool, best: int
) -> None:
    now = [0.0]
    monkeypatch.setattr(time, "perf_counter", lambda: now[0])
    clock = EpochClock(SimpleNamespace())
    assert clock.best(bigger) == (None, None)
    for number, score in enumerate((0.1, 0.5, 0.5, 0.1, 0.3)):
        now[0] = 10.0 * (number + 1)
        clock.validated(2 * number + 1, score)  # validated every second epoch, which count from 0
    assert clock.best(bigger) == (2 * best + 2, 10.0 * (best + 1))


def test_what_is_not_trained_is_no_parameter() -> None:
    assert parameters(TwoLosses()) == 35


def test_every_loss_is_counted_and_nothing_of_it_is_left_in_the_model() -> None:
    model = TwoLosses()
    scoring, training = flops(model, rows_of(3), rows_of(2), 2)
    assert scoring == 2 * 5 * 7
    assert training == 2 * 2 * (2 * 3 * 5 * 7)  # of both losses, forward and backward
    assert model.dropped_out == [True]
    assert not model.training
    assert all(parameter.grad is None for parameter in model.parameters())


def test_operations_of_training_are_those_of_a_target_not_of_a_packed_row() -> None:
    trainer = SimpleNamespace(model=TwoLosses(), device=torch.device("cpu"))
    valid = [(rows_of(2), None, None, None)]
    loader = type("Loader", (list,), {"_dataset": SimpleNamespace(inter_feat=rows_of(6))})(valid)
    found = _operations(trainer, [rows_of(3, targets=4)], loader)
    assert found == {
        "score_flops": 2 * 5 * 7,
        "train_flops": 2 * 2 * (2 * 3 * 5 * 7) / (3 * 4),
    }
