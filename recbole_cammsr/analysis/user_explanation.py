"""Why a user is shown these items: the history as the model sees it, the parts of each score."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

import numpy as np
import torch

from recbole_cammsr.analysis import differences
from recbole_cammsr.analysis.item_view import ItemView
from recbole_cammsr.analysis.ranks import ranks_of
from recbole_cammsr.analysis.trained_model import TrainedModel, UnknownUserError, UserRow

#: part of a score that belongs to no modality; named only where it is not rounding
REST = "rest"


@dataclass(frozen=True)
class SeenItem:
    """An item of the history.

    Attributes:
        token: its token.
        title: its title, or its token.
        categories: true labels.
        predicted: labels that the model finds most likely, as many as there are true ones.
        weights: modality to weight; 1 is the same for all, empty where the model has none.
        lacks: modalities that the item does not have; with a weight above 0 they are filled in.
        attention: expert to share of the attention, empty where the model has no experts.
    """

    token: str
    title: str
    categories: Sequence[str]
    predicted: Sequence[str]
    weights: dict[str, float]
    lacks: Sequence[str]
    attention: dict[str, float]

    def filled_in(self) -> list[str]:
        """Modalities that the item lacks and that count all the same; without weights none."""
        return [name for name in self.lacks if self.weights.get(name, 0.0) > 0]


@dataclass(frozen=True)
class RecommendedItem:
    """An item of a ranking.

    Attributes:
        rank: from 1.
        token: its token.
        title: its title, or its token.
        score: what it is ranked by.
        is_target: whether it is the item that the user took next.
        seen: whether the user had it before, in the whole history and not only in what is read.
        categories: true labels, empty for models that know none.
        parts: modality to what it adds to the score, u.(w_m x_m); empty for other models than the
            explained one.
        parts_above_average: the same less what the modality adds to the average item of the
            catalogue. They sum to the score above the average score, so they say why the item
            stands above others: what a modality adds to every item changes no ranking.
    """

    rank: int
    token: str
    title: str
    score: float
    is_target: bool
    seen: bool
    categories: Sequence[str]
    parts: dict[str, float]
    parts_above_average: dict[str, float]


@dataclass(frozen=True)
class Ranking:
    """The head of a model's ranking for the user.

    Attributes:
        name: of the model.
        checkpoint: its file.
        target_rank: place of the item that the user took next, the same item for every model; it
            lies beyond the list unless the list has the item, also where others have its score.
            None for a model whose data lack it.
        items: best first; none where the model does not know the user.
        ranks_own_items: whether what the user has already is left in the ranking.
        note: what makes the place not comparable, such as another split, or why there are no
            items; empty for nothing.
        average_parts: modality to what it adds to the score of the average item of the catalogue;
            they sum to the average score. Empty for other models than the explained one.
    """

    name: str
    checkpoint: str
    target_rank: int | None
    items: Sequence[RecommendedItem]
    ranks_own_items: bool
    note: str = ""
    average_parts: dict[str, float] = field(default_factory=dict)

    @property
    def average_score(self) -> float:
        """Of the items of the catalogue; 0 for other models than the explained one."""
        return sum(self.average_parts.values())

    @property
    def own_items(self) -> str:
        """A phrase on what the user has already: whether it is ranked, and how many items it is."""
        count = sum(item.seen for item in self.items)
        said = f"{'with' if self.ranks_own_items else 'without'} the user's own items"
        if count or (self.ranks_own_items and self.items):
            verb = "is" if count == 1 else "are"
            said += f": {count} of {len(self.items)} {verb} the user's already"
        return said


@dataclass(frozen=True)
class UserExplanation:
    """Everything about one user.

    Attributes:
        user: token.
        dataset: name.
        history_length: of the whole history that the model reads.
        history: its last items, oldest first.
        target_token: the item that the user took next.
        target_title: its title.
        ranking: of the explained model.
        others: of the models beside it.
    """

    user: str
    dataset: str
    history_length: int
    history: Sequence[SeenItem]
    target_token: str
    target_title: str
    ranking: Ranking
    others: Sequence[Ranking]

    def to_json(self) -> dict[str, Any]:
        """As plain JSON values."""
        return asdict(self)


def explain(
    trained: TrainedModel,
    view: ItemView,
    user: str,
    others: Sequence[TrainedModel] = (),
    top: int = 10,
    last: int = 10,
) -> UserExplanation:
    """Explain the ranking of the items for a user's test row.

    Args:
        trained: the model to explain.
        view: of its items.
        user: token.
        others: models whose rankings are shown beside.
        top: items of each ranking.
        last: items of the history.

    Raises:
        UnknownUserError: the explained model does not know the user.
    """
    row = trained.row(user)
    (target,) = trained.tokens([row.target])
    own = set(trained.tokens(row.own))
    return UserExplanation(
        user=user,
        dataset=str(trained.config["dataset"]),
        history_length=len(row.history),
        history=[_seen(trained, view, int(item)) for item in row.history[-last:]],
        target_token=target,
        target_title=trained.title(row.target),
        ranking=_ranking(trained, row, row.target, own, top, view),
        others=[
            replace(_beside(trained, row, other, user, own, top), name=name)
            for other, name in zip(others, _names(trained, others))
        ],
    )


def _beside(
    trained: TrainedModel,
    row: UserRow,
    other: TrainedModel,
    user: str,
    own: set[str],
    top: int,
) -> Ranking:
    """Another model's ranking, with the place of the item that the explained model's row asks for.

    Its own test row may ask for another item, where its data are split or filtered otherwise.
    """
    try:
        other_row = other.row(user)
    except UnknownUserError as error:
        return Ranking(other.name, other.path, None, (), other.ranks_own_items, str(error))
    (token,) = trained.tokens([row.target])
    target = other.dataset.field2token_id[other.dataset.iid_field].get(token)
    # its data may have items that the explained model's lack
    own = own | (set(other.tokens(other_row.own)) - {token})
    ranking = _ranking(other, other_row, target, own, top, None)
    return replace(ranking, note=differences.note(trained, other, other_row, target))


def _names(trained: TrainedModel, others: Sequence[TrainedModel]) -> list[str]:
    """Names of the models beside; where a name stands twice, with the checkpoint's."""
    names = [trained.name, *(other.name for other in others)]
    return [
        other.name
        if names.count(other.name) == 1
        else f"{other.name} ({os.path.splitext(os.path.basename(other.path))[0]})"
        for other in others
    ]


def _seen(trained: TrainedModel, view: ItemView, item: int) -> SeenItem:
    (token,) = trained.tokens([item])
    weights = dict(zip(view.modality_names, view.weights[item])) if view.weighted else {}
    attention = {} if view.attention is None else dict(zip(view.expert_names, view.attention[item]))
    return SeenItem(
        token=token,
        title=trained.title(item),
        categories=view.true_labels(item),
        predicted=view.predicted_labels(item),
        weights={name: float(value) for name, value in weights.items()},
        lacks=[name for name, has in zip(view.modality_names, view.present[item]) if not has],
        attention={name: float(value) for name, value in attention.items()},
    )


def _ranking(
    trained: TrainedModel,
    row: UserRow,
    target: int | None,
    own: set[str],
    top: int,
    view: ItemView | None,
) -> Ranking:
    scores = trained.scores(row, target)
    ranked = int((~torch.isneginf(scores)).sum())
    shown = min(top, ranked)
    best = torch.topk(scores.unsqueeze(0), shown).indices[0].numpy()
    names: list[str] = []
    parts, average = np.zeros((len(best), 0)), np.zeros(0)
    if view is not None:
        with torch.no_grad():
            user = trained.model.forward(row.interaction)[0].float().cpu().numpy()
        every = view.contributions(user.astype(np.float64), np.arange(len(view.items)))
        names = [*view.modality_names, REST]
        if np.abs(every[:, -1]).max() < 1e-3 * max(np.abs(every).max(), 1e-12):
            names, every = names[:-1], every[:, :-1]
        parts, average = every[best], every[1:].mean(axis=0)
    items = []
    for place, (item, part) in enumerate(zip(best.tolist(), parts)):
        (token,) = trained.tokens([item])
        items.append(
            RecommendedItem(
                rank=place + 1,
                token=token,
                title=trained.title(item),
                score=float(scores[item]),
                is_target=item == target,
                seen=token in own,
                categories=view.true_labels(item) if view is not None else [],
                parts=dict(zip(names, part.tolist())),
                parts_above_average=dict(zip(names, (part - average).tolist())),
            )
        )
    target_rank = None
    if target is not None:  # from the same `topk`: among equal scores the list decides
        target_rank = int(ranks_of(torch.tensor([target]), scores.unsqueeze(0), shown)[0])
    averages = dict(zip(names, average.tolist()))
    return Ranking(
        trained.name,
        trained.path,
        target_rank,
        items,
        trained.ranks_own_items,
        average_parts=averages,
    )
