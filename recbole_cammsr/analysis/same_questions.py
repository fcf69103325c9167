"""Whether contenders were asked the same: sentences for other users and other items to be found."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from recbole_cammsr.analysis.benchmark import Run
from recbole_cammsr.analysis.ranks import UserRanks
from recbole_cammsr.analysis.summary import FEWEST_USERS


def other_users(runs: Sequence[Run], reference: str) -> list[str]:
    """A sentence for every contender that was not tested on the reference's users.

    RecBole's general models, for one, have a test row for a user with two interactions, and its
    sequential models have none.

    Args:
        runs: of all contenders.
        reference: label.
    """
    sentences = []
    for dataset in dict.fromkeys(run.dataset for run in runs):
        tested: dict[str, set[str]] = {}
        everywhere: dict[str, set[str]] = {}
        for run in (run for run in runs if run.dataset == dataset):
            users = set(run.ranks.user.tolist())
            tested[run.contender] = tested.get(run.contender, users) | users
            everywhere[run.contender] = everywhere.get(run.contender, users) & users
        if reference not in everywhere:
            continue
        own = everywhere[reference]
        for label, users in tested.items():
            if users == own == everywhere[label]:
                continue
            both = len(own & everywhere[label])
            sentences.append(
                f"on {dataset}, {label} was tested on {len(users)} users, of which {both} are "
                f"users of every run of {label} and {reference}: "
                + ("the tests are over these" if both >= FEWEST_USERS else "too few to test")
                + ", the means over each run's own; the same data filters and split give every "
                'model the same users (with leave-one-out user_inter_num_interval: "[3,inf)")'
            )
    return sentences


def other_targets(runs: Sequence[Run], reference: str) -> list[str]:
    """A sentence for every contender that had to find other items than the reference.

    Another order of equal times, another time field or other files give the same users other
    items to be found, and then tests over users compare different questions.

    Args:
        runs: of all contenders.
        reference: label.
    """
    sentences = []
    for dataset in dict.fromkeys(run.dataset for run in runs):
        here = [run for run in runs if run.dataset == dataset]
        rows, of_label = _test_rows(here)
        own = of_label.pop(reference, set())
        for label, theirs in of_label.items():
            pairs = [(first, second) for first in own for second in theirs if first != second]
            other = [_asked_otherwise(rows[first], rows[second]) for first, second in pairs]
            count = len(np.unique(np.concatenate(other))) if other else 0
            if count:
                sentences.append(
                    f"on {dataset}, {label} had other items to find than {reference} for "
                    f"{count} users, so the two cannot be compared there; give all models "
                    "the same data, time field and `exact_time_order`"
                )
    return sentences


def _test_rows(
    runs: Sequence[Run],
) -> tuple[list[tuple[np.ndarray, np.ndarray]], dict[str, set[int]]]:
    """What the runs on a data set were asked, once for all runs that were asked the same.

    Returns:
        Users and items to be found, as numbers that mean the same everywhere; and which of these
        pairs the seeds of a label have.
    """
    different: list[UserRanks] = []
    of_label: dict[str, set[int]] = {}
    for run in runs:
        same = (
            place
            for place, known in enumerate(different)
            if np.array_equal(known.user, run.ranks.user)
            and np.array_equal(known.target, run.ranks.target)
        )
        place = next(same, len(different))
        if place == len(different):
            different.append(run.ranks)
        of_label.setdefault(run.contender, set()).add(place)
    ends = np.cumsum([len(ranks.user) for ranks in different])[:-1]
    users, items = (
        np.split(np.unique(np.concatenate(tokens), return_inverse=True)[1].reshape(-1), ends)
        for tokens in zip(*((ranks.user, ranks.target) for ranks in different))
    )
    return list(zip(users, items)), of_label


def _asked_otherwise(
    first: tuple[np.ndarray, np.ndarray], second: tuple[np.ndarray, np.ndarray]
) -> np.ndarray:
    """Users that both have, with other items to be found; each is users and items, by row."""
    base = int(max(first[1].max(initial=0), second[1].max(initial=0))) + 1
    rows = np.concatenate([users * base + items for users, items in (first, second)])
    distinct, where = np.unique(rows, return_inverse=True)
    here, there = (
        np.bincount(part, minlength=len(distinct))
        for part in np.split(where.reshape(-1), [len(first[0])])
    )
    return np.intersect1d(distinct[here != there] // base, np.intersect1d(first[0], second[0]))
