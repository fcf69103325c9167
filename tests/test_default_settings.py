"""Which file a model's defaults come from, and which wins."""

from __future__ import annotations

import os
import pickle
import sys

import pytest

import recbole_cammsr
from recbole_cammsr import default_settings
from recbole_cammsr.run import known_settings

MODEL_FILE = """
loss_type: CE
train_neg_sample_args: ~
epochs: 7
stopping_step: 7
learning_rate: 0.7
eval_step: 7
category_weight: 0.7
MAX_ITEM_LIST_LENGTH: 7
repeatable: False
"""
DATASET_FILE = """
stopping_step: 8
learning_rate: 0.8
eval_step: 8
load_col: {inter: [user_id, item_id, timestamp]}
"""
OURS_ONLY = ("modalities", "category_weight", "_own_files")


@pytest.fixture(autouse=True)
def _no_arguments(monkeypatch):
    monkeypatch.setattr(sys, "argv", ["prog"])  # Config reads the command line


@pytest.fixture
def own_files(tmp_path, monkeypatch):
    """Our properties folder, replaced by one with known content."""
    for kind, name, content in (
        ("model", "CAMMSR", MODEL_FILE),
        ("dataset", "ml-100k", DATASET_FILE),
    ):
        (tmp_path / kind).mkdir()
        (tmp_path / kind / f"{name}.yaml").write_text(content)
    monkeypatch.setattr(default_settings, "PROPERTIES", str(tmp_path))
    return tmp_path


def config(model: str, dataset: str = "ml-100k", **settings):
    from recbole.config import Config

    return Config(model=model, dataset=dataset, config_dict=settings)


def config_with_files(model: str, files: list[str]):
    from recbole.config import Config

    return Config(model=model, dataset="ml-100k", config_file_list=files)


@pytest.mark.parametrize(
    ("setting", "value", "why"),
    [
        ("epochs", 7, "our model file goes over RecBole's overall.yaml (300)"),
        ("category_weight", 0.7, "our model file"),
        ("MAX_ITEM_LIST_LENGTH", 50, "RecBole's data set file goes over our model file (7)"),
        ("repeatable", True, "RecBole's sequential settings go over our model file (False)"),
        ("stopping_step", 8, "our data set file goes over our model file (7)"),
        (
            "load_col",
            {"inter": ["user_id", "item_id", "timestamp"]},
            "our data set file goes over RecBole's (four columns)",
        ),
        ("learning_rate", 0.9, "the user's setting goes over all files"),
        ("eval_step", 10, "the command line goes over the user's setting"),
        ("seed", 2020, "overall.yaml where nobody else says anything"),
    ],
)
def test_order_of_files(own_files, monkeypatch, setting, value, why):
    monkeypatch.setattr(sys, "argv", ["prog", "--eval_step=10"])
    assert config("CAMMSR", learning_rate=0.9, eval_step=9)[setting] == value, why


def test_other_models_do_not_see_our_files(own_files):
    stock = config("BPR")
    assert (stock["epochs"], stock["stopping_step"]) == (300, 10)
    assert len(stock["load_col"]["inter"]) == 4


@pytest.mark.parametrize(
    ("model", "settings"), [("SASRec", {"train_neg_sample_args": None}), ("BPR", {}), ("FM", {})]
)
def test_our_configuration_leaves_no_trace_in_others(own_files, model, settings):
    before = config(model, **settings).final_config_dict
    config("CAMMSR")
    after = config(model, **settings)
    assert after.final_config_dict == before
    assert not [key for key in OURS_ONLY if key in after.final_config_dict]


def test_a_pickled_configuration_holds_only_what_recboles_does(own_files):
    ours, stock = config("CAMMSR"), config("SASRec", train_neg_sample_args=None)
    assert set(vars(ours)) == set(vars(stock))
    again = pickle.loads(pickle.dumps(ours))
    assert again.final_config_dict == ours.final_config_dict


def test_a_failing_configuration_leaves_no_trace_either(own_files, monkeypatch):
    (own_files / "model" / "CAMMSR.yaml").write_text("a: [")
    with pytest.raises(Exception, match="while parsing"):
        config("CAMMSR")
    assert config("BPR")["epochs"] == 300


def test_a_part_of_the_evaluation_leaves_our_models_the_rest(make_config):
    ours = make_config(eval_args={"mode": "uni5"})["eval_args"]
    assert (ours["split"], ours["order"]) == ({"LS": "valid_and_test"}, "TO")
    assert ours["mode"]["test"] == "uni5"
    recboles = make_config("BPR", train_neg_sample_args=None, eval_args={"mode": "uni5"})
    assert recboles["eval_args"]["order"] == "RO"  # its own models are RecBole's


def test_a_variant_of_recboles_model_has_that_models_defaults(make_config, tmp_path):
    from recbole.config import Config
    from recbole.model.sequential_recommender.sasrec import SASRec

    mine = type("MySASRec", (SASRec,), {"__module__": "somebody.elses"})
    options = {"checkpoint_dir": str(tmp_path), "n_heads": 1, "train_neg_sample_args": None}
    made = Config(mine, "ml-100k", config_dict=options)
    stock = make_config("SASRec")
    assert made["n_layers"] == stock["n_layers"]
    assert made["loss_type"] == stock["loss_type"] == "CE"
    assert made["n_heads"] == 1


PRESETS = ("masked", "scaled", "wide")


@pytest.mark.parametrize("name", PRESETS)
def test_preset_changes_settings_that_the_model_has(name):
    import yaml

    with open(recbole_cammsr.preset(name), encoding="utf-8") as file:
        chosen = yaml.safe_load(file)
    known = known_settings.settings()
    plain = config("CAMMSR")
    read = config_with_files("CAMMSR", [recbole_cammsr.preset(name)])
    assert chosen
    for setting, value in chosen.items():
        assert setting in known, f"{setting} is no setting of CAMMSR's or RecBole's"
        assert plain[setting] != value, f"{setting} is the default; the preset need not name it"
        assert read[setting] == value


def test_presets_that_there_are_can_be_chosen_by_name():
    files = os.listdir(os.path.join(default_settings.PROPERTIES, "preset"))
    assert sorted(files) == [f"{name}.yaml" for name in PRESETS]


def test_unknown_preset_is_answered_with_those_there_are():
    with pytest.raises(ValueError, match="no preset 'deep'; the presets are masked, scaled, wide"):
        recbole_cammsr.preset("deep")


def test_presets_are_the_settings_that_were_measured():
    """The experiments behind the results' tables, and the presets, say the same."""
    import yaml

    def experiment(name):
        path = default_settings.properties_file("experiments", name)
        with open(path, encoding="utf-8") as file:
            return yaml.safe_load(file)

    def preset(name):
        with open(recbole_cammsr.preset(name), encoding="utf-8") as file:
            return yaml.safe_load(file)

    assert preset("wide") == experiment("amazon_beauty_wide")["settings"]
    masked = experiment("amazon_beauty_masked")
    assert preset("masked") in [
        {**masked["settings"], **model["settings"]} for model in masked["models"].values()
    ]
