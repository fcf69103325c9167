"""RecBole's own sequential models without the padding they would compute: ``trim_padding: True``.

RecBole pads every history to ``MAX_ITEM_LIST_LENGTH`` items. Where most are short, most of an
epoch goes into positions that no result depends on. The rows of a batch are taken in order of
length, some at a time, each lot cut to its longest history. Batches, loss, gradient and scores
stay the model's own; only dropout draws other numbers, since there are fewer positions to draw for.
"""

from __future__ import annotations

import functools
import inspect
from types import ModuleType
from typing import Any

import torch
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm

from recbole_cammsr.model.length_order import in_order_of_length

#: rows that go through the model together; fewer waste less padding and cost more calls
ROWS = 128
#: rows that the check compares, and how far they may differ, as a share of the largest entry
CHECKED_ROWS = 16
TOLERANCE = 1e-3


def offer(module: ModuleType) -> None:
    """Let every RecBole model that is given ``trim_padding: True`` leave its padding out.

    Args:
        module: ``recbole.model.abstract_recommender``.
    """
    base = module.SequentialRecommender
    original = base.__init__

    @functools.wraps(original)
    def initialise(self: Any, config: Any, dataset: Any) -> None:
        original(self, config, dataset)
        if _is_wanted(config) and not _is_ours(type(self)) and not _is_trimmed(type(self)):
            self.__class__ = trimmed(type(self))  # type: ignore[arg-type]

    base.__init__ = initialise


@functools.cache
def trimmed(model_class: type) -> type:
    """A model's class with a ``forward`` that computes no padding but what the lots leave.

    Args:
        model_class: has ``forward(item_seq, item_seq_len)`` that gives one vector a row.

    Returns:
        A subclass of the same name.

    Raises:
        ValueError: ``forward`` takes something else.
    """
    taken = list(inspect.signature(model_class.forward).parameters)[1:]  # type: ignore[attr-defined]
    if taken != ["item_seq", "item_seq_len"]:
        raise ValueError(
            f"trim_padding: forward of {model_class.__name__} takes ({', '.join(taken)}); only "
            "models that take (item_seq, item_seq_len) can leave their padding out; "
            "set trim_padding: False"
        )
    same_name = {"__module__": model_class.__module__, "__qualname__": model_class.__qualname__}
    return type(model_class.__name__, (_TrimmedPadding, model_class), same_name)


class _TrimmedPadding(nn.Module):
    """Stands before a model's class."""

    _is_checked = False

    def forward(self, item_seq: torch.Tensor, item_seq_len: torch.Tensor) -> torch.Tensor:
        """The model's own vectors of histories.

        Args:
            item_seq: ``(B, L)``, padded on the right with 0.
            item_seq_len: ``(B,)``, 1 to L.

        Returns:
            ``(B, d)``.

        Raises:
            ValueError: at the first batch, if what stands in the padding changes the result.
        """
        if not self._is_checked:
            self._check(item_seq, item_seq_len)

        def encode(rows: torch.Tensor, longest: int) -> torch.Tensor:
            return self._stock(item_seq[rows, :longest], item_seq_len[rows])

        return in_order_of_length(item_seq_len, ROWS, encode)

    def _stock(self, item_seq: torch.Tensor, item_seq_len: torch.Tensor) -> torch.Tensor:
        vectors: torch.Tensor = super().forward(item_seq, item_seq_len)
        return vectors

    def _check(self, item_seq: torch.Tensor, item_seq_len: torch.Tensor) -> None:
        """Compare some of the shortest rows with and without padding; nothing random is drawn."""
        rows = item_seq_len.argsort()[:CHECKED_ROWS]
        longest = int(item_seq_len[rows[-1]])
        if longest == item_seq.shape[1]:
            return  # a batch without padding: a later one may have some
        if any(isinstance(part, _BatchNorm) for part in self.modules()):
            raise ValueError(self._refusal("normalises over the batch, padding included"))
        modes = {part: part.training for part in self.modules()}
        self.eval()
        try:
            with torch.no_grad(), torch.autocast(item_seq.device.type, enabled=False):
                whole = self._stock(item_seq[rows], item_seq_len[rows])
                cut = self._stock(item_seq[rows, :longest], item_seq_len[rows])
        except (RuntimeError, IndexError) as error:
            raise ValueError(self._refusal("cannot read a shorter batch")) from error
        finally:
            for part, mode in modes.items():
                part.training = mode
        if cut.shape != whole.shape or whole.shape[0] != len(rows):
            raise ValueError(self._refusal("does not give one vector a history"))
        difference = float((whole - cut).abs().max())
        if not difference <= TOLERANCE * float(whole.abs().max()):
            raise ValueError(self._refusal(f"reads its padding (vectors differ by {difference:g})"))
        self._is_checked = True

    def _refusal(self, reason: str) -> str:
        return f"trim_padding: {type(self).__name__} {reason}; set trim_padding: False"


def _is_ours(model_class: type) -> bool:
    """Whether a model is of this package: packed rows and rows in order of length need no help."""
    return model_class.__module__.partition(".")[0] == __name__.partition(".")[0]


def _is_trimmed(model_class: type) -> bool:
    """Whether it has been done: somebody made another model of a model's own type."""
    return issubclass(model_class, _TrimmedPadding)


def _is_wanted(config: Any) -> bool:
    value = config["trim_padding"]  # None where it is not set
    if value not in (None, True, False):
        raise ValueError(f"trim_padding is {value!r}; it must be True or False")
    return bool(value)
