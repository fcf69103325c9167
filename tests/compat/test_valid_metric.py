"""A metric that validation needs and nobody computes is named before the first epoch."""

from __future__ import annotations

import pytest
from recbole.utils import get_trainer

from recbole_cammsr.compat import valid_metric
from recbole_cammsr.compat.valid_metric import is_computed


@pytest.mark.parametrize(
    ("settings", "computed"),
    [
        ({}, True),
        ({"valid_metric": "ndcg@10"}, True),
        ({"topk": [5, 20]}, False),
        ({"topk": 10}, True),
        ({"topk": [5, 20], "valid_metric": "Recall@20"}, True),
        ({"metrics": ["Recall"]}, False),
        ({"valid_metric": "NDCG"}, False),
        ({"metrics": ["NDCG", "GAUC"], "valid_metric": "GAUC"}, True),
        ({"metrics": ["NDCG", "GAUC"], "valid_metric": "GAUC@10"}, False),
    ],
    ids=str,
)
@pytest.mark.parametrize("name", ["CAMMSR", "SASRec"])
def test_it_is_refused_where_recbole_stops_after_an_epoch(make_model, name, settings, computed):
    settings = {"valid_metric": "NDCG@10", **settings}
    config, _, (train, valid, _), model = make_model(name, epochs=1, **settings)
    assert is_computed(config) == computed
    trainer = get_trainer(config["MODEL_TYPE"], name)(config, model)
    if computed:
        trainer.fit(train, valid, saved=False, verbose=False)
        return
    trained = []
    trainer._train_epoch = lambda *args, **kwargs: trained.append(args)
    with pytest.raises(ValueError, match=rf"{settings['valid_metric']} that validation needs"):
        trainer.fit(train, valid, saved=False, verbose=False)
    assert not trained


def test_the_metrics_are_recboles():
    from recbole.evaluator import base_metric
    from recbole.evaluator.register import metrics_dict

    ranked = base_metric.TopkMetric
    known = {name for name, one in metrics_dict.items() if issubclass(one, ranked)}
    popularity = {"itemcoverage", "averagepopularity", "giniindex", "shannonentropy"}
    assert known | popularity | {"tailpercentage"} == valid_metric._WITH_CUTOFF
    assert set(metrics_dict) - valid_metric._WITH_CUTOFF == valid_metric._WITHOUT_CUTOFF
    own = {"valid_metric": "MyOwn", "metrics": ["MyOwn"], "topk": [10]}
    assert is_computed(own)  # somebody's own: RecBole knows, and we do not


def test_without_validation_it_does_not_matter(make_model):
    config, _, (train, valid, _), model = make_model(topk=[5], epochs=1, eval_step=0)
    trainer = get_trainer(config["MODEL_TYPE"], "CAMMSR")(config, model)
    trainer.fit(train, valid, saved=False, verbose=False)
    trainer.fit(train, None, saved=False, verbose=False)


def test_a_trainer_that_validates_by_something_else_needs_none(make_model):
    from recbole.trainer import Trainer

    class ByLoss(Trainer):
        def _valid_epoch(self, valid_data, show_progress=False):
            return 1.0, {"loss": 1.0}

    config, _, (train, valid, _), model = make_model("SASRec", epochs=1, metrics=["Recall"])
    assert not is_computed(config)
    assert ByLoss(config, model).fit(train, valid, saved=False, verbose=False)[0] == 1.0
