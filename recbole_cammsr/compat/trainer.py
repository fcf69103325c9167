"""Shows the losses of a model by name where RecBole's trainer numbers them.

Extends ``recbole/trainer/trainer.py``: ``Trainer._generate_train_loss_output`` logs the parts of a
loss as ``train_loss1``, ``train_loss2`` and ``_add_train_loss_to_tensorboard`` tags them
``Loss/Train0``, ``Loss/Train1``, which says nothing where a part can be switched off. A model with
``loss_names``, one per part, has these shown; any other model is left to RecBole.
"""

from __future__ import annotations

from functools import wraps
from types import ModuleType
from typing import Any

from recbole_cammsr.compat.import_hooks import when_imported


def install() -> None:
    """Attach the hook; a second call has no effect."""
    when_imported("recbole.trainer.trainer", _show_names)


def _names(trainer: Any, losses: Any) -> tuple[str, ...] | None:
    """The names of these losses, or None where the model does not name all of them."""
    names = getattr(trainer.model, "loss_names", None)
    if not isinstance(losses, tuple) or not isinstance(names, (tuple, list)):
        return None
    return tuple(map(str, names)) if len(names) == len(losses) else None


def _show_names(module: ModuleType) -> None:
    trainer_class = module.Trainer
    stock_line = trainer_class._generate_train_loss_output
    stock_tags = trainer_class._add_train_loss_to_tensorboard

    @wraps(stock_line)
    def line(self: Any, epoch_idx: int, s_time: float, e_time: float, losses: Any) -> str:
        stock = str(stock_line(self, epoch_idx, s_time, e_time, losses))
        names = _names(self, losses)
        if names is None:
            return stock
        first = module.set_color("train_loss%d", "blue") % 1
        head, _, _ = stock.partition(first)
        digits = self.config["loss_decimal_place"] or 4
        parts = [
            f"{module.set_color(name, 'blue')}: {loss:.{digits}f}"
            for name, loss in zip(names, losses)
        ]
        return f"{head}{', '.join(parts)}]"

    @wraps(stock_tags)
    def tags(self: Any, epoch_idx: int, losses: Any, tag: str = "Loss/Train") -> None:
        names = _names(self, losses)
        if names is None:
            stock_tags(self, epoch_idx, losses, tag)
            return
        for name, loss in zip(names, losses):
            self.tensorboard.add_scalar(f"{tag}_{name}", loss, epoch_idx)

    trainer_class._generate_train_loss_output = line
    trainer_class._add_train_loss_to_tensorboard = tags
