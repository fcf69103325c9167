"""Histories with exact times."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
import yaml

from recbole_cammsr.default_settings import properties_file
from recbole_cammsr.registry import MODELS


@pytest.mark.parametrize(
    ("model", "settings"), [("HM4SR", {}), ("CAMMSR", {"time_encoding": "experts"})]
)
def test_histories_carry_the_exact_times_of_the_file(make_data, toy_path, model, settings):
    _, dataset, loaders = make_data(model, **settings)
    frame = pd.read_csv(toy_path / "toy" / "toy.inter", sep="\t")
    frame.columns = ["user", "item", "time"]
    of_user = frame.sort_values("time", kind="stable").groupby("user")["time"].apply(list)
    interaction, _, _, _ = next(iter(loaders[2]))
    users = dataset.id2token("user_id", interaction["user_id"].numpy())
    start = frame["time"].min()
    for row, user in enumerate(users):
        n = int(interaction["item_length"][row])
        found = interaction["elapsed_time_list"][row]
        assert found.dtype == torch.float64
        assert found[:n].tolist() == [time - start for time in of_user[user][-1 - n : -1]]
        assert not found[n:].any()
    longest = max(max(np.diff(times)) for times in of_user)
    assert dataset.longest_interval == longest
    # the users come in the order of the file: the first interaction of all may be of any
    assert dataset.first_time == start
    assert dataset.time_span == frame["time"].max() - start
    # what RecBole has itself cannot tell them apart
    assert len(interaction["timestamp_list"].unique()) < len(
        interaction["elapsed_time_list"].unique()
    )


def test_packed_rows_carry_the_times_too(make_data):
    _, _, (packed, _, _) = make_data("HM4SR", train_packing=True)
    _, _, (classic, _, _) = make_data("HM4SR", train_batch_size=10**6)
    rows = next(iter(classic))
    of_prefix = {}
    for user, n, times in zip(rows["user_id"], rows["item_length"], rows["elapsed_time_list"]):
        of_prefix.setdefault((int(user), int(n)), []).append(times[: int(n)].tolist())
    for batch in packed:
        for row in range(len(batch)):
            n = int(batch["item_length"][row])
            times = batch["elapsed_time_list"][row, :n].tolist()
            assert times in of_prefix[int(batch["user_id"][row]), n]


def test_rows_carry_no_times_where_nothing_reads_them(make_data):
    _, dataset, (train, valid, _) = make_data()
    assert dataset.longest_interval == 0
    assert "elapsed_time_list" not in next(iter(train))
    assert "elapsed_time_list" not in next(iter(valid))[0]


@pytest.mark.parametrize(
    ("model", "settings", "message"),
    [
        ("HM4SR", {}, "HM4SR needs the time of every interaction"),
        ("CAMMSR", {"time_encoding": "experts"}, "`time_encoding: experts` needs the time"),
        ("CAMMSR", {"time_encoding": "interval"}, "`time_encoding: interval` needs the time"),
    ],
)
def test_pre_split_data_is_refused(make_data, model, settings, message):
    with pytest.raises(ValueError, match=message) as caught:
        make_data(model, benchmark_filename=["train", "valid", "test"], **settings)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("missing", [1, None])
@pytest.mark.parametrize(
    ("model", "settings"),
    [("HM4SR", {}), ("CAMMSR", {}), ("CAMMSR", {"time_encoding": "interval"}), ("SASRecMM", {})],
)
def test_interactions_without_a_time_are_refused(make_data, toy_path, model, settings, missing):
    # RecBole would give them the mean of the others
    path = toy_path / "toy" / "toy.inter"
    frame = pd.read_csv(path, sep="\t")
    count = missing or len(frame)
    frame["timestamp:float"] = frame["timestamp:float"].where(frame.index >= count)
    frame.to_csv(path, sep="\t", index=False)
    says = rf"'timestamp' of .*toy\.inter is no finite number in {count} of {len(frame)} inter"
    with pytest.raises(ValueError, match=says) as caught:
        make_data(model, **settings)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("infinite", ["inf", "-inf"])
def test_a_time_without_end_is_refused(make_data, toy_path, infinite):
    path = toy_path / "toy" / "toy.inter"
    head, first, *lines = path.read_text().splitlines()
    user, item, _ = first.split("\t")
    path.write_text("\n".join([head, f"{user}\t{item}\t{infinite}", *lines]) + "\n")
    with pytest.raises(ValueError, match=r"'timestamp' of .*toy\.inter is no finite number in 1"):
        make_data("CAMMSR", modalities=[], category_weight=0)


def test_times_that_are_tokens_are_refused(make_data, toy_path):
    path = toy_path / "toy" / "toy.inter"
    path.write_text(path.read_text().replace("timestamp:float", "timestamp:token", 1))
    with pytest.raises(ValueError, match=r"'timestamp' of .*toy\.inter is of type token, and"):
        make_data("CAMMSR")


@pytest.mark.parametrize("model", ["SASRecMM", "UniSRec", "TedRec", "MISSRec"])
@pytest.mark.parametrize("encoding", ["interval", "experts"])
def test_models_without_the_setting_do_not_read_it(make_data, model, encoding):
    plain = next(iter(make_data(model)[2][0]))
    config, dataset, (train, valid, _) = make_data(model, time_encoding=encoding)
    assert config["interval_buckets"] is None  # theirs has no default
    assert set(next(iter(train)).columns) == set(plain.columns)
    assert not {"elapsed_time_list", "interval_bucket_list"} & set(next(iter(valid))[0].columns)
    assert dataset.longest_interval == 0


@pytest.mark.parametrize("encoding", ["interval", "experts"])
def test_the_setting_does_not_change_what_always_reads_times(make_data, encoding):
    plain = next(iter(make_data("HM4SR")[2][1]))[0]
    found = next(iter(make_data("HM4SR", time_encoding=encoding)[2][1]))[0]
    assert set(found.columns) == set(plain.columns)
    assert torch.equal(found["elapsed_time_list"], plain["elapsed_time_list"])


def test_a_saved_data_set_without_times_is_not_given_to_a_model_that_reads_them(make_config):
    from recbole.data import create_dataset

    for model in ("SASRecMM", "CAMMSR", "HM4SR", "SASRecMM"):
        config = make_config(model, save_dataset=True, time_encoding="experts")
        rows = create_dataset(config).build()[1].inter_feat
        assert ("elapsed_time_list" in rows) == (model != "SASRecMM")


@pytest.mark.parametrize("model", MODELS)
def test_settings_are_read_for_the_models_that_list_them(make_config, model):
    from recbole.data import dataset as classes

    found = getattr(classes, f"{model}Dataset")
    listed = yaml.safe_load(Path(properties_file("model", model)).read_text())
    assert (found.has_setting and not found.always_timed) == ("time_encoding" in listed)
    assert found.reads_categories == ("category_weight" in listed)


@pytest.mark.parametrize("keep", ["first", "last"])
def test_leaving_out_duplicates_keeps_the_order_of_the_file(make_data, toy_path, keep):
    rng = np.random.default_rng(0)
    lines = []
    for user in range(30):
        for _ in range(40):  # many of equal times, and out of order
            lines.append((f"u{user}", f"i{rng.integers(0, 25)}", int(rng.integers(0, 4))))
    header = "user_id:token\titem_id:token\ttimestamp:float"
    rows = ["\t".join(map(str, line)) for line in lines]
    (toy_path / "toy" / "toy.inter").write_text("\n".join([header, *rows]) + "\n")
    settings = {"modalities": [], "category_weight": 0, "MAX_ITEM_LIST_LENGTH": 50}
    _, dataset, loaders = make_data(rm_dup_inter=keep, **settings)
    expected = {}
    for user, item, _ in sorted(lines, key=lambda line: line[2]):  # stable
        items = expected.setdefault(user, [])
        if keep == "last" and item in items:
            items.remove(item)
        if item not in items:
            items.append(item)
    rows = loaders[2]._dataset.inter_feat
    assert len(rows) == len(expected)
    for row in range(len(rows)):
        n = int(rows["item_length"][row])
        found = [*rows["item_id_list"][row, :n].tolist(), int(rows["item_id"][row])]
        user = dataset.id2token("user_id", int(rows["user_id"][row]))
        assert dataset.id2token("item_id", found).tolist() == expected[str(user)]


def test_a_rule_of_duplicates_that_is_none_is_refused(make_data):
    with pytest.raises(ValueError, match="it must be first or last"):
        make_data(rm_dup_inter="some")


def test_intervals_that_the_buckets_cannot_tell_apart_are_warned_of(make_config, caplog, toy_path):
    from recbole.data import create_dataset, data_preparation

    def warned(unit: float) -> list[str]:
        path = toy_path / "toy" / "toy.inter"
        frame = pd.read_csv(path, sep="\t", dtype=str)
        # a day between two interactions of a user
        order = frame.groupby("user_id:token").cumcount() * 86_400
        frame["timestamp:float"] = (1_400_000_000 + order) * unit
        frame.to_csv(path, sep="\t", index=False)
        config = make_config("CAMMSR", time_encoding="interval", interval_buckets=26)
        caplog.clear()
        with caplog.at_level("WARNING"):
            data_preparation(config, create_dataset(config))
        return [line for line in caplog.messages if "time_encoding interval" in line]

    assert warned(1) == []
    (sentence,) = warned(1000)
    assert "share the last of the 26 buckets, which takes all of 2^24 and more" in sentence
    (sentence,) = warned(1e-9)
    assert "share the first bucket, which takes all below 1; give times in seconds" in sentence
