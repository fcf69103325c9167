"""The parts of a loss are logged by name where the model names them."""

from __future__ import annotations

import re
from types import SimpleNamespace
from typing import Any

import pytest

from recbole_cammsr.compat import trainer as shim


class _Board:
    def __init__(self) -> None:
        self.scalars: list[tuple[str, float, int]] = []

    def add_scalar(self, tag: str, value: float, step: int) -> None:
        self.scalars.append((tag, value, step))


def _trainer(decimals: int | None = None, **model: Any) -> Any:
    import recbole_cammsr  # noqa: F401

    shim.install()
    from recbole.trainer import Trainer

    made = Trainer.__new__(Trainer)
    made.config = {"loss_decimal_place": decimals}
    made.model = SimpleNamespace(**model)
    made.tensorboard = _Board()
    return made


def _plain(line: str) -> str:
    return re.sub(r"\x1b\[[0-9;]*m", "", line)


def test_names_are_shown() -> None:
    line = _trainer(loss_names=("items", "category"))._generate_train_loss_output(
        3, 1.0, 2.5, (0.25, 1.0)
    )
    assert _plain(line) == "epoch 3 training [time: 1.50s, items: 0.2500, category: 1.0000]"


def test_decimals_are_those_asked_for() -> None:
    line = _trainer(2, loss_names=["items"])._generate_train_loss_output(0, 0.0, 0.0, (0.125,))
    assert _plain(line).endswith("items: 0.12]")


def test_names_are_coloured_as_recbole_colours_its_own() -> None:
    numbered = _trainer()._generate_train_loss_output(0, 0.0, 0.0, (0.5, 0.5))
    named = _trainer(loss_names=("train_loss1", "train_loss2"))._generate_train_loss_output(
        0, 0.0, 0.0, (0.5, 0.5)
    )
    assert named == numbered


@pytest.mark.parametrize(
    ("names", "losses", "expected"),
    [
        (None, (0.5, 0.25), "train_loss1: 0.5000, train_loss2: 0.2500]"),
        (("one",), (0.5, 0.25), "train_loss1: 0.5000, train_loss2: 0.2500]"),
        (("one",), 0.5, "train loss: 0.5000]"),
        ("ab", (0.5, 0.25), "train_loss1: 0.5000, train_loss2: 0.2500]"),
    ],
)
def test_other_models_are_left_to_recbole(names: Any, losses: Any, expected: str) -> None:
    made = _trainer(**({} if names is None else {"loss_names": names}))
    line = made._generate_train_loss_output(0, 0.0, 1.0, losses)
    assert _plain(line) == f"epoch 0 training [time: 1.00s, {expected}"
    assert line == type(made)._generate_train_loss_output.__wrapped__(made, 0, 0.0, 1.0, losses)


def test_tensorboard_tags() -> None:
    named = _trainer(loss_names=("items", "category"))
    named._add_train_loss_to_tensorboard(7, (0.5, 0.25))
    assert named.tensorboard.scalars == [
        ("Loss/Train_items", 0.5, 7),
        ("Loss/Train_category", 0.25, 7),
    ]
    numbered = _trainer()
    numbered._add_train_loss_to_tensorboard(7, (0.5, 0.25))
    numbered._add_train_loss_to_tensorboard(8, 0.125)
    assert numbered.tensorboard.scalars == [
        ("Loss/Train0", 0.5, 7),
        ("Loss/Train1", 0.25, 7),
        ("Loss/Train", 0.125, 8),
    ]
    for trainer in (named, numbered):
        trainer._add_train_loss_to_tensorboard(9, (0.5, 0.25), "Loss/Later")
        assert all(tag.startswith("Loss/Later") for tag, _, _ in trainer.tensorboard.scalars[-2:])


def test_install_twice_wraps_once() -> None:
    made = type(_trainer())
    before = made._generate_train_loss_output
    shim.install()
    assert made._generate_train_loss_output is before
