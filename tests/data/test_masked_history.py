"""Ranking without the history: against a ranking by hand, for our models and RecBole's."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from recbole.utils import get_trainer

from recbole_cammsr.analysis.ranks import per_user


def evaluated(config, model, data):
    trainer = get_trainer(config["MODEL_TYPE"], config["model"])(config, model)
    return trainer.evaluate(data, load_best_model=False)


@torch.no_grad()
def by_hand(model, dataset, data, masked):
    """Mean NDCG@10, one user and one item at a time."""
    model.eval()
    ranks, repeats = [], 0
    for row in range(len(data.dataset)):
        interaction = data.dataset[[row]]
        scores = model.full_sort_predict(interaction).view(-1)
        target = int(interaction[dataset.iid_field])
        history = set(interaction[dataset.item_id_list_field][0].tolist())
        repeats += target in history
        left_out = {0} | (history - {target} if masked else set())
        above = [i for i in range(dataset.item_num) if scores[i] > scores[target]]
        ranks.append(1 + len(set(above) - left_out))
    return float(np.mean(per_user("NDCG@10", np.array(ranks)))), repeats


@pytest.mark.parametrize("name", ["CAMMSR", "SASRec"])
def test_items_of_the_history_are_not_ranked_but_the_target_is(make_model, name):
    settings = {} if name == "CAMMSR" else {"train_neg_sample_args": None}
    config, dataset, loaders, model = make_model(name, mask_history=True, **settings)
    result = evaluated(config, model, loaders[2])
    expected, repeats = by_hand(model, dataset, loaders[2], masked=True)
    assert repeats  # somebody comes back to what the history has
    assert result["ndcg@10"] == pytest.approx(expected, abs=1e-4)
    plain, _ = by_hand(model, dataset, loaders[2], masked=False)
    assert plain < expected


@pytest.mark.parametrize("settings", [{}, {"mask_history": False}], ids=str)
def test_without_it_recbole_ranks_everything(make_model, settings):
    config, dataset, loaders, model = make_model(**settings)
    result = evaluated(config, model, loaders[2])
    expected, _ = by_hand(model, dataset, loaders[2], masked=False)
    assert result["ndcg@10"] == pytest.approx(expected, abs=1e-4)


def test_general_models_are_left_to_recbole(make_data):
    negatives = {"distribution": "uniform", "sample_num": 1}
    masked = []
    for settings in ({}, {"mask_history": True}):
        torch.manual_seed(0)  # RecBole splits their rows by chance
        _, _, (_, _, test) = make_data("BPR", train_neg_sample_args=negatives, **settings)
        masked.append(next(iter(test))[1])
    assert all(torch.equal(one, other) for one, other in zip(*masked))


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"mask_history": "yes"}, "mask_history is 'yes'; it must be True or False"),
        (
            {"mask_history": True, "eval_args": {"order": "TO", "mode": "uni5"}},
            "eval_args has the mode 'uni5'; set mode: full",
        ),
    ],
)
def test_what_cannot_be_masked_is_refused(make_data, settings, says):
    with pytest.raises(ValueError, match=says):
        make_data(**settings)


def test_saved_loaders_are_not_reused_with_another_ranking(make_data):
    plain = make_data(save_dataloaders=True)[2][2]
    masked = make_data(save_dataloaders=True, mask_history=True)[2][2]
    assert [loader.collate_fn([0])[1] is None for loader in (plain, masked)] == [True, False]
