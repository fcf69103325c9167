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
    config, dataset, loaders, model = make_model(
        name, mask_history=True, MAX_ITEM_LIST_LENGTH=60, **settings
    )
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


def _had_before(dataset_of_loader, every, row):
    """Items of a row's user before the row, from the file's interactions, one after the other."""
    items = [item for item, _ in every[int(row[dataset_of_loader.uid_field])]]
    window = row[dataset_of_loader.item_id_list_field].tolist()
    window = [item for item in window if item]
    target = int(row[dataset_of_loader.iid_field])
    places = [
        place
        for place, item in enumerate(items)
        if item == target and items[max(place - len(window), 0) : place] == window
    ]
    return [set(items[:place]) for place in places]


@pytest.mark.parametrize("split", [{"LS": "valid_and_test"}, {"RS": [0.6, 0.2, 0.2]}], ids=str)
@pytest.mark.parametrize("name", ["CAMMSR", "SASRec", "FDSA"])
def test_what_is_masked_goes_beyond_what_the_model_reads(make_data, toy_path, name, split):
    """As for general models: all that the user has, not the last items of it."""
    stock = {} if name == "CAMMSR" else {"train_neg_sample_args": None}
    if name == "FDSA":
        stock["selected_features"] = ["category"]
        stock["load_col"] = {"inter": ["user_id", "item_id", "timestamp"], "item": ["item_id"]}
        stock["load_col"]["item"].append("category")
    _, dataset, loaders = make_data(
        name,
        **{"mask_history": True, "MAX_ITEM_LIST_LENGTH": 3, "exact_time_order": True, **stock},
        eval_args={"split": split, "order": "TO", "mode": "full", "group_by": "user"},
    )
    lines = (toy_path / "toy" / "toy.inter").read_text().splitlines()
    header = [column.split(":")[0] for column in lines[0].split("\t")]
    every = {}
    for line in lines[1:]:
        cells = dict(zip(header, line.split("\t")))
        if cells["item_id"] not in dataset.field2token_id["item_id"]:
            continue  # without a row in the .item file, which RecBole leaves out
        user = dataset.token2id("user_id", cells["user_id"])
        item = dataset.token2id("item_id", cells["item_id"])
        every.setdefault(int(user), []).append((int(item), float(cells["timestamp"])))
    for own in every.values():
        own.sort(key=lambda pair: pair[1])
    beyond = 0
    for loader in loaders[1:]:
        for rows, (row, item), _, targets in loader:
            for number in range(len(rows)):
                masked = set(item[row == number].tolist())
                before = _had_before(loader.dataset, every, rows[number])
                assert masked in [had - {int(targets[number])} for had in before]
                beyond += len(masked) > 3
    assert beyond


@pytest.mark.parametrize("name", ["CAMMSR", "SASRec"])
def test_recboles_case_studies_recommend_what_the_evaluation_ranks(make_model, name):
    from recbole.utils.case_study import full_sort_topk

    settings = {} if name == "CAMMSR" else {"train_neg_sample_args": None}
    settings["metrics"], settings["valid_metric"] = ["Hit"], "Hit@10"
    for masked in (True, False):
        config, dataset, loaders, model = make_model(name, mask_history=masked, **settings)
        users = np.arange(dataset.user_num - 1, 0, -1)
        _, items = full_sort_topk(users, model, loaders[2], 10)
        rows = loaders[2].dataset.inter_feat
        target = dict(zip(rows["user_id"].tolist(), rows["item_id"].tolist()))
        hits = [target[user] in ten.tolist() for user, ten in zip(users, items)]
        result = evaluated(config, model, loaders[2])
        assert np.mean(hits) == pytest.approx(result["hit@10"], abs=1e-4)


@pytest.mark.parametrize("masked", [True, False])
def test_users_without_a_row_are_named(make_model, caplog, masked):
    """RecBole leaves them out of the scores without a word."""
    from recbole.utils.case_study import full_sort_scores

    _, dataset, loaders, model = make_model(mask_history=masked)
    rows = loaders[2].dataset.inter_feat
    loaders[2].dataset.inter_feat = rows[rows["user_id"] != 3]
    scores = full_sort_scores(np.array([2, 3, 4]), model, loaders[2])
    assert len(scores) == 2
    token = dataset.id2token("user_id", 3)
    assert f"1 of 3 users have no row in these data, and so no scores ({token})" in caplog.text
    assert len(full_sort_scores(np.array([3]), model, loaders[2])) == 0
    caplog.clear()
    full_sort_scores(np.array([4, 2]), model, loaders[2])
    assert "no row" not in caplog.text


def test_numbers_that_are_no_users_are_named(make_model, caplog):
    """RecBole leaves them out as well; tokens are easily taken for ids."""
    from recbole.utils.case_study import full_sort_scores

    _, dataset, loaders, model = make_model("SASRec", train_neg_sample_args=None)
    alone = full_sort_scores([2], model, loaders[2])
    for stranger in (943, -1):
        caplog.clear()
        assert torch.equal(full_sort_scores([2, stranger], model, loaders[2]), alone)
        assert f"({stranger} is no user id, of 1 to {dataset.user_num - 1}; " in caplog.text


def test_rows_that_were_split_in_files_have_what_they_bring(make_data, monkeypatch):
    from recbole_cammsr.data import own_items

    _, _, loaders = make_data(mask_history=True)
    known = next(iter(loaders[2]))[1]
    monkeypatch.setattr(own_items.OwnItems, "before", lambda *_: pytest.fail("not known here"))
    for loader in loaders[1:]:
        del loader.dataset.own_items
    rows, (row, item), _, target = next(iter(loaders[2]))
    history = rows["item_id_list"]
    for number in range(len(rows)):
        had = set(history[number].tolist()) - {0, int(target[number])}
        assert set(item[row == number].tolist()) == had
    assert len(known[0]) >= len(row)
