"""Ranks of the test rows, taken from the very scores that RecBole evaluates, and their metrics."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple

import numpy as np
import torch

#: between the labels of a target: labels are cells of a table, and none has a line break
LABEL_SEPARATOR = "\n"


class UserRanks(NamedTuple):
    """One entry per evaluated row; with leave-one-out that is one per user.

    Attributes:
        user: ``(n,)`` user tokens.
        target: ``(n,)`` tokens of the item to be found.
        rank: ``(n,)`` int64 its place in the ranking, from 1.
        history_length: ``(n,)`` int64 interactions of the user before the target. Where the split
            is not leave-one-out, those that the model reads (RecBole's ``MAX_ITEM_LIST_LENGTH`` at
            most); None there where it reads none.
        popularity: ``(n,)`` int64 interactions with the target in the training split.
        category: ``(n,)`` labels of the target, joined by :data:`LABEL_SEPARATOR`; empty where it
            has none.
        last_popularity: ``(n,)`` int64 interactions with the last item of the history in the
            training split; None where the model reads no history, and in results of earlier
            versions.
    """

    user: np.ndarray
    target: np.ndarray
    rank: np.ndarray
    history_length: np.ndarray | None
    popularity: np.ndarray
    category: np.ndarray
    last_popularity: np.ndarray | None = None


def _within(value: Callable[[np.ndarray], np.ndarray]) -> Callable[[np.ndarray, int], np.ndarray]:
    return lambda rank, k: np.where(rank <= k, value(rank.astype(np.float64)), 0.0)


#: metrics of a row with one target, by RecBole's names
_METRICS: dict[str, Callable[[np.ndarray, int], np.ndarray]] = {
    "hit": _within(np.ones_like),
    "recall": _within(np.ones_like),
    "ndcg": _within(lambda rank: 1.0 / np.log2(rank + 1.0)),
    "mrr": _within(lambda rank: 1.0 / rank),
    "map": _within(lambda rank: 1.0 / rank),
    "precision": lambda rank, k: _within(np.ones_like)(rank, k) / k,
}


def is_per_user(metric: str) -> bool:
    """Whether a metric such as ``ndcg@10`` is a mean over rows that each have one target."""
    name, _, cutoff = metric.lower().partition("@")
    return name in _METRICS and cutoff.isdigit()


def per_user(metric: str, rank: np.ndarray) -> np.ndarray:
    """The metric of every row.

    Args:
        metric: e.g. ``NDCG@10``; case does not matter.
        rank: ``(n,)`` from 1.

    Returns:
        ``(n,)`` float64.

    Raises:
        ValueError: no such metric of a single row.
    """
    if not is_per_user(metric):
        raise ValueError(
            f"metric {metric!r} is not one of a single user; use "
            f"{', '.join(sorted(_METRICS))} with a cutoff, e.g. NDCG@10"
        )
    name, _, cutoff = metric.lower().partition("@")
    return _METRICS[name](rank, int(cutoff))


def ranks_of(targets: torch.Tensor, scores: torch.Tensor, cutoff: int) -> torch.Tensor:
    """Rank of the target of each row.

    Inside the cutoff it is the place that RecBole's evaluator gives, ties included (without IDs,
    items with the same features have the same score), because it comes from the same ``topk`` of
    the same scores; beyond it, it is one more than the number of items with a larger score.

    Args:
        targets: ``(B,)`` item ids.
        scores: ``(B, n_items)``.
        cutoff: the largest of RecBole's ``topk``.

    Returns:
        ``(B,)`` from 1.
    """
    width = min(cutoff, scores.shape[1])
    places = torch.topk(scores, width, dim=-1).indices == targets.unsqueeze(1)
    inside = places.any(dim=1)
    first = places.to(torch.uint8).argmax(dim=1)
    larger = (scores > scores.gather(1, targets.unsqueeze(1))).sum(dim=1)
    return torch.where(inside, first, larger.clamp_min(width)) + 1


class RankCollector:
    """Watches a trainer's evaluation and keeps the rank of every row's target, see ``ranks_of``.

    Args:
        user_field: name of the user field.
        item_field: name of the item field.
        cutoffs: RecBole's ``topk``.
        one_row_per_user: whether the split leaves each user one row, as leave-one-out does.
        history_fields: names of the history list and of its length, in rows that have them.
    """

    def __init__(
        self,
        user_field: str,
        item_field: str,
        cutoffs: Sequence[int],
        one_row_per_user: bool = False,
        history_fields: tuple[str, str] | None = None,
    ) -> None:
        self._user_field = user_field
        self._item_field = item_field
        self._cutoff = max(cutoffs)
        self._one_row_per_user = one_row_per_user
        self._history_fields = history_fields
        self._users: list[torch.Tensor] = []
        self._targets: list[torch.Tensor] = []
        self._ranks: list[torch.Tensor] = []
        self._last_items: list[torch.Tensor] = []
        self._lengths: list[torch.Tensor] = []

    @contextmanager
    def watching(self, trainer: Any) -> Iterator[None]:
        """Collect while ``trainer.evaluate`` runs inside the block."""
        collector = trainer.eval_collector
        stock = collector.eval_batch_collect

        def collect(scores: torch.Tensor, rows: Any, row: torch.Tensor, item: torch.Tensor) -> None:
            stock(scores, rows, row, item)
            self._add(scores, rows, row, item)

        collector.eval_batch_collect = collect
        try:
            yield
        finally:
            collector.eval_batch_collect = stock

    def _add(self, scores: torch.Tensor, rows: Any, row: torch.Tensor, item: torch.Tensor) -> None:
        row, item = row.to(scores.device), item.to(scores.device)
        if not torch.equal(row, torch.arange(len(scores), device=row.device)):
            raise ValueError(
                "an evaluated row has more or fewer than one target, so users cannot be compared "
                "one by one; evaluate with leave-one-out: eval_args: {split: {LS: valid_and_test}}"
            )
        heads = self._heads(rows, item)
        self._users.append(rows[self._user_field][heads].cpu())
        if self._history_fields is not None and self._history_fields[0] in rows:
            history, length = (rows[field][heads].cpu() for field in self._history_fields)
            self._lengths.append(length)
            self._last_items.append(history.gather(1, length.unsqueeze(1) - 1).squeeze(1))
        self._targets.append(item.cpu())
        self._ranks.append(ranks_of(item, scores, self._cutoff).cpu())

    def _heads(self, rows: Any, item: torch.Tensor) -> slice:
        """The row of every target.

        Full ranking hands over one row for each; sampled ranking a block of equally many, the
        target's first and then those of its negatives.
        """
        users = rows[self._user_field].cpu()
        block, rest = divmod(len(users), len(item))
        heads = slice(None, None, max(block, 1))
        fits = not rest and torch.equal(users[heads].repeat_interleave(block), users)
        if fits and self._item_field in rows:  # the rows of general models name users only
            fits = torch.equal(rows[self._item_field].cpu()[heads], item.cpu())
        if not fits:
            raise ValueError(
                f"RecBole evaluated {len(users)} rows for {len(item)} targets, which are not one "
                "block of rows per target, so ranks cannot be given to users; evaluate with "
                "eval_args: {mode: full}"
            )
        return heads

    def ranks(
        self,
        dataset: Any,
        history_lengths: np.ndarray | None,
        popularity: np.ndarray,
        category: np.ndarray,
    ) -> UserRanks:
        """Everything collected, in the order of users' tokens.

        Args:
            dataset: translates ids to tokens (``id2token``, ``uid_field``, ``iid_field``).
            history_lengths: ``(n_users,)`` by user id, where each user has one row; None takes
                the lengths of the rows' own histories.
            popularity: ``(n_items,)`` by item id.
            category: ``(n_items,)`` joined labels by item id.

        Raises:
            ValueError: a user has several rows where the split leaves one.
        """
        users, targets, rank = (
            torch.cat(part).numpy() for part in (self._users, self._targets, self._ranks)
        )
        distinct = len(np.unique(users))
        if self._one_row_per_user and distinct < len(users):
            raise ValueError(
                f"leave-one-out left {len(users)} test rows of only {distinct} users, so users "
                "cannot be compared one by one; check `eval_args`"
            )
        user_tokens = np.asarray(dataset.id2token(dataset.uid_field, users), dtype=str)
        target_tokens = np.asarray(dataset.id2token(dataset.iid_field, targets), dtype=str)
        order = np.lexsort((target_tokens, user_tokens))
        last = torch.cat(self._last_items).numpy()[order] if self._last_items else None
        lengths = torch.cat(self._lengths).numpy() if self._lengths else None
        if history_lengths is not None:
            lengths = history_lengths[users]
        return UserRanks(
            user=user_tokens[order],
            target=target_tokens[order],
            rank=rank[order].astype(np.int64),
            history_length=None if lengths is None else lengths[order].astype(np.int64),
            popularity=popularity[targets][order].astype(np.int64),
            category=category[targets][order].astype(str),
            last_popularity=None if last is None else popularity[last].astype(np.int64),
        )
