"""The vectors of all items, kept between the batches of a ranking."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from recbole.model.abstract_recommender import SequentialRecommender
from torch.optim.optimizer import register_optimizer_step_post_hook

from recbole_cammsr.model.item_table import RankingTable, precision_of_products

#: how many steps optimisers have taken in this process: fused ones change parameters in place
#: without a trace
_steps_taken = 0


def _note_step(*_: Any) -> None:
    global _steps_taken
    _steps_taken += 1


register_optimizer_step_post_hook(_note_step)


class KeptItemTable(SequentialRecommender):
    """A sequential model whose items do not depend on who looks at them."""

    _table: RankingTable | None = None
    #: precision, steps and state of the parameters that the kept table was made with
    _table_made_with: tuple[Any, ...] = ()

    def make_ranking_table(self) -> RankingTable:
        """The vectors of all items, computed anew.

        Returns:
            The table, rows indexed by item id.
        """
        raise NotImplementedError(f"{type(self).__name__} does not say how items become vectors")

    def ranking_table(self) -> RankingTable:
        """The vectors that ranking needs of every item.

        They depend on nothing but the item, so they are made once: in eval mode without gradients
        the table is kept until a parameter is changed in place, an optimiser takes a step, the
        model is loaded, moved or switched to another mode, or asked in another precision. What is
        written to ``parameter.data`` leaves no trace: call :meth:`forget_items` after it.

        Returns:
            The table, rows indexed by item id.
        """
        if self.training or torch.is_grad_enabled():
            return self.make_ranking_table()
        precision = precision_of_products(next(self.parameters()))
        made_with = (precision, _steps_taken, *self._parameter_states())
        if self._table is None or self._table_made_with != made_with:
            self.forget_items()
            self._table, self._table_made_with = self.make_ranking_table(), made_with
        return self._table

    def _parameter_states(self) -> Iterator[tuple[int, int]]:
        """Which each parameter is, and how often it was changed (untold in inference mode)."""
        for each in self.parameters():
            yield id(each), 0 if each.is_inference() else each._version

    def forget_items(self) -> None:
        """Drop what is kept of items: parameters, mode or device are about to change."""
        self._table = None

    def train(self, mode: bool = True) -> KeptItemTable:
        """Switch mode; drops the kept item table."""
        self.forget_items()
        super().train(mode)
        return self

    def load_state_dict(self, state_dict: Any, *args: Any, **kwargs: Any) -> Any:
        """Load parameters; drops the kept item table."""
        self.forget_items()
        return super().load_state_dict(state_dict, *args, **kwargs)

    def _apply(self, *args: Any, **kwargs: Any) -> Any:
        self.forget_items()
        return super()._apply(*args, **kwargs)
