"""Pre-split data against the lines of its files, whatever the fields are called."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from recbole.utils import get_trainer

from recbole_cammsr.registry import MODELS

PARTS = ("train", "valid", "test")
UNTIMED = [model for model in MODELS if model != "HM4SR"]
USUAL = ("user_id", "item_id", "item_id_list", "rating_list")
OTHERS = ("uid", "iid", "iid_list", "rating_list")


def write(folder, names=USUAL, change=None, parts=PARTS):
    """Three files of rows that bring histories of 1 to 9 items, and what is in them.

    Half of the items stand in histories only. ``change(part, lines)`` edits a file's lines.
    """
    rng = np.random.default_rng(0)
    user, item, history, ratings = names
    kinds = {user: "token", item: "token", history: "token_seq", ratings: "float_seq"}
    header = "\t".join(f"{name}:{kind}" for name, kind in kinds.items())
    rows = {}
    for part in parts:
        rows[part] = []
        for row in range(40):
            items = [f"i{n}" for n in rng.integers(0, 40, size=int(rng.integers(1, 10)))]
            scores = rng.integers(1, 6, size=len(items)).tolist()
            rows[part].append((f"u{row % 20}", f"i{rng.integers(0, 20)}", items, scores))
        lines = [header]
        lines += [
            "\t".join([who, what, " ".join(items), " ".join(map(str, scores))])
            for who, what, items, scores in rows[part]
        ]
        if change is not None:
            lines = change(part, lines)
        (folder / "toy" / f"toy.{part}.inter").write_text("\n".join(lines) + "\n")
    return rows


def settings(**more):
    plain = {"modalities": [], "category_weight": 0, "benchmark_filename": list(PARTS)}
    # RecBole's own default
    return {**plain, "load_col": {"inter": ["user_id", "item_id"]}, "epochs": 1, **more}


@pytest.mark.parametrize("most", [4, 9, 20])
@pytest.mark.parametrize("names", [USUAL, OTHERS])
@pytest.mark.parametrize("alias", [False, True])
def test_rows_are_those_of_the_files_with_their_last_items(
    make_data, toy_path, caplog, most, names, alias
):
    rows = write(toy_path, names)
    user, item, history, ratings = names
    named = {"USER_ID_FIELD": user, "ITEM_ID_FIELD": item, "load_col": {"inter": "*"}}
    if alias:
        named["alias_of_item_id"] = [history]
    with caplog.at_level("INFO"):
        _, dataset, loaders = make_data(**settings(MAX_ITEM_LIST_LENGTH=most, **named))
    for part, loader in zip(PARTS, loaders):
        found = loader._dataset.inter_feat
        assert len(found) == len(rows[part])
        for row, (who, what, items, scores) in enumerate(rows[part]):
            n = int(found["item_length"][row])
            assert n == min(len(items), most)
            assert found[history][row, n:].sum() == 0
            # the history's numbers are the item field's
            assert (
                dataset.id2token(item, found[history][row, :n].tolist()).tolist() == items[-most:]
            )
            assert dataset.id2token(item, int(found[item][row])) == what
            assert dataset.id2token(user, int(found[user][row])) == who
            assert found[ratings][row].tolist()[:n] == scores[-most:]
    everything = [row for part in PARTS for row in rows[part]]
    # no candidate is lost to the length
    known = {what for _, what, _, _ in everything} | {i for row in everything for i in row[2]}
    assert set(dataset.field2token_id[item]) == known | {"[PAD]"}
    too_long = sum(len(items) > most for _, _, items, _ in everything)
    says = f"{too_long} of 120 histories of the pre-split data toy are longer than"
    assert caplog.text.count(says) == (1 if too_long else 0)


def test_lists_that_are_not_the_historys_stay_as_they_are(make_data, toy_path):
    def of_the_item(part, lines):
        return [f"{lines[0]}\ttag_list:token_seq\tnotes:token_seq"] + [
            f"{line}\ta b c\tx y z" for line in lines[1:]
        ]

    write(toy_path, change=of_the_item)
    _, dataset, _ = make_data(**settings(MAX_ITEM_LIST_LENGTH=2, load_col={"inter": "*"}))
    widths = {"tag_list": 3, "notes": 3, "rating_list": 2, "item_id_list": 2}
    assert {field: dataset.inter_feat[field].shape[1] for field in widths} == widths


def test_rows_that_have_times_stay_in_their_files_and_places(make_data, toy_path):
    """Sorted by user and time, rows of the test would be among those of training."""

    def with_times(part, lines):
        times = np.random.default_rng(1).permutation(len(lines)) - 100 * PARTS.index(part)
        return [f"{lines[0]}\ttimestamp:float"] + [
            f"{line}\t{time}" for line, time in zip(lines[1:], times)
        ]

    rows = write(toy_path, change=with_times)
    _, dataset, loaders = make_data(**settings())
    for part, loader in zip(PARTS, loaders):
        found = loader._dataset.inter_feat
        assert "timestamp" in found
        expected = [(who, what) for who, what, _, _ in rows[part]]
        users = dataset.id2token("user_id", found["user_id"].tolist()).tolist()
        items = dataset.id2token("item_id", found["item_id"].tolist()).tolist()
        assert list(zip(users, items)) == expected


@pytest.mark.parametrize("model", UNTIMED)
@pytest.mark.parametrize("names", [USUAL, OTHERS])
def test_models_train_on_histories_that_load_col_does_not_list(make_model, toy_path, model, names):
    write(toy_path, names)
    named = {"USER_ID_FIELD": names[0], "ITEM_ID_FIELD": names[1], "MAX_ITEM_LIST_LENGTH": 4}
    content = {} if model not in ("UniSRec", "TedRec", "MISSRec") else {"modalities": ["text"]}
    if content:
        tokens = [f"i{n}" for n in range(40)]
        features = np.random.default_rng(0).normal(size=(40, 6)).astype(np.float32)
        np.savez(toy_path / "toy" / "toy.text.npz", item_id=np.array(tokens), feature=features)
    config, _, (train, valid, test), made = make_model(model, **settings(**named, **content))
    trainer = get_trainer(config["MODEL_TYPE"], model)(config, made)
    trainer.fit(train, valid, saved=True, verbose=False)
    assert 0 <= trainer.evaluate(test, load_best_model=True)["ndcg@10"] <= 1
    made.train()
    batch = next(iter(train))
    ranking = batch[names[2]], batch["item_length"]
    assert int(ranking[0].max()) < made.n_items
    assert ranking[0].shape[1] == int(ranking[1].max()) == 4


def test_seq_len_that_would_keep_the_oldest_items_is_refused(make_data, toy_path):
    rows = write(toy_path)
    longest = max(len(items) for _, _, items, _ in rows["train"])
    longer = sum(len(items) > 4 for _, _, items, _ in rows["train"])
    asked = {"item_id_list": 4, "rating_list": 9}
    with pytest.raises(ValueError, match="MAX_ITEM_LIST_LENGTH: 4`, which keeps") as caught:
        make_data(**settings(seq_len=asked))
    says = str(caught.value)
    assert f"is 4, and {longer} of 40 histories" in says
    assert f"toy.train.inter are longer (up to {longest})" in says
    assert "\n" not in says
    assert asked == {"item_id_list": 4, "rating_list": 9}
    cuts_nothing = {"item_id_list": longest}
    config, dataset, _ = make_data(**settings(seq_len=cuts_nothing))
    assert config["seq_len"] == cuts_nothing
    lengths = [len(items) for part in PARTS for _, _, items, _ in rows[part]]
    assert dataset.inter_feat["item_length"].tolist() == lengths


def drop_history(part, lines):
    if part != "valid":
        return lines
    return [*lines[:3], "u7\ti7\t\t", *lines[3:]]


def drop_item(part, lines):
    return [*lines[:3], "u7\t\ti1 i2\t3 4", *lines[3:]]


def drop_user(part, lines):
    return [*lines[:3], "\ti7\ti1 i2\t3 4", *lines[3:]]


def drop_column(part, lines):
    return ["\t".join(line.split("\t")[:2]) for line in lines] if part == "test" else lines


def one_item(part, lines):
    return [lines[0].replace("item_id_list:token_seq", "item_id_list:token"), *lines[1:]]


def no_rows(part, lines):
    return lines[:1] if part == "train" else lines


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (drop_history, r"1 of 41 .*toy\.valid\.inter have nothing in 'item_id_list'.*'u7'"),
        (drop_item, r"1 of 41 .*toy\.train\.inter have nothing in 'item_id'.*user_id 'u7'"),
        (drop_user, r"1 of 41 .*toy\.train\.inter have nothing in 'user_id'.*item_id 'i7'"),
        (drop_column, r"toy\.test\.inter has no field 'item_id_list'.*item_id_list:token_seq"),
        (one_item, r"'item_id_list' of .*toy\.train\.inter is of type token.*token_seq"),
        (no_rows, r"toy\.train\.inter has no rows below its first line"),
    ],
)
def test_files_without_histories_are_refused(make_data, toy_path, change, message):
    write(toy_path, change=change)
    with pytest.raises(ValueError, match=message) as caught:
        make_data(**settings())
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("files", [["train", "test"], "train", ["train", "valid", "test", "more"]])
def test_other_than_three_files_are_refused(make_data, toy_path, files):
    write(toy_path)
    with pytest.raises(ValueError, match=r"it must name three files, .* for toy\.train\.inter"):
        make_data(**settings(benchmark_filename=files))


def test_an_alias_that_is_no_field_is_refused(make_data, toy_path):
    with pytest.raises(ValueError, match=r"names .foo., which toy does not have"):
        make_data(alias_of_item_id=["foo"])


@pytest.mark.parametrize("model", ["CAMMSR", "SASRec"])
def test_asking_for_packed_rows_warns_that_there_are_none(make_data, toy_path, caplog, model):
    write(toy_path)
    listed = {"load_col": {"inter": list(USUAL)}, "alias_of_item_id": ["item_id_list"]}
    says = "`train_packing: True` does nothing for the pre-split data toy"
    for asked in ({}, {"train_packing": False}):
        make_data(model, **settings(**listed, **asked))
        assert says not in caplog.text
    train = make_data(model, **settings(**listed, train_packing=True))[2][0]
    assert caplog.text.count(says) == 1
    assert sum(len(batch) for batch in train) == 40


@pytest.mark.parametrize("model", ["CAMMSR", "SASRecMM", "GRU4Rec"])
@pytest.mark.parametrize("most", [2, 20])
def test_all_that_a_row_brings_is_masked(make_data, toy_path, model, most):
    """And not only what the model reads of it."""
    rows = write(toy_path)
    listed = {"load_col": {"inter": list(USUAL)}, "alias_of_item_id": ["item_id_list"]}
    listed["keep_last_items"] = True
    masking = {"mask_history": True, "MAX_ITEM_LIST_LENGTH": most, "eval_batch_size": 200}
    _, dataset, loaders = make_data(model, **settings(**listed, **masking))
    beyond = 0
    for part, loader in zip(PARTS[1:], loaders[1:]):
        for batch, (row, item), _, _ in loader:
            tokens = dataset.id2token("item_id", item)
            for number in range(len(batch)):
                _, target, items, _ = rows[part][number]
                masked = tokens[row == number].tolist()
                assert masked == [token for token in items if token != target]
                beyond += len(masked) > most
    assert (beyond > 0) == (most == 2)


@pytest.mark.parametrize(
    ("asked", "named"),
    [
        ({"item_inter_num_interval": "[5,inf)"}, "`item_inter_num_interval` does nothing for the"),
        (
            {"rm_dup_inter": "first", "val_interval": {"rating": "[3,inf)"}},
            "`rm_dup_inter`, `val_interval` do nothing for the",
        ),
        (
            {"eval_args": {"split": {"RS": [0.8, 0.1, 0.1]}, "mode": "uni10"}},
            "`split` of `eval_args` does nothing for the",
        ),
    ],
)
def test_filters_and_splits_are_said_to_do_nothing(make_data, toy_path, caplog, asked, named):
    write(toy_path)
    # of what a command completes nothing is said
    whole = {"split": {"LS": "valid_and_test"}, "order": "TO", "group_by": None, "mode": "full"}
    make_data(**settings(eval_args=whole))
    assert "nothing for the pre-split data" not in caplog.text
    dataset = make_data(**settings(**asked))[1]
    assert caplog.text.count(f"{named} pre-split data toy: the rows of `benchmark") == 1
    assert len(dataset.inter_feat) == 120


def test_one_file_is_read_as_before(make_data, toy_path):
    """`item_id` may be a column beside the item field, and its list is not the history."""
    path = toy_path / "toy" / "toy.inter"
    header, *lines = path.read_text().splitlines()
    header = header.replace("item_id:", "iid:") + "\titem_id:token"
    path.write_text("\n".join([header, *(f"{line}\tshop{len(line) % 3}" for line in lines)]) + "\n")
    named = {"ITEM_ID_FIELD": "iid", "load_col": {"inter": "*"}}
    named.update(modalities=[], category_weight=0)
    _, _, (train, _, _) = make_data(**named)
    classic = make_data(**named, train_packing=False)[2][0]._dataset.inter_feat
    rows = {}
    for row in range(len(classic)):
        key = int(classic["user_id"][row]), int(classic["item_length"][row])
        rows.setdefault(key, []).append(classic["iid_list"][row])
    for batch in train:
        for row in range(len(batch)):
            n = int(batch["item_length"][row])
            found = batch["iid_list"][row, :n]
            expected = rows[int(batch["user_id"][row]), n]
            assert any(torch.equal(found, items[:n]) for items in expected)
