"""CAMMSRDataset inside RecBole: vocabulary, order, counters, packing, pickling."""

from __future__ import annotations

import pickle
from collections import Counter

import numpy as np
import pytest
import torch

from recbole_cammsr.data.packing import TARGET_COUNT_FIELD


def targets_of_batches(loader):
    """(user, target) pairs that a packed loader trains."""
    pairs = Counter()
    for batch in loader:
        for user, items, length, last, count in zip(
            batch["user_id"].tolist(),
            batch["item_id_list"].tolist(),
            batch["item_length"].tolist(),
            batch["item_id"].tolist(),
            batch[TARGET_COUNT_FIELD].tolist(),
        ):
            row = [*items[:length], last]
            pairs.update((user, item) for item in row[-count:])
    return pairs


@pytest.mark.parametrize("overlap", [0, 3, None])
@pytest.mark.parametrize("split", [{"LS": "valid_and_test"}, {"RS": [0.8, 0.1, 0.1]}])
def test_packed_batches_train_what_classic_rows_train(make_data, split, overlap):
    eval_args = {"split": split, "order": "TO", "mode": "full", "group_by": "user"}
    config, _, (packed, _, _) = make_data(eval_args=eval_args, packing_overlap=overlap)
    _, _, (classic, _, _) = make_data(eval_args=eval_args, train_packing=False)
    expected = Counter()
    for batch in classic:
        expected.update(zip(batch["user_id"].tolist(), batch["item_id"].tolist()))
    assert targets_of_batches(packed) == expected
    assert targets_of_batches(packed) == expected  # and again in the next epoch
    assert len(packed.dataset) < len(classic.dataset)
    width = config["MAX_ITEM_LIST_LENGTH"]
    shared = min(10, width // 2) if overlap is None else overlap
    of_user = Counter(user for user, _ in expected.elements())
    windows = [1 + -(-max(rows - width, 0) // (width - shared)) for rows in of_user.values()]
    assert len(packed.dataset) == sum(windows) > len(of_user)


def test_batches_are_trimmed_and_of_about_the_asked_number_of_targets(make_data):
    _, _, (packed, _, _) = make_data(train_batch_size=40)
    counts = []
    for batch in packed:
        assert batch["item_id_list"].shape[1] == int(batch["item_length"].max())
        counts.append(int(batch[TARGET_COUNT_FIELD].sum()))
    assert max(counts) <= 40 + 10
    assert abs(len(counts) - len(packed)) <= 1


def test_valid_and_test_rows_and_counters_are_recboles(make_data):
    _, ours, our_loaders = make_data(normalize_all=True)
    _, theirs, their_loaders = make_data("SASRec", normalize_all=True)
    assert ours.item_num == theirs.item_num
    for mine, stock in zip(our_loaders[1:], their_loaders[1:]):
        for field in ("user_id", "item_id", "item_id_list", "item_length"):
            assert torch.equal(mine._dataset.inter_feat[field], stock._dataset.inter_feat[field])
    assert our_loaders[0].dataset.item_counter == their_loaders[0].dataset.item_counter
    assert our_loaders[0].dataset.user_counter == their_loaders[0].dataset.user_counter


def test_features_never_change_the_vocabulary(make_data, toy_path):
    without = make_data(modalities=[], category_weight=0)[1]
    with_all = make_data()[1]
    assert without.item_num == with_all.item_num
    assert without.field2token_id["item_id"] == with_all.field2token_id["item_id"]
    # the file has a row of an item that nobody interacted with
    assert with_all.feature_tables[0].unused_rows >= 1


def test_alignment_happens_after_filtering(make_data):
    dataset = make_data(item_inter_num_interval="[12,inf)", user_inter_num_interval="[5,inf)")[1]
    table = dataset.feature_tables[0]
    stored = np.load(table.path)
    rows = dict(zip(stored["item_id"].tolist(), stored["feature"]))
    assert len(table.values) == dataset.item_num < 40
    for token, item in dataset.field2token_id["item_id"].items():
        assert bool(table.present[item]) == (token in rows)
        if token in rows:
            assert np.allclose(table.values[item].numpy(), rows[token])


def test_histories_follow_exact_times_with_ties_in_file_order(make_data, toy_path):
    # seconds that float32 cannot tell apart, and true ties
    lines = ["user_id:token\titem_id:token\ttimestamp:float"]
    base = 1_700_000_000
    order = [("a", 5), ("b", 3), ("c", 4), ("d", 3), ("e", 1), ("f", 9), ("g", 9)]
    for user in ("u1", "u2"):
        lines += [f"{user}\t{item}\t{base + second}" for item, second in order]
    (toy_path / "toy" / "toy.inter").write_text("\n".join(lines) + "\n")
    _, dataset, loaders = make_data(modalities=[], category_weight=0, normalize_all=False)
    row = loaders[2]._dataset.inter_feat[0]
    items = dataset.id2token("item_id", row["item_id_list"])[: int(row["item_length"])]
    assert [*items, str(dataset.id2token("item_id", int(row["item_id"])))] == list("ebdcafg")


def test_intervals_are_those_of_the_raw_times_and_never_the_targets(make_data):
    _, dataset, (train, valid, _) = make_data(time_encoding="interval", interval_buckets=12)
    assert dataset.inter_feat["interval_bucket_list"].max() < 12
    batch = next(iter(train))
    assert batch["interval_bucket_list"].shape == batch["item_id_list"].shape
    assert "interval_bucket" not in batch
    row = valid._dataset.inter_feat[0]
    length = int(row["item_length"])
    assert row["interval_bucket_list"][length:].sum() == 0


@pytest.mark.parametrize("buckets", [0, 1, 2.5, None, True])
def test_a_number_of_interval_buckets_that_cannot_be_is_refused(make_data, buckets):
    with pytest.raises(ValueError, match=r"`interval_buckets` is .*an integer of 2 or more"):
        make_data(time_encoding="interval", interval_buckets=buckets)
    make_data(interval_buckets=buckets)  # not read


@pytest.mark.parametrize("length", [0, -1, 2.5, "ten", True])
def test_a_longest_history_that_cannot_be_is_refused(make_data, length):
    with pytest.raises(ValueError, match=r"`MAX_ITEM_LIST_LENGTH` is .*an integer of 1 or more"):
        make_data(MAX_ITEM_LIST_LENGTH=length)


@pytest.mark.parametrize("suffix", ["inter", "item"])
def test_a_byte_order_mark_is_named_with_its_file_or_read(make_data, toy_path, suffix):
    inter = ["user_id", "item_id", "timestamp"]
    columns = {"load_col": {"inter": inter, "item": ["item_id", "genre"]}}
    plain = make_data(**columns)[1]
    path = toy_path / "toy" / f"toy.{suffix}"
    path.write_text(path.read_text(encoding="utf-8"), encoding="utf-8-sig")
    with pytest.raises(ValueError, match=rf"toy\.{suffix} begins with a byte order mark"):
        make_data(**columns)
    if suffix == "item":  # which RecBole does not read then, and categories are read without it
        marked = make_data()[1]
        assert marked.categories.labels == plain.categories.labels
    marked = make_data(encoding="utf-8-sig", **columns)[1]
    assert marked.field2token_id["item_id"].keys() == plain.field2token_id["item_id"].keys()
    assert marked.categories.labels == plain.categories.labels


def test_coverage_is_logged(make_data, caplog):
    with caplog.at_level("INFO"):
        make_data()
    text = caplog.text
    assert "items covered" in text
    assert "toy.image.npz" in text
    assert "categories: field genre" in text


def test_a_pickled_data_set_holds_no_features_and_reads_them_again(make_data, toy_path):
    dataset = make_data()[1]
    expected = dataset.feature_tables[0].values
    stored = pickle.dumps(dataset.item_side)
    assert len(stored) < 200
    again = pickle.loads(pickle.dumps(dataset))
    assert torch.equal(again.feature_tables[0].values, expected)
    assert again.categories.digest == dataset.categories.digest


@pytest.mark.parametrize(
    "changed",
    [
        {"modalities": ["text"]},
        {"category_field": "genres"},
        {"time_encoding": "experts"},
        {"feature_device": "host"},
        {"feature_budget": 1e-9},
    ],
)
def test_a_saved_data_set_is_not_reused_under_other_settings(make_config, changed):
    from recbole.data import create_dataset

    create_dataset(make_config(save_dataset=True))
    again = create_dataset(make_config(save_dataset=True, **changed))
    key, value = next(iter(changed.items()))
    assert again.config[key] == value
    assert [table.modality for table in again.feature_tables] == list(again.config["modalities"])
    held = key not in ("feature_device", "feature_budget")
    assert all((table.values is not None) == held for table in again.feature_tables)


@pytest.mark.parametrize(
    ("settings", "error", "message"),
    [
        ({"modalities": ["text", "sound"]}, FileNotFoundError, "'sound' has no feature file"),
        ({"modalities": ["id", "text"]}, ValueError, "use_id"),
        ({"modalities": ["text", "text"]}, ValueError, "only once"),
        ({"modality_files": {"text": "no.npz"}}, FileNotFoundError, "no.npz"),
        ({"modality_files": {"text": {"path": "x"}}}, ValueError, "give a path or"),
        ({"modality_files": "x.npz"}, ValueError, "must map a modality"),
        ({"modality_files": {"txt": "x.npz"}}, ValueError, r"'txt'"),
        ({"feature_dtype": "int8"}, ValueError, "feature_dtype"),
        ({"category_field": None}, ValueError, "category_weight: 0"),
        ({"category_field": "nope"}, ValueError, "nope"),
        (
            {"category_field": ["genre", "genres"]},
            ValueError,
            "name of one column of the `.item` file",
        ),
        ({"transform": "mask_itemseq"}, ValueError, "train_packing: false"),
    ],
)
def test_settings_that_cannot_work_are_refused(make_data, settings, error, message):
    with pytest.raises(error, match=message) as caught:
        make_data(**settings)
    assert "\n" not in str(caught.value)


def test_time_is_loaded_though_recboles_default_leaves_it_out(make_data):
    histories = make_data()[1].inter_feat["item_id_list"]
    default = make_data(load_col={"inter": ["user_id", "item_id"]})[1]
    assert torch.equal(default.inter_feat["item_id_list"], histories)


def test_interactions_without_a_time_are_refused(make_data):
    with pytest.raises(ValueError, match=r"toy\.inter has no field 'when'.*TIME_FIELD"):
        make_data(TIME_FIELD="when")


def test_modalities_from_the_command_line_are_plain_text(make_data):
    dataset = make_data(modalities="[text,image]")[1]
    assert dataset.modalities == ("text", "image")
    assert make_data(modalities="text")[1].modalities == ("text",)


@pytest.mark.parametrize("settings", [{}, {"unused_col": {"inter": ["timestamp_list"]}}])
def test_sampled_evaluation_batches_are_recboles(make_data, settings):
    eval_args = {"split": {"LS": "valid_and_test"}, "order": "TO", "mode": "uni5"}
    batches = []
    for model in ("CAMMSR", "SASRec"):
        loader = make_data(model, eval_args=eval_args, normalize_all=True, **settings)[2][2]
        np.random.seed(0)
        batches.append(list(loader))
    for (mine, *mine_rest), (stock, *stock_rest) in zip(*batches):
        assert set(mine.columns) == set(stock.columns)
        for field in stock.columns:
            assert torch.equal(mine[field], stock[field]), field
        for one, other in zip(mine_rest, stock_rest):
            assert torch.equal(one, other)


def test_classic_batches_are_recboles(make_data):
    ours = make_data(normalize_all=True, train_packing=False, shuffle=False)[2][0]
    theirs = make_data("SASRec", normalize_all=True, shuffle=False)[2][0]
    for mine, stock in zip(ours, theirs):
        assert set(mine.columns) == set(stock.columns)
        assert all(torch.equal(mine[field], stock[field]) for field in stock.columns)


def test_a_header_is_refused_in_the_files_that_recbole_loads_and_no_other(make_data, toy_path):
    path = toy_path / "toy" / "toy.item"
    lines = path.read_text().splitlines()
    path.write_text("\n".join([f"{lines[0]}\tnote", *(f"{line}\tx" for line in lines[1:])]) + "\n")
    _, dataset, _ = make_data()  # the categories are read by themselves
    assert dataset.categories.covered > 0
    columns = {"inter": ["user_id", "item_id", "timestamp"], "item": ["item_id", "genre"]}
    with pytest.raises(ValueError, match=r"column 'note' in the first line of .*toy\.item"):
        make_data(load_col=columns)


def test_all_files_of_a_data_set_have_its_encoding(make_data, toy_path):
    folder = toy_path / "toy"
    stored = np.load(folder / "toy.text.npz")
    rows = [
        f"{token}\t{' '.join(map(str, values))}"
        for token, values in zip(stored["item_id"].tolist(), stored["feature"].tolist())
    ]
    (folder / "toy.text").write_text("\n".join(["item_id:token\tv:float_seq", *rows]) + "\n")
    token = stored["item_id"][0]
    for suffix in ("inter", "item", "text"):
        path = folder / f"toy.{suffix}"
        path.write_text(path.read_text().replace(token, "café"), encoding="latin-1")
    files = {"modalities": ["text"], "modality_files": {"text": "toy.text"}}
    dataset = make_data(encoding="latin-1", **files)[1]
    item = dataset.token2id("item_id", "café")
    values = dataset.feature_tables[0].values[item].numpy()
    assert np.allclose(values, stored["feature"][0])


@pytest.mark.parametrize(("feature", "shape"), [(np.ones(2), r"\(2,\)"), (np.ones(()), r"\(\)")])
def test_features_that_are_no_table_are_refused_before_they_are_measured(
    make_data, toy_path, feature, shape
):
    np.savez(toy_path / "toy" / "toy.text.npz", item_id=np.array(["a", "b"]), feature=feature)
    with pytest.raises(
        ValueError, match=rf"toy\.text\.npz: features have shape {shape}; they must"
    ):
        make_data(modalities=["text"])


def test_models_without_category_guidance_read_no_categories(make_data):
    plain = make_data("SASRecMM", category_weight=0.1, category_field="no such column")[1]
    assert plain.categories is None
    with pytest.raises(ValueError, match="no such column"):
        make_data("CAMMSR", category_weight=0.1, category_field="no such column")


def test_labels_that_guide_nothing_are_warned_of(make_data, toy_path, caplog):
    path = toy_path / "toy" / "toy.item"
    tokens = [line.split("\t")[0] for line in path.read_text().splitlines()[1:]]
    rows = [f"{token}\tall" for token in tokens]
    path.write_text("\n".join(["item_id:token\tgenre:token", *rows]) + "\n")
    make_data(modalities=[])
    assert "category_field 'genre' has the one label 'all'" in caplog.text


@pytest.mark.parametrize("packing", [True, False])
@pytest.mark.parametrize("model", ["CAMMSR", "SASRecMM"])
def test_users_of_one_interaction_leave_nothing_to_train(make_data, toy_path, model, packing):
    rows = [f"u{n}\ti{n % 5}\t{n}" for n in range(20)]
    header = "user_id:token\titem_id:token\ttimestamp:float"
    (toy_path / "toy" / "toy.inter").write_text("\n".join([header, *rows]) + "\n")
    settings = {"modalities": [], "category_weight": 0, "train_packing": packing}
    with pytest.raises(ValueError, match=r"none of the 20 users of the data set toy has") as caught:
        make_data(model, **settings)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("model", ["CAMMSR", "SASRecMM", "HM4SR"])
def test_no_column_of_a_file_is_taken_for_ours(make_model, toy_path, model):
    """Neither for the targets of a packed row, nor for the place of its history."""
    plain = {"train_packing": False, "hidden_dropout_prob": 0.0, "attn_dropout_prob": 0.0}
    plain.update(load_col=None, swap_weight=0, expert_dropout=0.0, placeholder_weight=0)
    losses = []
    for columns in ("", "\ttarget_count:float\thistory start:float"):
        path = toy_path / "toy" / "toy.inter"
        header, *lines = path.read_text().splitlines()
        cells = "\t3\t2" if columns else ""
        path.write_text("\n".join([header + columns, *(line + cells for line in lines)]) + "\n")
        _, _, (train, _, _), made = make_model(model, **plain)
        made.train()
        batch = train._dataset[np.arange(50)]
        losses.append([float(loss.detach()) for loss in made.calculate_loss(batch)])
    assert losses[0] == losses[1]
