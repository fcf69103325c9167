"""Histories from files that are longer than a model reads, for RecBole's own models."""

from __future__ import annotations

import pickle

import pytest
from recbole.utils import get_model, get_trainer

PARTS = ("train", "valid", "test")
LENGTHS = (1, 3, 4, 7, 9)


@pytest.fixture
def rows(toy_path):
    """Rows of each part: user, item asked for and history; the files have them."""
    found = {}
    for place, part in enumerate(PARTS):
        found[part] = [
            (f"u{user}", f"i{user}", [f"i{place}{user}{step}" for step in range(length)])
            for user, length in enumerate(LENGTHS)
        ]
        lines = ["user_id:token\titem_id:token\titem_id_list:token_seq\trating_list:float_seq"]
        for user, item, history in found[part]:
            ratings = " ".join(map(str, range(len(history))))
            lines.append(f"{user}\t{item}\t{' '.join(history)}\t{ratings}")
        (toy_path / "toy" / f"toy.{part}.inter").write_text("\n".join(lines) + "\n")
    return found


def settings(**more):
    return {
        "benchmark_filename": list(PARTS),
        "load_col": {"inter": ["user_id", "item_id", "item_id_list", "rating_list"]},
        "alias_of_item_id": ["item_id_list"],
        "MAX_ITEM_LIST_LENGTH": 4,
        "epochs": 1,
        **more,
    }


def held(dataset, loader, field="item_id_list"):
    """Histories of a loader's rows, and the lengths that it states, without padding."""
    found = loader._dataset.inter_feat
    lengths = found["item_length"].tolist()
    lists = [cell[:n].tolist() for cell, n in zip(found[field], lengths)]
    assert found[field].shape[1] == max(lengths)
    if field == "item_id_list":
        lists = [dataset.id2token("item_id", numbers).tolist() for numbers in lists]
    return lists


@pytest.mark.parametrize("model", ["SASRec", "GRU4Rec", "BERT4Rec"])
def test_rows_have_the_last_items_of_the_files(make_data, rows, caplog, model):
    with caplog.at_level("INFO"):
        _, dataset, loaders = make_data(model, **settings(keep_last_items=True))
    for part, loader in zip(PARTS, loaders):
        expected = [history[-4:] for _, _, history in rows[part]]
        if not (part == "train" and model == "BERT4Rec"):  # which masks its rows in the loader
            assert held(dataset, loader) == expected
        ratings = [list(range(len(history)))[-4:] for _, _, history in rows[part]]
        assert held(dataset, loader, "rating_list") == ratings
    says = (
        "6 of 15 histories of the pre-split data toy are longer than MAX_ITEM_LIST_LENGTH (4), up"
    )
    assert caplog.text.count(says) == 1
    # what is cut off is a candidate still
    first = rows["test"][-1][2][0]
    assert first in dataset.field2token_id["item_id"]


def test_without_the_setting_recboles_rows_are_the_files(make_data, rows):
    _, dataset, loaders = make_data("SASRec", **settings())
    for part, loader in zip(PARTS, loaders):
        assert held(dataset, loader) == [history for _, _, history in rows[part]]


def test_a_model_with_positions_trains_and_ranks(make_data, rows):
    def train(**more):
        config, _, (train, valid, test) = make_data("SASRec", **settings(**more))
        trainer = get_trainer(config["MODEL_TYPE"], config["model"])(
            config, get_model("SASRec")(config, train._dataset)
        )
        trainer.fit(train, valid, saved=False, show_progress=False)
        return trainer.evaluate(test, load_best_model=False)

    with pytest.raises(IndexError):
        train()
    assert 0 <= train(keep_last_items=True)["ndcg@10"] <= 1


@pytest.mark.parametrize("model", ["SASRec", "CAMMSR"])
def test_all_that_the_file_has_is_left_out_of_the_ranking(make_data, rows, model):
    more = {"modalities": [], "category_weight": 0} if model == "CAMMSR" else {}
    masking = settings(keep_last_items=True, mask_history=True, eval_batch_size=4096, **more)
    _, dataset, (_, _, test) = make_data(model, **masking)
    batch, (row, item), _, _ = next(iter(test))
    assert batch["item_id_list"].shape[1] == 4
    tokens = dataset.id2token("item_id", item)
    for number, (_, _, history) in enumerate(rows["test"]):
        assert tokens[row == number].tolist() == history


def test_a_pickled_data_set_is_cut_to_the_length_of_the_run(make_config, rows, tmp_path):
    from recbole.data import create_dataset, data_preparation

    whole = create_dataset(make_config("SASRec", **settings(keep_last_items=True)))
    restored = pickle.loads(pickle.dumps(whole))
    restored.max_item_list_len = 3
    train = data_preparation(restored.config, restored)[0]
    assert max(train._dataset.inter_feat["item_length"].tolist()) == 3


def test_data_of_one_file_and_other_lists_stay_as_they_are(make_data, rows):
    stock = {"train_neg_sample_args": None, "MAX_ITEM_LIST_LENGTH": 4}
    one, other = (
        make_data("SASRec", keep_last_items=asked, **stock)[2][2].dataset.inter_feat
        for asked in (False, True)
    )
    assert one["item_id_list"].tolist() == other["item_id_list"].tolist()
    columns = {"load_col": {"inter": ["user_id", "item_id"]}, "alias_of_item_id": []}
    _, _, (train, _, _) = make_data("BPR", **settings(keep_last_items=True, **columns))
    assert len(train._dataset.inter_feat) == len(LENGTHS)
