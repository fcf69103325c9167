"""RecBole's own causal models in packed training: ``train_packing: True``.

RecBole turns a history of n items into a training row for each of its prefixes, and a model reads
the first item n - 1 times. Where its state after an item depends on no later one, the states of
the longest row are those of all: it alone goes through the model, and where the model takes the
state after a row's last item out of it (``gather_indexes``), it is given those after each prefix.
Rows, loss and gradient stay the model's own. What the prefixes of a history share is what dropout
draws for it.
"""

from __future__ import annotations

import torch

from recbole_cammsr.model import trimmed_padding
from recbole_cammsr.model.trimmed_padding import TrimmedPadding

#: how far the vectors of the check may differ, as a share of the largest entry: a model that has
#: not been trained looks at later items only a little
TOLERANCE = 1e-4
#: histories of which the check compares the shortest prefix, one in the middle and the longest
CHECKED_RUNS = 5


def prefix_runs(item_seq: torch.Tensor, item_seq_len: torch.Tensor) -> torch.Tensor:
    """Which rows of a batch continue the row before them.

    Args:
        item_seq: ``(B, L)``, padded on the right with 0.
        item_seq_len: ``(B,)``, 1 to L.

    Returns:
        ``(B,)`` the number of each row's run, ascending from 0. Every row of a run begins with
        the whole row before it, so that all are prefixes of the last one.
    """
    shorter = item_seq_len[:-1]
    inside = torch.arange(item_seq.shape[1], device=item_seq.device) < shorter.unsqueeze(1)
    begins_with = ((item_seq[1:] == item_seq[:-1]) | ~inside).all(1)
    continues = begins_with & (item_seq_len[1:] >= shorter)
    return torch.cat((continues.new_zeros(1), ~continues)).cumsum(0)


class SharedPrefixes(TrimmedPadding):
    """Stands before a model's class."""

    setting = "train_packing"
    purpose = "share the prefixes of a history"

    _is_sharing_checked = False
    #: while rows are shared: whose states they are, and after which of its items, ``(n,)`` each
    _shared: tuple[torch.Tensor, torch.Tensor] | None = None

    def forward(self, item_seq: torch.Tensor, item_seq_len: torch.Tensor) -> torch.Tensor:
        """The model's own vectors of histories.

        Args:
            item_seq: ``(B, L)``, padded on the right with 0; rows that continue one another stand
                together, the shortest first.
            item_seq_len: ``(B,)``, 1 to L.

        Returns:
            ``(B, d)``.

        Raises:
            ValueError: at the first batch, if items or padding after a row's end change its vector.
        """
        if not self.training:
            return super().forward(item_seq, item_seq_len)
        if not self._is_sharing_checked:
            self._check_sharing(item_seq, item_seq_len)
        return self._of_the_longest(item_seq, item_seq_len)

    def gather_indexes(self, output: torch.Tensor, gather_index: torch.Tensor) -> torch.Tensor:
        """The states after each row's last item, of rows that are shared too.

        Args:
            output: ``(U, L, d)`` states.
            gather_index: ``(U,)`` a row's last position.

        Returns:
            ``(U, d)``, or ``(n, d)`` for the n rows that share these.
        """
        if self._shared is not None:
            return output[self._shared]
        vectors: torch.Tensor = super().gather_indexes(output, gather_index)  # type: ignore[misc]
        return vectors

    def _of_the_longest(self, item_seq: torch.Tensor, item_seq_len: torch.Tensor) -> torch.Tensor:
        run = prefix_runs(item_seq, item_seq_len)
        sizes = run.bincount()
        longest_row = sizes.cumsum(0) - 1
        order = item_seq_len[longest_row].argsort()
        place = order.argsort()
        # rows in the order in which their runs are taken, and how many of them each lot holds
        rows = place[run].argsort(stable=True)
        lots = order.split(trimmed_padding.ROWS)
        rows_of_lot = rows.split([int(sizes[lot].sum()) for lot in lots])
        vectors = []
        try:
            for number, (lot, members) in enumerate(zip(lots, rows_of_lot)):
                longest = longest_row[lot]
                first = number * trimmed_padding.ROWS
                self._shared = (place[run[members]] - first, item_seq_len[members] - 1)
                length = item_seq_len[longest]
                vectors.append(self._stock(item_seq[longest, : int(length[-1])], length))
        finally:
            self._shared = None
        encoded = torch.cat(vectors)
        if len(encoded) != len(rows):
            raise ValueError(self._refusal("does not take its states with gather_indexes"))
        return torch.empty_like(encoded).index_copy_(0, rows, encoded)

    def _check_sharing(self, item_seq: torch.Tensor, item_seq_len: torch.Tensor) -> None:
        """Compare some rows that are shared with what they are alone; nothing random is drawn."""
        sizes = prefix_runs(item_seq, item_seq_len).bincount()
        # several runs: with a single one, one row broadcasts to all others
        longest = sizes.argsort(descending=True, stable=True)[:CHECKED_RUNS]
        longest = longest[sizes[longest] > 1]
        if len(longest) == 0:
            return  # a batch in which nothing is shared: a later one may have something
        size, end = sizes[longest], sizes.cumsum(0)[longest]
        # a model may read the first items of every row alike, and the last ones only of some
        rows = torch.cat((end - size, end - size + size // 2, end - 1)).unique()
        self._require_equal(
            item_seq[rows],
            item_seq_len[rows],
            self._of_the_longest,
            TOLERANCE,
            fails="needs every prefix of a history as a row of its own",
            differs="reads items or padding after the end of a row",
        )
        self._is_sharing_checked = len(longest) > 1
