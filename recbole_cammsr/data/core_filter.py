"""K-core filtering on integer codes: the rows that RecBole's loop over counters keeps.

Mends the cost of ``recbole.data.dataset.Dataset._filter_by_inter_num``, which counts, bans and
drops by token in every round.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

#: says of an array of counts which of them are allowed
Allowed = Callable[[np.ndarray], np.ndarray]


def rows_of_core(
    users: np.ndarray, items: np.ndarray, user_allowed: Allowed, item_allowed: Allowed
) -> np.ndarray:
    """Drop users and items whose number of interactions is not allowed until none is left.

    Args:
        users: ``(I,)`` codes, 0, 1, 2 ...
        items: ``(I,)`` codes.
        user_allowed: which counts a user may have.
        item_allowed: which counts an item may have.

    Returns:
        ``(I,)`` bool, whether the interaction stays. Users and items are judged by the same rows
        in each round, as RecBole does.
    """
    kept = np.ones(len(users), dtype=bool)
    while True:
        stays = kept.copy()
        for codes, allowed in ((users, user_allowed), (items, item_allowed)):
            counts = np.bincount(codes[kept], minlength=int(codes.max(initial=0)) + 1)
            stays &= allowed(counts)[codes]
        if np.array_equal(stays, kept):
            return kept
        kept = stays
