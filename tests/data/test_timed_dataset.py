"""Histories with exact times."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import torch


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


def test_times_that_are_tokens_are_refused(make_data, toy_path):
    path = toy_path / "toy" / "toy.inter"
    path.write_text(path.read_text().replace("timestamp:float", "timestamp:token", 1))
    with pytest.raises(ValueError, match=r"'timestamp' of .*toy\.inter is of type token, and"):
        make_data("CAMMSR")
