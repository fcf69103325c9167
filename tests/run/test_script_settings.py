"""What a script gives to Config for this package's models is looked at, as commands do."""

from __future__ import annotations

import re
import sys
from typing import Any

import numpy as np
import pytest
import torch
import yaml

from recbole_cammsr import default_settings, registry
from recbole_cammsr.run import known_settings

#: what scripts and notebooks set, and RecBole itself where it trains in several processes
OF_RECBOLE = {
    **{"data_path": "d", "checkpoint_dir": "saved", "show_progress": False, "gpu_id": ""},
    **{"local_rank": 0, "world_size": 1, "nproc": 1, "ip": "x", "port": "1", "offset": 0},
    **{"benchmark_filename": None, "load_col": None, "alias_of_item_id": None, "worker": 0},
}


@pytest.fixture(autouse=True)
def _no_arguments(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["prog"])  # Config reads the command line


def config(model: Any, **settings: Any) -> Any:
    from recbole.config import Config

    return Config(model=model, dataset="ml-100k", config_dict=settings)


def variant() -> type:
    from recbole_cammsr.model.cammsr import CAMMSR

    return type("Variant", (CAMMSR,), {"__module__": "somebody.elses"})


@pytest.mark.parametrize(
    ("model", "setting", "says"),
    [
        ("CAMMSR", "hiden_size", "no setting is named 'hiden_size' (is 'hidden_size' meant?)"),
        ("CAMMSR", "swap_wt", "no setting is named 'swap_wt' (is 'swap_weight' meant?)"),
        ("CAMMSR", "qqqq", "no setting is named 'qqqq'"),
        ("CAMMSR", "dropout_prob", "CAMMSR does not read 'dropout_prob' (of other models)"),
        (
            "UniSRec",
            "category_weight",
            "UniSRec does not read 'category_weight' (of CAMMSR and HM4SR)",
        ),
    ],
)
def test_a_setting_that_the_model_does_not_read_is_named(caplog, model, setting, says):
    config(model, hidden_size=16, mask_history=True, **{setting: 5})
    assert [record.getMessage() for record in caplog.records] == [says]


@pytest.mark.parametrize("model", registry.MODELS)
def test_nobody_is_warned_of_what_the_model_or_recbole_reads(caplog, model):
    with open(default_settings.properties_file("model", model), encoding="utf-8") as file:
        own = yaml.safe_load(file)
    config(model, **own)
    assert not [key for key in OF_RECBOLE if not known_settings.reads(model, key)]
    assert set(OF_RECBOLE) <= known_settings.settings()
    config(model, exact_time_order=True, data_path="d", show_progress=False)
    assert not caplog.records


def test_other_models_are_left_to_their_authors(caplog):
    config("SASRec", hiden_size=8, train_neg_sample_args=None)  # to RecBole
    config(variant(), swap_wt=8, dropout_prob=0.1)
    assert not caplog.records


def test_keys_of_the_evaluation_that_recbole_would_ignore_are_refused(caplog):
    given = {"mood": "uni100"}
    with pytest.raises(ValueError, match=r"^`eval_args` is .* did you mean 'mode'\?\)$"):
        config("CAMMSR", eval_args=given)
    with pytest.raises(ValueError, match="'mode' has no keys but valid and test"):
        config("CAMMSR", eval_args={"mode": {"tset": "uni100"}})
    assert not caplog.records
    config(variant(), eval_args=given)
    config("SASRec", eval_args=given, train_neg_sample_args=None)
    assert ["`eval_args` is" in record.getMessage() for record in caplog.records] == [True]


def test_an_optimizer_that_only_another_trainer_can_know_is_named(caplog):
    config("CAMMSR", learner="adm")
    assert caplog.records[0].getMessage() == (
        "`learner` is 'adm'; it must be one of adam, adamw, sgd, adagrad, rmsprop (sparse_adam is "
        "for sparse embeddings, which no model of RecBole or this package has), unless code of "
        "your own reads it"
    )
    caplog.clear()
    config("CAMMSR", learner="SGD", eval_args={"mode": {"valid": "uni5", "test": "full"}})
    assert not caplog.records


@pytest.mark.parametrize("model", registry.MODELS)
def test_an_optimizer_that_fails_with_every_model_is_refused(caplog, model):
    with pytest.raises(ValueError, match=r"`learner` is 'Sparse_Adam'; it must be one of adam, "):
        config(model, learner="Sparse_Adam")
    config(variant(), learner="sparse_adam")
    config("SASRec", learner="sparse_adam", train_neg_sample_args=None)
    assert ["`learner` is" in record.getMessage() for record in caplog.records] == [True]


@pytest.mark.parametrize(
    ("setting", "value", "says"),
    [
        ("train_batch_size", 0, "it must be 1 or more"),
        ("train_batch_size", "big", "`train_batch_size` is 'big'; it must be a number"),
        ("user_inter_num_interval", "[5,inf", "an interval with both brackets"),
        ("item_inter_num_interval", 5, "an interval with both brackets"),
        ("clip_grad_norm", 5, "a mapping, such as"),
        ("seed", "x", "`seed` is 'x'; it must be a number"),
        ("epochs", None, "a number"),
        ("rm_dup_inter", "frist", "first or last"),
        ("eval_args", {"split": {"RS": [0.8, 0.2]}}, "shares of training, validation and test"),
        ("eval_args", {"mode": "uni"}, "uni or pop with a number of items"),
    ],
)
def test_a_value_that_cannot_work_is_refused_as_commands_refuse_it(caplog, setting, value, says):
    with pytest.raises(ValueError, match=re.escape(says)):
        config("CAMMSR", **{setting: value})
    assert not caplog.records
    if setting not in ("epochs", "eval_args"):  # these RecBole's own Config stumbles over
        config(variant(), **{setting: value})
        assert "unless code of your own reads it" in caplog.records[0].getMessage()
        config("SASRec", train_neg_sample_args=None, **{setting: value})
        assert len(caplog.records) == 1


def test_what_scripts_hand_over_is_taken(caplog):
    given = {
        **{"epochs": np.int64(2), "seed": np.int32(1), "learning_rate": np.float32(0.01)},
        **{"train_batch_size": np.int64(64), "clip_grad_norm": False, "weight_decay": None},
        **{"user_inter_num_interval": [5, float("inf")], "rm_dup_inter": None},
        **{"eval_args": {"mode": {"valid": "uni5"}}, "device": torch.device("cpu")},
        **{"metrics": ["MyOwn"], "valid_metric": "MyOwn@10"},
    }
    from recbole.evaluator import metric_types
    from recbole.utils import EvaluatorType

    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(metric_types, "myown", EvaluatorType.RANKING)
        made = config("CAMMSR", **given)
    assert made["epochs"] == 2
    assert not caplog.records


def test_values_of_files_and_of_the_command_line_are_looked_at_too(tmp_path, monkeypatch, caplog):
    from recbole.config import Config

    file = tmp_path / "c.yaml"
    file.write_text("eval_batch_size: 0\n")
    with pytest.raises(ValueError, match="`eval_batch_size` is 0; it must be 1 or more"):
        Config("CAMMSR", "ml-100k", config_file_list=[str(file)])
    monkeypatch.setattr(sys, "argv", ["prog", "--rm_dup_inter=frist"])
    with pytest.raises(ValueError, match="`rm_dup_inter` is 'frist'; it must be first or last"):
        config("CAMMSR")
    assert not caplog.records
