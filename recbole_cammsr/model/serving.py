"""What a trained model says of histories that are no user's of the data set (docs/serving.md)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from recbole.data.interaction import Interaction
from recbole.model.abstract_recommender import SequentialRecommender

from recbole_cammsr.data.given_histories import GivenHistories
from recbole_cammsr.model.catalogue_recommender import CatalogueRecommender

# histories ranked together, and scores held at a time
_ROWS, _SCORES = 512, 2**24


def recommend(
    model: Any,
    dataset: Any,
    histories: Sequence[Sequence[str]],
    times: Sequence[Sequence[float]] | None = None,
    k: int = 10,
    own_items: bool = False,
) -> list[list[tuple[str, float]]]:
    """The best items for histories, which need be no user's of the data set.

    For every sequential model, of this package or of RecBole, that ranks by the items of a history
    and, at most, their times. Scores and order are those of
    ``recbole.utils.case_study.full_sort_topk`` for a user with the same history.

    Args:
        model: trained; the mode that it is in does not matter.
        dataset: the one that it was made with, as ``load_data_and_model`` returns it.
        histories: item tokens of each, oldest first; the model reads the last
            ``MAX_ITEM_LIST_LENGTH`` of them.
        times: of each history the times of its items, in the unit of the interaction file; needed
            where the model reads times (``time_encoding`` interval and experts, HM4SR).
        k: how many items.
        own_items: whether items of the history may be among them, as in RecBole's evaluation.

    Returns:
        For each history tokens and scores, best first; fewer than ``k`` where no more are left.

    Raises:
        ValueError: ``k`` is no positive whole number; the model does not rank, needs more than a
            history, belongs to other items or scores NaN; histories or times cannot be what they
            should (:class:`~recbole_cammsr.data.given_histories.GivenHistories`).
    """
    if isinstance(k, bool) or not isinstance(k, (int, np.integer)) or k < 1:
        raise ValueError(f"`k` is {k!r}; it must be a whole number of at least 1.")
    _check_model(model, dataset)
    given = GivenHistories(dataset, histories, times)
    tokens = dataset.field2id_token[dataset.iid_field]
    at_a_time = max(1, min(_ROWS, _SCORES // model.n_items))
    best: list[list[tuple[str, float]]] = []
    with _evaluating(model):
        for part in _parts(len(given), at_a_time):
            scores = _scores(model, _batch(model, given, part))
            if not own_items:
                for row, items in zip(scores, given.items[part]):
                    row[torch.from_numpy(items).to(row.device)] = -torch.inf
            top, index = scores.topk(min(int(k), model.n_items), dim=1)
            for of_row, items in zip(top.tolist(), index.tolist()):
                ranked = zip(items, of_row)
                best.append([(str(tokens[i]), score) for i, score in ranked if score > -np.inf])
    return best


def user_vectors(
    model: Any,
    dataset: Any,
    histories: Sequence[Sequence[str]],
    times: Sequence[Sequence[float]] | None = None,
) -> np.ndarray:
    """What this package's models compare items with, of histories.

    Args:
        model: of this package.
        dataset: as for :func:`recommend`.
        histories: as there.
        times: as there.

    Returns:
        ``(histories, d)`` float32; their products with :func:`item_vectors` are the scores.

    Raises:
        ValueError: the model is none of this package's, or as for :func:`recommend`.
    """
    _check_has_vectors(model, dataset)
    given = GivenHistories(dataset, histories, times)
    with _evaluating(model):
        vectors = [torch.empty(0, model.ranking_table().candidates.shape[-1])]
        vectors += [
            model.forward(_batch(model, given, part)).float().cpu()
            for part in _parts(len(given), _ROWS)
        ]
    return torch.cat(vectors).numpy()


def item_vectors(model: Any, dataset: Any) -> tuple[list[str], np.ndarray]:
    """What this package's models compare users with, of all items.

    Args:
        model: of this package.
        dataset: that it was made with.

    Returns:
        Tokens of the ``n`` items, and ``(n, d)`` float32; padding is left out.

    Raises:
        ValueError: the model is none of this package's, belongs to other items, or does not score
            an item by one vector (MISSRec with several modalities).
    """
    _check_has_vectors(model, dataset)
    with _evaluating(model):
        candidates = model.ranking_table().candidates[1:]
    if candidates.dim() == 3:
        if candidates.shape[1] > 1:
            raise ValueError(
                f"{type(model).__name__} weighs {candidates.shape[1]} vectors of an item anew for "
                f"each user, so that no single one stands for it; use `recommend`."
            )
        candidates = candidates.squeeze(1)
    tokens = [str(token) for token in dataset.field2id_token[dataset.iid_field][1:]]
    return tokens, candidates.float().cpu().numpy()


class _HistoryRows(Interaction):
    """A batch that has histories and nothing else, and says so."""

    def __init__(self, columns: dict[str, torch.Tensor], reader: str) -> None:
        super().__init__(columns)
        self.reader = reader

    def __getitem__(self, index: Any) -> Any:
        if isinstance(index, str) and index not in self.interaction:
            raise ValueError(
                f"{self.reader} reads the field {index!r}, which a history does not have; it can "
                f"rank for users of the data set only (`recbole.utils.case_study`)."
            )
        return super().__getitem__(index)


def _check_model(model: Any, dataset: Any) -> None:
    if not isinstance(model, SequentialRecommender):
        raise ValueError(
            f"{type(model).__name__} is no sequential model, and ranks for users, not for "
            f"histories; give a sequential one."
        )
    if model.n_items != dataset.item_num:
        raise ValueError(
            f"{type(model).__name__} has {model.n_items - 1} items and the data set "
            f"{dataset.dataset_name} {dataset.item_num - 1}; give the data set that the model was "
            f"made with."
        )


def _check_has_vectors(model: Any, dataset: Any) -> None:
    _check_model(model, dataset)
    if not isinstance(model, CatalogueRecommender):
        raise ValueError(
            f"{type(model).__name__} is none of this package's models, and where its vectors are "
            f"only its author knows; use `recommend`."
        )


@contextmanager
def _evaluating(model: Any) -> Iterator[None]:
    """Without dropout and gradients; modes are put back."""
    modes = [(module, module.training) for module in model.modules()]
    switched = any(training for _, training in modes)
    if switched:  # not always: a model in eval mode keeps its item table until it is switched
        model.eval()
    try:
        with torch.no_grad():
            yield
    finally:
        if switched:
            model.train()
            for module, training in modes:
                module.training = training


def _parts(total: int, at_a_time: int) -> Iterator[slice]:
    for start in range(0, total, at_a_time):
        yield slice(start, start + at_a_time)


def _batch(model: Any, given: GivenHistories, part: slice) -> _HistoryRows:
    read = model.history_fields() if isinstance(model, CatalogueRecommender) else ()
    device = next(model.parameters()).device
    rows = given.rows(part, model.max_seq_length, read)
    return _HistoryRows({f: each.to(device) for f, each in rows.items()}, type(model).__name__)


def _scores(model: Any, rows: _HistoryRows) -> torch.Tensor:
    name = type(model).__name__
    try:
        scores: torch.Tensor = model.full_sort_predict(rows)
    except NotImplementedError as error:
        raise ValueError(
            f"{name} scores pairs of a user and an item, and does not rank the catalogue; use "
            f"another model."
        ) from error
    scores = scores.view(-1, model.n_items).float()
    if torch.isnan(scores).any():
        raise ValueError(
            f"{name} scores items with NaN, which is no number, so nothing can be ranked; its "
            f"training diverged: train it anew with a lower `learning_rate`."
        )
    scores[:, 0] = -torch.inf
    return scores
