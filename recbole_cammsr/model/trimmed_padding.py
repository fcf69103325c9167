"""RecBole's own sequential models without the padding they would compute: ``trim_padding: True``.

RecBole pads every history to ``MAX_ITEM_LIST_LENGTH`` items. Where most are short, most of an
epoch goes into positions that no result depends on. The rows of a batch are taken in order of
length, some at a time, each lot cut to its longest history. Batches, loss, gradient and scores
stay the model's own; only dropout draws other numbers, since there are fewer positions to draw for.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm

from recbole_cammsr.model.length_order import in_order_of_length

#: rows that go through the model together at most
ROWS = 128
#: rows that the check compares, and how far they may differ, as a share of the largest entry
CHECKED_ROWS = 16
TOLERANCE = 1e-3


class TrimmedPadding(nn.Module):
    """Stands before a model's class.

    Attributes:
        setting: what switches it on.
        purpose: what a model must be able to do for it.
    """

    setting = "trim_padding"
    purpose = "leave their padding out"

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
        self._require_equal(
            item_seq[rows],
            item_seq_len[rows],
            lambda seq, length: self._stock(seq[:, :longest], length),
            TOLERANCE,
            fails="cannot read a shorter batch",
            differs="reads its padding",
        )
        self._is_checked = True

    def _require_equal(
        self,
        item_seq: torch.Tensor,
        item_seq_len: torch.Tensor,
        faster: Callable[[torch.Tensor, torch.Tensor], torch.Tensor],
        tolerance: float,
        fails: str,
        differs: str,
    ) -> None:
        """Refuse a model whose vectors are others when they are made in another way.

        Args:
            item_seq: ``(n, L)``, padded.
            item_seq_len: ``(n,)``.
            faster: the other way, of both.
            tolerance: the largest difference, as a share of the largest entry.
            fails: what is wrong with a model that the other way gives an error for.
            differs: what is wrong with a model of other vectors.
        """
        if any(isinstance(part, _BatchNorm) for part in self.modules()):
            raise ValueError(self._refusal("normalises over the batch, padding included"))
        modes = {part: part.training for part in self.modules()}
        self.eval()
        try:
            with torch.no_grad(), torch.autocast(item_seq.device.type, enabled=False):
                own = self._stock(item_seq, item_seq_len)
                if not isinstance(own, torch.Tensor):
                    raise ValueError(self._refusal("gives more than one vector a history"))
                try:
                    other = faster(item_seq, item_seq_len)
                except torch.cuda.OutOfMemoryError:
                    raise  # no fault of the model's
                except (RuntimeError, IndexError) as error:
                    raise ValueError(self._refusal(fails)) from error
        finally:
            for part, mode in modes.items():
                part.training = mode
        shape = other.shape if isinstance(other, torch.Tensor) else None
        if shape != own.shape or own.shape[0] != len(item_seq):
            raise ValueError(self._refusal("does not give one vector a history"))
        difference = float((own - other).abs().max())
        if not difference <= tolerance * float(own.abs().max()):
            raise ValueError(self._refusal(f"{differs} (vectors differ by {difference:g})"))

    def _refusal(self, reason: str) -> str:
        return f"{self.setting}: {type(self).__name__} {reason}; set {self.setting}: False"
