"""The exact order of times for RecBole's own models."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest
import torch


def targets(make_data, which: int, model: str, **settings) -> dict[str, str]:
    """Each user's validation (1) or test target (2)."""
    _, dataset, loaders = make_data(model, **settings)
    rows = loaders[which].dataset.inter_feat
    users = dataset.id2token("user_id", rows["user_id"].numpy())
    return dict(zip(users, dataset.id2token("item_id", rows["item_id"].numpy())))


def last_items(toy_path: Path, back: int) -> dict[str, str]:
    """The same by sorting the file's own numbers, ties in the order of the file."""
    frame = pd.read_csv(toy_path / "toy" / "toy.inter", sep="\t", dtype={"item_id:token": str})
    frame.columns = ["user", "item", "time"]
    of_user = frame.sort_values("time", kind="stable").groupby("user")["item"].apply(list)
    return {user: items[back] for user, items in of_user.items()}


LEAVE_ONE_OUT = {
    "split": {"LS": "valid_and_test"},
    "order": "TO",
    "group_by": "user",
    "mode": "full",
}


@pytest.mark.parametrize(("which", "back"), [(1, -2), (2, -1)])
@pytest.mark.parametrize("model", ["SASRec", "BPR"])
def test_targets_are_those_of_the_exact_times(make_data, toy_path, model, which, back):
    sampled = {"train_neg_sample_args": None} if model == "SASRec" else {}
    if model == "BPR":
        sampled = {"train_neg_sample_args": {"distribution": "uniform", "sample_num": 1}}
    settings = {"eval_args": LEAVE_ONE_OUT, **sampled}
    expected = last_items(toy_path, back)
    exact = targets(make_data, which, model, exact_time_order=True, **settings)
    assert exact == expected
    # the toy's times lie seconds apart, so RecBole's own order is another one
    assert targets(make_data, which, model, **settings) != expected


def test_histories_are_those_of_this_packages_models(make_data):
    def histories(model: str, **settings) -> list[list[int]]:
        _, _, (_, _, test) = make_data(model, **settings)
        rows = test.dataset.inter_feat
        order = rows["user_id"].argsort()
        return rows["item_id_list"][order].tolist()

    ours = histories("CAMMSR")
    assert histories("SASRec", exact_time_order=True) == ours
    assert histories("SASRec") != ours


def test_other_orders_and_data_without_times_are_left_alone(make_data):
    from recbole.utils import init_seed

    at_random = {**LEAVE_ONE_OUT, "split": {"RS": [0.8, 0.1, 0.1]}, "order": "RO"}
    pairs = {"distribution": "uniform", "sample_num": 1}
    for settings in (
        {"eval_args": at_random},
        {"eval_args": at_random, "load_col": {"inter": ["user_id", "item_id"]}},
    ):
        items = []
        for more in ({}, {"exact_time_order": True}):
            init_seed(1, reproducibility=True)
            loaders = make_data("BPR", train_neg_sample_args=pairs, **settings, **more)[2]
            items.append(loaders[2].dataset.inter_feat["item_id"].tolist())
        assert items[0] == items[1]


def test_our_own_data_sets_keep_their_times(make_data):
    plain = make_data("HM4SR")[2][2].dataset.inter_feat
    asked = make_data("HM4SR", exact_time_order=True)[2][2].dataset.inter_feat
    for field in ("item_id", "item_id_list", "elapsed_time_list"):
        assert torch.equal(plain[field], asked[field])


def test_saved_loaders_are_not_reused_with_another_order(make_data, toy_path):
    """Two interactions within 128 seconds, the later one first in the file."""
    head = "user_id:token\titem_id:token\ttimestamp:float"
    steps = [("a", 0), ("b", 3000), ("c", 6000), ("e", 9020), ("d", 9010)]
    rows = [f"u{u}\t{item}\t{1500000000 + 10000 * u + t}" for u in range(9) for item, t in steps]
    (toy_path / "toy" / "toy.inter").write_text("\n".join([head, *rows]) + "\n", encoding="utf-8")

    def targets(**settings):
        _, dataset, (_, _, test) = make_data("SASRec", **settings)
        return dataset.field2id_token["item_id"][test.dataset.inter_feat["item_id"]].tolist()

    rounded, exact = targets(save_dataloaders=True), targets(exact_time_order=True)
    assert "d" in rounded
    assert exact == ["e"] * 9
