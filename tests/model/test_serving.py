"""Recommendations for histories from outside are RecBole's for users that have the same."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import torch
from recbole.utils.case_study import full_sort_scores, full_sort_topk

import recbole_cammsr
from recbole_cammsr.model import serving
from recbole_cammsr.registry import MODELS

VARIANTS = [
    *((name, {}) for name in MODELS),
    ("CAMMSR", {"time_encoding": "interval"}),
    ("CAMMSR", {"time_encoding": "experts"}),
    ("CAMMSR", {"scoring": "cosine"}),
    ("MISSRec", {"modalities": ["text"]}),
]
GENRE = {
    "selected_features": ["genre"],
    "load_col": {"inter": ["user_id", "item_id", "timestamp"], "item": ["item_id", "genre"]},
    "filter_inter_by_user_or_item": False,
}
STOCK = [
    *((name, {}) for name in ("SASRec", "GRU4Rec", "BERT4Rec", "NARM", "STAMP", "SRGNN")),
    *((name, {}) for name in ("NextItNet", "CORE", "SINE", "LightSANs", "FEARec")),
    ("GRU4RecF", GENRE),
    ("SASRecF", GENRE),
    ("SASRec", {"trim_padding": True}),
]


@pytest.fixture
def histories(toy_path):
    """Of every user of the toy data set, all but the last item and the times; the users too."""
    frame = pd.read_csv(toy_path / "toy" / "toy.inter", sep="\t", dtype={0: str, 1: str})
    frame.columns = ["user", "item", "time"]
    of_users = frame.sort_values("time", kind="stable").groupby("user")
    items = [each["item"].tolist()[:-1] for _, each in of_users]
    times = [each["time"].tolist()[:-1] for _, each in of_users]
    return [user for user, _ in of_users], items, times


@pytest.fixture
def trained(make_model, move_parameters):
    """Makes data set, test loader and a model that has left its start."""

    def make(name, settings):
        _, dataset, loaders, model = make_model(name, **settings)
        move_parameters(model)
        return dataset, loaders[2], model

    return make


def exact(name, settings):
    """RecBole's models with the histories in the order of the exact times."""
    return settings if name in MODELS else {"exact_time_order": True, **settings}


@pytest.mark.parametrize("rows", [512, 7])
@pytest.mark.parametrize(("name", "settings"), [*VARIANTS, *STOCK])
def test_a_users_own_history_gives_what_recbole_ranks_for_the_user(
    trained, histories, monkeypatch, name, settings, rows
):
    dataset, test, model = trained(name, exact(name, settings))
    users, items, times = histories
    assert max(map(len, items)) > model.max_seq_length
    expected = full_sort_topk(dataset.token2id("user_id", users), model, test, k=12)
    monkeypatch.setattr(serving, "_ROWS", rows)
    model.train()
    found = recbole_cammsr.recommend(model, dataset, items, times, k=12, own_items=True)
    assert model.training
    if rows == 512:  # the very same batch
        assert [[score for _, score in row] for row in found] == expected[0].tolist()
    for row, scores, ids in zip(found, *expected):
        assert [token for token, _ in row] == dataset.id2token("item_id", ids).tolist()
        assert [score for _, score in row] == pytest.approx(scores.tolist(), abs=1e-5)


@pytest.mark.parametrize("name", ["CAMMSR", "SASRec"])
def test_own_items_are_left_out_as_an_evaluation_with_masked_histories_does(
    trained, histories, name
):
    dataset, test, model = trained(name, exact(name, {"mask_history": True}))
    users, items, _ = histories
    scores, ids = full_sort_topk(dataset.token2id("user_id", users), model, test, k=40)
    found = recbole_cammsr.recommend(model, dataset, items, k=1000)
    for row, history, of_row, best in zip(found, items, scores, ids):
        ranked = dataset.id2token("item_id", best[of_row > -torch.inf]).tolist()
        # of the history an evaluation ranks the target, where it is had again
        assert [token for token, _ in row] == [each for each in ranked if each not in history]
        assert len(row) == dataset.item_num - 1 - len(set(history))


@pytest.mark.parametrize(("name", "settings"), VARIANTS)
def test_products_of_vectors_are_the_scores(trained, histories, name, settings):
    dataset, test, model = trained(name, settings)
    users, items, times = histories
    mine = recbole_cammsr.user_vectors(model, dataset, items, times)
    assert mine.dtype == np.float32
    if name == "MISSRec" and not settings:
        with pytest.raises(ValueError, match="MISSRec weighs 3 vectors of an item anew for each"):
            recbole_cammsr.item_vectors(model, dataset)
        return
    tokens, vectors = recbole_cammsr.item_vectors(model, dataset)
    assert tokens == dataset.field2id_token["item_id"][1:].tolist()
    expected = full_sort_scores(dataset.token2id("user_id", users), model, test)[:, 1:]
    assert mine @ vectors.T == pytest.approx(expected.numpy(), abs=1e-5)


def test_nobody_gets_nothing(trained):
    dataset, _, model = trained("CAMMSR", {})
    assert recbole_cammsr.recommend(model, dataset, []) == []
    assert recbole_cammsr.user_vectors(model, dataset, []).shape == (0, 16)


def test_modes_are_put_back_and_a_kept_item_table_is_kept(trained, histories):
    dataset, _, model = trained("CAMMSR", {})
    some = histories[1][:2]
    model.train()
    model.encoder.eval()
    recbole_cammsr.recommend(model, dataset, some)
    assert model.training
    assert not any(module.training for module in model.encoder.modules())
    assert all(module.training for module in model.item_encoder.modules())
    model.eval()
    recbole_cammsr.recommend(model, dataset, some)
    table = model._table
    recbole_cammsr.user_vectors(model, dataset, some)
    assert table is not None
    assert model._table is table


@pytest.mark.parametrize(
    ("name", "settings", "sentence"),
    [
        ("CAMMSR", {"time_encoding": "experts"}, "CAMMSR reads the times of a history, and `times"),
        ("HM4SR", {}, "HM4SR reads the times of a history, and `times` is not given; give the"),
        ("FPMC", {}, "FPMC reads the field 'user_id', which a history does not have"),
        ("DIN", {}, "DIN scores pairs of a user and an item"),
        ("BPR", {}, "BPR is no sequential model"),
    ],
)
def test_models_that_need_more_than_histories_say_so(
    make_model, histories, name, settings, sentence
):
    if name not in MODELS:
        settings = {"train_neg_sample_args": {"distribution": "uniform", "sample_num": 1}}
    if name == "DIN":
        settings.update(load_col={"inter": ["user_id", "item_id", "timestamp"]})
    _, dataset, _, model = make_model(name, **settings)
    with pytest.raises(ValueError, match=sentence):
        recbole_cammsr.recommend(model, dataset, histories[1])


def test_what_cannot_be_is_refused(trained, histories):
    dataset, _, model = trained("SASRec", {})
    items = histories[1]
    for k in (0, 2.0, True):
        with pytest.raises(ValueError, match=rf"`k` is {k!r}; it must be a whole number of"):
            recbole_cammsr.recommend(model, dataset, items, k=k)
    for vectors in (recbole_cammsr.item_vectors, recbole_cammsr.user_vectors):
        with pytest.raises(ValueError, match="SASRec is none of this package's models"):
            vectors(model, dataset, *[items][: vectors is recbole_cammsr.user_vectors])
    with torch.no_grad():
        model.item_embedding.weight[-1].fill_(torch.nan)  # one item is enough
    with pytest.raises(ValueError, match="SASRec scores items with NaN"):
        recbole_cammsr.recommend(model, dataset, items)
    model.n_items += 2
    with pytest.raises(ValueError, match=r"SASRec has 42 items and the data set toy 40; give the"):
        recbole_cammsr.recommend(model, dataset, items)


def test_the_package_has_no_other_names_of_its_own():
    with pytest.raises(AttributeError, match="'recbole_cammsr' has no attribute 'reccomend'"):
        recbole_cammsr.reccomend  # noqa: B018
