"""What a model computes of its items."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from recbole_cammsr.analysis.item_view import ItemView, item_view
from recbole_cammsr.analysis.trained_model import TrainedModel


@pytest.mark.parametrize("use_id", [True, False])
def test_usable_experts_are_those_whose_modalities_the_item_has(make_checkpoint, use_id):
    trained = TrainedModel(make_checkpoint(use_id=use_id))
    camoe = trained.model.item_encoder.camoe
    with torch.no_grad():  # a switch: all attention to one expert, exact zeros for the others
        camoe.query.weight.mul_(1e7)
        camoe.query.bias.mul_(1e7)
    view = item_view(trained)
    for item, has in enumerate(view.present):
        has = has if has.any() else np.ones_like(has)  # without any, all are its learned vectors
        expected = [all(has[m] for m in expert.modalities) for expert in camoe.experts]
        assert view.usable[item].tolist() == expected
        assert not view.attention[item][~view.usable[item]].any()
    assert not view.usable.all()
    assert (view.usable & (view.attention == 0)).any()


@pytest.mark.parametrize("field", ["genre", "genres"])
def test_predictions_are_the_probabilities_that_the_model_was_trained_to_give(
    make_checkpoint, field
):
    """Of one label they sum to one over the labels; of several each is a question of its own."""
    trained = TrainedModel(make_checkpoint(category_field=field))
    view = item_view(trained)
    with torch.no_grad():
        logits = trained.model.item_table().category_logits.double().numpy()
    assert view.several_labels == (field == "genres")
    if view.several_labels:
        expected = 1 / (1 + np.exp(-logits))
    else:
        expected = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    assert view.predicted == pytest.approx(expected)


def made_up_view(candidates: np.ndarray | None = None) -> ItemView:
    """Three items of two modalities, padding first; the second item has no label."""
    rng = np.random.default_rng(0)
    modalities, weights = rng.normal(size=(3, 2, 5)), rng.uniform(0.5, 1.5, (3, 2))
    total = (weights[:, :, None] * modalities).sum(axis=1)
    return ItemView(
        modality_names=("ID", "text"),
        expert_names=(),
        labels=("a", "b", "c"),
        modalities=modalities,
        present=np.ones((3, 2), dtype=bool),
        items=total,
        candidates=total if candidates is None else candidates,
        weights=weights,
        weighted=True,
        attention=None,
        usable=None,
        predicted=np.array([[0, 0, 0], [0.1, 0.2, 0.7], [0.5, 0.4, 0.1]]),
        true=np.array([[0, 0, 0], [0, 0, 0], [0, 1, 1]], dtype=bool),
        several_labels=True,
    )


def test_there_are_as_many_guesses_as_labels_and_one_where_there_are_none():
    view = made_up_view()
    assert view.predicted_labels(1) == ["c"]
    assert view.predicted_labels(2) == ["a", "b"]
    assert view.true_labels(1) == []
    assert view.true_labels(2) == ["b", "c"]


def test_what_modalities_add_is_scaled_as_the_candidate_and_all_else_is_the_rest():
    """A candidate that points away from the sum of the modalities has nothing of them."""
    plain = made_up_view()
    user = np.random.default_rng(1).normal(size=5)
    dots = plain.weights * (plain.modalities @ user)
    for factor in (1.0, 0.25, -2.0):
        view = made_up_view(factor * plain.items)
        found = view.contributions(user, np.array([2, 1]))
        assert found[:, :2] == pytest.approx(max(factor, 0.0) * dots[[2, 1]])
        score = view.candidates[[2, 1]] @ user
        assert found.sum(axis=1) == pytest.approx(score)
        assert found[:, 2] == pytest.approx(np.zeros(2) if factor > 0 else score)
