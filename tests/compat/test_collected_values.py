"""Metrics of coverage and popularity, which RecBole 1.2.1 stops at, against counting by hand."""

from __future__ import annotations

from collections import Counter

import pytest
import torch
from recbole.utils import get_trainer

METRICS = [
    *("Recall", "MRR", "NDCG", "Hit", "MAP", "Precision", "GAUC", "ItemCoverage"),
    *("AveragePopularity", "GiniIndex", "ShannonEntropy", "TailPercentage"),
]


@torch.no_grad()
def recommended(model, data, count):
    """The first items of every test row, one row at a time."""
    model.eval()
    lists = []
    for row in range(len(data.dataset)):
        scores = model.full_sort_predict(data.dataset[[row]]).view(-1)
        scores[0] = -torch.inf
        lists.append(scores.topk(count).indices.tolist())
    return lists


@pytest.mark.parametrize("name", ["CAMMSR", "SASRecMM", "SASRec"])
def test_every_metric_of_recbole_is_computed(make_model, name):
    config, dataset, (train, valid, test), model = make_model(
        name, metrics=METRICS, topk=[5], valid_metric="ItemCoverage@5", epochs=1
    )
    trainer = get_trainer(config["MODEL_TYPE"], name)(config, model)
    trainer.fit(train, valid, saved=False, verbose=False)
    result = trainer.evaluate(test, load_best_model=False)
    lists = recommended(model, test, 5)
    shown = {item for one in lists for item in one}
    # RecBole counts the padding item as well
    assert result["itemcoverage@5"] == pytest.approx(len(shown) / dataset.item_num, abs=1e-3)
    # what an item was trained as: each prefix of a history has one target
    targets = train._dataset.inter_feat[dataset.iid_field].tolist()
    popularity = Counter(targets)
    mean = sum(popularity[item] for one in lists for item in one) / (5 * len(lists))
    assert result["averagepopularity@5"] == pytest.approx(mean, abs=1e-3)
    counts = Counter(item for one in lists for item in one)
    shares = [count / (5 * len(lists)) for count in counts.values()]
    expected = -sum(p * torch.log(torch.tensor(p)).item() for p in shares) / len(shares)
    assert result["shannonentropy@5"] == pytest.approx(expected, abs=1e-3)
    assert set(result) >= {"giniindex@5", "tailpercentage@5", "gauc", "ndcg@5"}
    again = trainer.evaluate(test, load_best_model=False)
    assert again == result


def test_without_fit_the_training_data_are_asked_for(make_model):
    config, _, (train, _, test), model = make_model(
        "SASRec", metrics=["NDCG", "ItemCoverage", "AveragePopularity"], topk=[5]
    )
    trainer = get_trainer(config["MODEL_TYPE"], "SASRec")(config, model)
    says = r"metrics ItemCoverage, AveragePopularity need .*data_collect\(train_data\) before"
    with pytest.raises(ValueError, match=says):
        trainer.evaluate(test, load_best_model=False)
    trainer.eval_collector.data_collect(train)
    assert "averagepopularity@5" in trainer.evaluate(test, load_best_model=False)
