"""What a CAMMSR model computes of its items, with names: modalities, experts, categories."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from recbole_cammsr.analysis.item_titles import printable
from recbole_cammsr.analysis.trained_model import TrainedModel


@dataclass(frozen=True)
class ItemView:
    """Everything per item, rows indexed by item id (0 is padding).

    Attributes:
        modality_names: ``M`` names, the ID first where it is used.
        expert_names: ``K`` names; empty without experts.
        labels: ``C`` printable category labels; empty where the data have none.
        modalities: ``(n, M, d)``.
        present: ``(n, M)`` bool, whether the item has the modality; the model may fill in others.
        items: ``(n, d)`` fused vectors.
        candidates: ``(n, d)`` what a user is compared with.
        weights: ``(n, M)`` modality weights; ones where the model has none.
        weighted: whether the model weighs modalities against each other.
        attention: ``(n, K)`` over several experts, or None.
        usable: ``(n, K)`` bool, which experts the item can ask at all; None without attention.
        predicted: ``(n, C)`` probabilities; None without guidance.
        true: ``(n, C)`` bool; None where the data have no labels.
        several_labels: whether items can have several labels.
    """

    modality_names: tuple[str, ...]
    expert_names: tuple[str, ...]
    labels: tuple[str, ...]
    modalities: np.ndarray
    present: np.ndarray
    items: np.ndarray
    candidates: np.ndarray
    weights: np.ndarray
    weighted: bool
    attention: np.ndarray | None
    usable: np.ndarray | None
    predicted: np.ndarray | None
    true: np.ndarray | None
    several_labels: bool

    def true_labels(self, item: int) -> list[str]:
        """Labels of an item."""
        if self.true is None:
            return []
        return [self.labels[i] for i in np.flatnonzero(self.true[item])]

    def predicted_labels(self, item: int) -> list[str]:
        """As many of the most likely labels as the item really has, at least one."""
        if self.predicted is None:
            return []
        count = max(1, len(self.true_labels(item)))
        order = np.argsort(-self.predicted[item], kind="stable")[:count]
        return sorted(self.labels[i] for i in order)

    def contributions(self, user: np.ndarray, items: np.ndarray) -> np.ndarray:
        """What each modality adds to the scores of some items.

        The candidate vector is the weighted sum of the modalities, up to a positive factor an item
        (cosine scoring), and, should a model add more to it, a rest.

        Args:
            user: ``(d,)``.
            items: ``(k,)`` ids.

        Returns:
            ``(k, M + 1)``; the last column is the rest, zero up to rounding where there is none.
            A row sums to the score.
        """
        weights, modalities = self.weights[items], self.modalities[items]
        total = np.einsum("im,imd->id", weights, modalities)
        candidates = self.candidates[items]
        square = np.maximum((total * total).sum(axis=1), 1e-12)
        factor = np.maximum((candidates * total).sum(axis=1) / square, 0.0)
        parts = factor[:, None] * weights * (modalities @ user)
        rest = candidates @ user - parts.sum(axis=1)
        return np.column_stack([parts, rest])


def item_view(trained: TrainedModel) -> ItemView:
    """Run the item side of a model once.

    Args:
        trained: an opened checkpoint.

    Raises:
        ValueError: the model has no item table, so there is nothing to explain.
    """
    model, dataset = trained.model, trained.dataset
    if not hasattr(model, "item_table"):
        raise ValueError(
            f"{trained.path} holds {trained.name}, and only CAMMSR can be taken apart; give a "
            "checkpoint of CAMMSR, and this one with --compare"
        )
    with torch.no_grad():
        table = model.item_table()
    modalities = _array(table.modalities)
    count = modalities.shape[1]
    contents = list(getattr(dataset, "modalities", ()))
    names = ["ID", *contents][-count:] if count <= len(contents) + 1 else []
    weights = _array(table.weights) if table.weights is not None else None
    categories = trained.categories()
    logits = table.category_logits
    predicted = true = None
    labels: tuple[str, ...] = ()
    several = False
    if categories is not None:
        several = categories.multi_label
        labels = tuple(printable(label) for label in categories.labels)
        true = categories.targets.cpu().numpy()
        if logits is not None:
            predicted = _array(torch.sigmoid(logits) if several else torch.softmax(logits, dim=1))
    attention = _array(table.attention) if table.attention is not None else None
    if attention is not None and attention.shape[1] == 1:
        attention = None  # nothing is chosen
    names = names or [f"modality {m + 1}" for m in range(count)]
    return ItemView(
        modality_names=tuple(names),
        expert_names=_expert_names(model, attention, names),
        labels=labels,
        modalities=modalities,
        present=table.present.cpu().numpy(),
        items=_array(table.items),
        candidates=_array(table.candidates),
        weights=np.ones(modalities.shape[:2]) if weights is None else weights,
        weighted=weights is not None and count > 1,
        attention=attention,
        usable=_usable(model, attention),
        predicted=predicted,
        true=true,
        several_labels=several,
    )


def _usable(model: Any, attention: np.ndarray | None) -> np.ndarray | None:
    """As CAMoE has it: attention, an exact zero where a softmax is sharp, does not tell."""
    if attention is None:
        return None
    encoder = getattr(model, "item_encoder", None)
    camoe = getattr(encoder, "camoe", None)
    if encoder is None or camoe is None:  # of another model that has a table of items
        return np.ones(attention.shape, dtype=bool)
    usable: np.ndarray = camoe.usable(encoder.item_init.mask).cpu().numpy()
    return usable


def _expert_names(model: Any, attention: np.ndarray | None, names: list[str]) -> tuple[str, ...]:
    """Named by the modalities that they see, numbered where several see the same."""
    if attention is None:
        return ()
    count = attention.shape[1]
    camoe = getattr(getattr(model, "item_encoder", None), "camoe", None)
    sees = getattr(camoe, "sees", None)
    if sees is None or tuple(sees.shape) != (count, len(names)):
        return tuple(f"expert {k + 1}" for k in range(count))
    plain = []
    for row in sees.cpu().tolist():
        seen = [name for name, has in zip(names, row) if has]
        plain.append("all" if len(seen) == len(names) > 2 else " + ".join(seen))
    total = {name: plain.count(name) for name in plain}
    used: dict[str, int] = {}
    result = []
    for name in plain:
        used[name] = used.get(name, 0) + 1
        result.append(f"{name} #{used[name]}" if total[name] > 1 else name)
    return tuple(result)


def _array(tensor: torch.Tensor) -> np.ndarray:
    return tensor.detach().cpu().double().numpy()
