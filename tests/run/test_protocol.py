"""``--protocol``: what a baseline takes over from CAMMSR's settings."""

from __future__ import annotations

import contextlib
import sys

import pytest

import recbole_cammsr
from recbole_cammsr import default_settings
from recbole_cammsr.cli import arguments, run_hyper, run_recbole
from recbole_cammsr.cli.request import Request
from recbole_cammsr.run import protocol

DATASET_FILE = """
user_inter_num_interval: "[5,inf)"
metrics: [NDCG]
train_neg_sample_args: ~
epochs: 3
hidden_size: 8
modalities: [text]
category_field: class
"""


@pytest.fixture(autouse=True)
def _own_files(tmp_path, monkeypatch):
    for kind, name, content in (
        ("model", "CAMMSR", "valid_metric: NDCG@10\nswap_weight: 0.1\ntrain_neg_sample_args: ~\n"),
        ("dataset", "d", DATASET_FILE),
    ):
        (tmp_path / kind).mkdir()
        (tmp_path / kind / f"{name}.yaml").write_text(content)
    monkeypatch.setattr(default_settings, "PROPERTIES", str(tmp_path))


def test_data_and_evaluation_are_taken_over_and_nothing_else():
    settings = protocol.settings_for("BPR", "d", {})
    # RecBole's settings for sequential models: leave-one-out in order of time, among all items
    assert settings.pop("eval_args")["split"] == {"LS": "valid_and_test"}
    assert settings == {
        "repeatable": True,
        "valid_metric": "NDCG@10",
        "user_inter_num_interval": "[5,inf)",
        "metrics": ["NDCG"],
        "exact_time_order": True,
        "load_col": {"inter": ["user_id", "item_id", "timestamp"]},
    }


@pytest.mark.parametrize(
    ("model", "chosen", "samples_nothing"),
    [
        ("SASRec", {}, True),
        ("GRU4Rec", {}, True),
        ("SASRec", {"loss_type": "BPR"}, False),
        ("BPR", {}, False),
        ("Pop", {}, False),
        ("FPMC", {}, False),
    ],
)
def test_only_models_with_cross_entropy_go_without_sampled_negatives(
    model, chosen, samples_nothing
):
    settings = protocol.settings_for(model, "d", chosen)
    assert ("train_neg_sample_args" in settings) == samples_nothing
    assert settings.get("train_neg_sample_args") is None


def test_what_the_user_chose_is_left_out():
    chosen = {"metrics": ["Recall"], "train_neg_sample_args": {"sample_num": 2}}
    settings = protocol.settings_for("SASRec", "d", chosen)
    assert "metrics" not in settings
    assert "train_neg_sample_args" not in settings
    assert "user_inter_num_interval" in settings


def test_histories_are_masked_for_every_kind_of_model():
    """RecBole takes them out for general models itself, unless things may be had again."""
    chosen = {"mask_history": True}
    assert protocol.settings_for("BPR", "d", chosen)["repeatable"] is False
    assert protocol.settings_for("SASRec", "d", chosen)["repeatable"] is True
    assert protocol.settings_for("BPR", "d", {"mask_history": False})["repeatable"] is True
    assert "repeatable" not in protocol.settings_for("BPR", "d", {**chosen, "repeatable": True})


def test_a_data_set_without_a_file_follows_the_general_settings():
    settings = protocol.settings_for("BPR", "other", {})
    assert (settings["repeatable"], settings["valid_metric"]) == (True, "NDCG@10")
    assert "user_inter_num_interval" not in settings


@pytest.mark.parametrize(
    ("model", "chosen", "expected"),
    [
        ("SASRec", {}, {"inter": ["user_id", "item_id", "timestamp"]}),
        (
            "SASRec",
            {"USER_ID_FIELD": "u", "ITEM_ID_FIELD": "i", "TIME_FIELD": "t"},
            {"inter": ["u", "i", "t"]},
        ),
        (
            "FDSA",
            {"selected_features": ["genre", "year"]},
            {"inter": ["user_id", "item_id", "timestamp"], "item": ["item_id", "genre", "year"]},
        ),
        (
            "SASRecF",  # RecBole's own file names ml-100k's field
            {},
            {"inter": ["user_id", "item_id", "timestamp"], "item": ["item_id", "class"]},
        ),
    ],
)
def test_columns_of_a_data_set_without_a_file_have_the_time(model, chosen, expected):
    assert protocol.settings_for(model, "other", chosen)["load_col"] == expected


@pytest.mark.parametrize(
    ("model", "chosen"),
    [("SASRec", {}), ("SASRecF", {"selected_features": ["genre"]}), ("Pop", {})],
)
def test_a_model_of_recboles_reads_a_data_set_without_a_file(make_config, model, chosen):
    from recbole.data import create_dataset, data_preparation

    settings = {**protocol.settings_for(model, "toy", chosen), **chosen}
    config = make_config(model, **settings)
    _, _, test = data_preparation(config, create_dataset(config))
    dataset = test.dataset
    assert "timestamp" in dataset.inter_feat.columns
    assert len(dataset) == dataset.user_num - 1  # the last interaction of every user


def test_the_users_columns_are_left_alone():
    assert "load_col" not in protocol.settings_for("SASRec", "other", {"load_col": None})


def test_our_own_model_needs_nothing():
    assert protocol.settings_for("CAMMSR", "d", {}) == {}


def test_a_part_of_the_evaluation_leaves_the_rest_to_the_protocol(monkeypatch):
    """RecBole takes its own defaults for the rest, a random split by ratio."""
    monkeypatch.setattr(sys, "argv", ["run_recbole"])
    given = ["--protocol", "--eval_args={'mode':'uni5'}"]
    options, settings = arguments.read(run_recbole._parser(), given)
    Request(options, settings).job("BPR", "ml-100k", None, None)
    found = arguments.values(sys.argv[1:])["eval_args"]
    assert found == {**protocol.evaluation("ml-100k"), "mode": "uni5"}
    assert found["split"] == {"LS": "valid_and_test"}


def test_a_script_follows_the_protocol_as_the_command_does():
    settings = recbole_cammsr.protocol_settings(
        "SASRec", "d", data_path="data", metrics=["MRR"], eval_args={"mode": "uni100"}
    )
    expected = protocol.settings_for("SASRec", "d", {"metrics": ["MRR"]})
    expected["eval_args"] = {**expected["eval_args"], "mode": "uni100"}
    assert settings == {**expected, "data_path": "data", "metrics": ["MRR"]}
    assert settings["eval_args"]["split"] == {"LS": "valid_and_test"}
    assert settings["train_neg_sample_args"] is None
    assert recbole_cammsr.protocol_settings("CAMMSR", "d", epochs=3) == {"epochs": 3}


def test_tuning_keeps_the_rest_of_the_protocols_evaluation(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "space").write_text("learning_rate choice [0.1]\n")
    found = {}

    def stop(search, *_):
        found.update(arguments.values(sys.argv[1:]))
        raise KeyboardInterrupt

    monkeypatch.setattr("recbole_cammsr.cli.hyper_tools.with_hyperopt", stop)
    monkeypatch.setattr("recbole_cammsr.cli.run_hyper._check_installed", lambda _: None)
    monkeypatch.setattr(sys, "argv", ["run_hyper"])
    given = ["--model=SASRec", "--dataset=d", "--params_file=space", "--eval_args={'mode':'uni5'}"]
    with contextlib.suppress(KeyboardInterrupt):
        run_hyper.main([*given, "--protocol"])
    assert found["eval_args"] == {**protocol.evaluation("d"), "mode": "uni5"}


def test_arguments_of_the_evaluation_may_be_text():
    """As config files have them, and values of a search space."""
    given = {"eval_args": "{'mode': 'uni5'}"}
    expected = {**protocol.evaluation("d"), "mode": "uni5"}
    assert protocol.followed("SASRec", "d", given)["eval_args"] == expected
