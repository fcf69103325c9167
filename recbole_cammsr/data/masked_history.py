"""Full ranking of what a user does not have yet: ``mask_history: True``.

RecBole takes the items that a user has out of the ranking for its general models, and leaves them
in for its sequential ones. Where nothing is had twice that is a large part of the first places
(docs/results/history.md). RecBole's trainer masks whatever a loader hands it as history, so this
is done in the loader, for every sequential model. What is masked is all that a user has, as for
general models, and not only the last ``MAX_ITEM_LIST_LENGTH`` items.
"""

from __future__ import annotations

import functools
from logging import getLogger
from typing import Any

import torch

from recbole_cammsr.compat.import_hooks import rebind
from recbole_cammsr.data.own_items import had_before
from recbole_cammsr.data.ranking_dataloader import RankingDataLoader


class MaskedHistoryDataLoader(RankingDataLoader):
    """RecBole's loader for full ranking, with the histories as what is not to be ranked."""

    def collate_fn(self, index: Any) -> tuple[Any, Any, torch.Tensor, torch.Tensor]:
        """A batch as RecBole's trainer takes it.

        Args:
            index: numbers of the rows.

        Returns:
            ``B`` rows; row and item of what is masked; row and item of the targets, one a row. A
            target that the history holds as well, where things are had again, stays a candidate.
        """
        rows, _, row_of_target, target = super().collate_fn(index)
        row, item = masked_items(self._dataset, rows)
        kept = item != target[row]
        return rows, (row[kept], item[kept]), row_of_target, target


def masked_items(dataset: Any, rows: Any) -> tuple[torch.Tensor, torch.Tensor]:
    """What is taken out of the ranking of some rows, be it a target or not.

    Args:
        dataset: that the rows are of.
        rows: ``B`` rows of it.

    Returns:
        Row and item of each, ``(n,)`` each: what the user has before the row, or, where that is
        not known (:func:`recbole_cammsr.data.own_items.had_before`), what the row has of it.
    """
    before = had_before(dataset, rows)
    if before is not None:
        return before
    history = rows[dataset.iid_field + dataset.config["LIST_SUFFIX"]]  # (B, L), padded with 0
    row, place = (history > 0).nonzero(as_tuple=True)
    return row, history[row, place]


def offer(module: Any) -> None:
    """Let RecBole's case studies rank what an evaluation with the same loader ranks.

    Args:
        module: ``recbole.utils.case_study``.
    """
    stock = module.full_sort_scores

    @functools.wraps(stock)
    def full_sort_scores(
        uid_series: Any, model: Any, test_data: Any, device: Any = None
    ) -> torch.Tensor:
        if not _some_have_rows(uid_series, test_data.dataset):
            return torch.empty((0, test_data.dataset.item_num))
        scores: torch.Tensor = stock(uid_series, model, test_data, device)
        if isinstance(test_data, MaskedHistoryDataLoader):
            dataset = test_data.dataset
            users = torch.as_tensor(uid_series).unsqueeze(1)
            rows = (dataset.inter_feat[dataset.uid_field] == users).nonzero(as_tuple=True)[1]
            scores[test_data.collate_fn(rows)[1]] = -torch.inf
        return scores

    rebind("full_sort_scores", stock, full_sort_scores)


def _some_have_rows(users: Any, dataset: Any) -> bool:
    """Whether there is anything to rank.

    RecBole gives no scores for users without a row and does not say so: those of the others then
    stand in rows that are not theirs. Here they are named in the log.
    """
    if dataset.config["MODEL_TYPE"].name != "SEQUENTIAL":
        return True  # general models rank for any user
    there = set(dataset.inter_feat[dataset.uid_field].tolist())
    asked = torch.as_tensor(users).tolist()
    absent = [user for user in asked if user not in there]
    if absent:
        named = ", ".join(_named(user, dataset) for user in absent[:3])
        getLogger().warning(
            f"{len(absent)} of {len(asked)} users have no row in these data, and so no scores "
            f"({named}{', …' if len(absent) > 3 else ''}); the scores have rows for the others only"
        )
    return len(absent) < len(asked)


def _named(user: int, dataset: Any) -> str:
    """The token of a user; of what is none, a token itself perhaps, the number."""
    if 0 < user < dataset.user_num:
        return str(dataset.id2token(dataset.uid_field, user))
    return f"{user} is no user id, of 1 to {dataset.user_num - 1}; dataset.token2id gives them"


def is_wanted(config: Any) -> bool:
    """Whether histories are to be masked.

    Args:
        config: RecBole's Config.

    Returns:
        What ``mask_history`` says; False for other than sequential models, where RecBole masks.

    Raises:
        ValueError: it is neither True nor False, or the ranking is not that of the catalogue.
    """
    wanted = config["mask_history"]  # None where it is not set
    if wanted not in (None, True, False):
        raise ValueError(f"mask_history is {wanted!r}; it must be True or False")
    if not wanted or config["MODEL_TYPE"].name != "SEQUENTIAL":
        return False
    mode = config["eval_args"]["mode"]
    sampled = set(mode.values() if isinstance(mode, dict) else [mode]) - {"full"}
    if sampled:
        raise ValueError(
            f"mask_history takes histories out of the ranking of the catalogue, and eval_args has "
            f"the mode {sorted(map(str, sampled))[0]!r}; set mode: full, or mask_history: False"
        )
    return True
