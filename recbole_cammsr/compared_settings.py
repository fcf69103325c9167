"""The settings that RecBole compares before it uses a pickled data set or loader again."""

from __future__ import annotations

from collections import UserList
from collections.abc import Iterable
from typing import Any

#: where a pickled data set came from is not compared by RecBole, nor how its files were read, nor
#: whether the batches of pickled loaders are in a new order every epoch
_MORE = ("data_path", "encoding", "shuffle")


class ComparedSettings(UserList[str]):
    """RecBole's own list, to which a comparison adds some.

    A copy would not do: a ``Config`` adds to RecBole's list the settings in its file of a data set.

    Args:
        shared: RecBole's list, or one of these.
    """

    def __init__(self, shared: Any) -> None:
        super().__init__()
        self.data = shared

    def __add__(self, others: Iterable[str]) -> list[str]:  # type: ignore[override]
        return [*self.data, *_MORE, *others]
