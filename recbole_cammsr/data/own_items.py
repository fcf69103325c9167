"""What a user has before each row: all earlier items, beyond the window that a model reads."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import Any

import torch

# hidden columns: where a row's target stands among the items of all owners, and which owner those
# before it are of, where that is not the user. In a file's first line a colon ends a column's name,
# so that no column can be taken for them
_PLACE, _OWNER = "history:place", "history:owner"


@dataclass(frozen=True)
class OwnItems:
    """Items of all users, by user and time, or of all rows that bring their own.

    Attributes:
        items: ``(I,)``, oldest first; an owner's, user or row, stand together.
        begin: ``(n_owners,)`` where those of each owner begin.
    """

    items: torch.Tensor
    begin: torch.Tensor

    @classmethod
    def of(cls, users: torch.Tensor, items: torch.Tensor, n_users: int) -> OwnItems:
        """Sort out whose each item is.

        Args:
            users: ``(I,)``, equal ones together.
            items: ``(I,)``, a user's in the order of time.
            n_users: of the data set, padding included.
        """
        present, counts = users.unique_consecutive(return_counts=True)
        begin = torch.zeros(n_users, dtype=torch.long)
        begin[present.long()] = counts.cumsum(0) - counts
        return cls(items, begin)

    def before(
        self, owners: torch.Tensor, places: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Items that owners have before some places.

        Args:
            owners: ``(B,)``.
            places: ``(B,)`` index in ``items``.

        Returns:
            Row and item of each, ``(n,)`` each.
        """
        begin = self.begin[owners.long()]
        counts = places - begin
        row = torch.arange(len(places)).repeat_interleave(counts)
        within = torch.arange(len(row)) - (counts.cumsum(0) - counts)[row]
        return row, self.items[begin[row] + within]


def offer(module: Any) -> None:
    """Let RecBole's sequential data sets know whole histories where ``mask_history`` is set.

    Args:
        module: ``recbole.data.dataset``.
    """
    dataset_class = module.SequentialDataset
    original = dataset_class.data_augmentation

    @functools.wraps(original)
    def data_augmentation(self: Any) -> None:
        original(self)
        if self.config["mask_history"]:
            _note_rows(self)

    dataset_class.data_augmentation = data_augmentation


def note(
    dataset: Any, users: torch.Tensor, items: torch.Tensor, places: torch.Tensor
) -> dict[str, torch.Tensor]:
    """Keep the interactions of a data set, whose split rows will know where they stand in them.

    Args:
        dataset: its ``inter_feat`` is not split yet.
        users: ``(I,)`` of all interactions, by user and time.
        items: ``(I,)``.
        places: ``(N,)`` index of each row's target among all interactions.

    Returns:
        The column that the rows need for it.
    """
    dataset.own_items = OwnItems.of(users, items, dataset.user_num)
    return {_PLACE: places}


def note_given(dataset: Any, items: torch.Tensor, lengths: torch.Tensor) -> dict[str, torch.Tensor]:
    """Keep the whole histories that rows bring, of which they will have the last items.

    Args:
        dataset: its ``inter_feat`` is not split yet.
        items: ``(I,)`` of all rows' histories, one after the other.
        lengths: ``(N,)`` of each row's history.

    Returns:
        The columns that the rows need for it.
    """
    ends = lengths.cumsum(0)
    dataset.own_items = OwnItems(items, ends - lengths)
    return {_PLACE: ends, _OWNER: torch.arange(len(lengths))}


def _note_rows(dataset: Any) -> None:
    """The same of prefix rows as RecBole makes them: by user, one for each item but the first."""
    rows = dataset.inter_feat
    users, targets = rows[dataset.uid_field], rows[dataset.iid_field]
    opens = torch.ones(len(users), dtype=torch.bool)
    opens[1:] = users[1:] != users[:-1]
    places = torch.arange(len(users)) + opens.cumsum(0)
    first = places[opens] - 1
    total = len(users) + len(first)
    all_users, items = users.new_empty(total), targets.new_empty(total)
    all_users[places], items[places] = users, targets
    all_users[first] = users[opens]
    history = dataset.iid_field + dataset.config["LIST_SUFFIX"]
    items[first] = rows[history][opens, 0]
    rows.update(type(rows)(note(dataset, all_users, items, places)))


def had_before(dataset: Any, rows: Any) -> tuple[torch.Tensor, torch.Tensor] | None:
    """What the users of some rows have before them.

    Args:
        dataset: that the rows are of.
        rows: ``B`` rows of it.

    Returns:
        Row and item of each, ``(n,)`` each; None where no more is known than the rows have: for
        those that were split in files, unless they have lost items since, and data sets of models
        that make their rows themselves.
    """
    own: OwnItems | None = getattr(dataset, "own_items", None)
    if own is None or _PLACE not in rows.interaction:
        return None
    owners = rows[_OWNER] if _OWNER in rows.interaction else rows[dataset.uid_field]
    return own.before(owners, rows[_PLACE])
