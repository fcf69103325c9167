"""Names of models and settings, found without importing RecBole."""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from recbole_cammsr import default_settings, registry
from recbole_cammsr.cli.request import Request
from recbole_cammsr.run import known_settings
from recbole_cammsr.run.errors import UsageError


def test_models_of_both_packages_are_known():
    for name in ("SASRec", "BPR", "XGBoost", "Random", "CAMMSR"):
        known_settings.check_model(name)


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("sasrec", "write 'SASRec'"),
        ("SASRek", "'SASRec'"),
        ("cammsr", "write 'CAMMSR'"),
        ("lightgbm", "write 'LightGBM'"),
    ],
)
def test_an_unknown_model_names_the_nearest(name, says):
    with pytest.raises(UsageError, match=says):
        known_settings.check_model(name)


@pytest.mark.parametrize("model", ["CAMMSR", "SASRecMM", "SASRec", "BPR"])
def test_what_every_model_follows_is_read_by_each(model):
    assert known_settings.reads(model, "mask_history")
    assert known_settings.only_read_by("mask_history", model) == ()


def test_a_model_unlike_any_has_no_suggestion():
    with pytest.raises(UsageError, match=r"'qqqqqqqq'$"):
        known_settings.check_model("qqqqqqqq")


def test_settings_come_from_yaml_source_and_argument_lists():
    # a default; read by one model only; only in RecBole's list; dataset names are no settings
    known = known_settings.settings()
    assert {"epochs", "rm_dup_inter", "alias_of_item_id", "modalities", "trim_padding"} <= known
    assert "time-aware" in known  # DiffRec's, and the only one with a hyphen
    assert not {"epoch", "ml-1m", "adult"} & known


@pytest.mark.parametrize(
    ("name", "model", "readers"),
    [
        ("time_encoding", "SASRecMM", ("CAMMSR",)),
        ("norm_first", "UniSRec", ("CAMMSR", "SASRecMM")),
        ("norm_first", "SASRec", ("CAMMSR", "SASRecMM")),
        ("norm_first", "SASRecMM", ()),
        ("hidden_size", "BPR", ()),  # RecBole's models read it, though this one may not
        ("selected_features", "CAMMSR", ()),  # none of ours: whose it is cannot be told
        ("train_batch_size", "SASRec", ()),
        ("category_field", "SASRec", ("CAMMSR", "HM4SR")),
        ("category_weight", "SASRecMM", ("CAMMSR", "HM4SR")),
        ("train_packing", "SASRec", ()),  # RecBole's own models are made to read it
        ("trim_padding", "SASRec", ()),
        ("nobody_reads_this", "CAMMSR", ()),
    ],
)
def test_settings_of_other_models_are_told_apart(name, model, readers):
    assert known_settings.only_read_by(name, model) == readers


def test_what_recboles_models_are_made_to_read_is_known():
    from recbole_cammsr.model.faster_models import FASTER

    read = {*(faster.setting for faster in FASTER), "exact_time_order", "keep_last_items"}
    assert read == set(registry.READ_BY_RECBOLES_MODELS)


def test_a_setting_that_no_named_model_reads_is_warned_of(capsys):
    options = argparse.Namespace(config_files=None, protocol=False)
    request = Request(options, ["--norm_first=True", "--epochs=3"])
    request.check_models(["SASRec", "CAMMSR"])
    assert capsys.readouterr().err == ""
    request.check_models(["SASRec", "UniSRec"])
    assert capsys.readouterr().err == (
        "warning: SASRec and UniSRec will not read the setting 'norm_first', which is one of "
        "CAMMSR and SASRecMM\n"
    )


def test_a_setting_of_recboles_models_alone_is_warned_of(capsys):
    options = argparse.Namespace(config_files=None, protocol=False)
    request = Request(options, ["--dropout_prob=.9", "--nobody_reads_this=1"])
    request.check_models(["GRU4Rec", "CAMMSR"])
    assert capsys.readouterr().err == ""
    request.check_models(["CAMMSR"])
    assert capsys.readouterr().err == (
        "warning: CAMMSR will not read the setting 'dropout_prob', which is one of other models\n"
    )


@pytest.mark.parametrize("setting", ["train_packing", "trim_padding", "keep_last_items"])
def test_settings_of_histories_are_none_of_general_models(capsys, setting):
    options = argparse.Namespace(config_files=None, protocol=False)
    request = Request(options, [f"--{setting}=True"])
    request.check_models(["SASRec", "BPR"])
    assert capsys.readouterr().err == ""
    request.check_models(["BPR", "NeuMF"])
    assert capsys.readouterr().err == (
        f"warning: BPR and NeuMF will not read the setting {setting!r}, which is one of sequential "
        "models\n"
    )


@pytest.mark.parametrize("model", ["CAMMSR", "HM4SR", "MISSRec", "SASRecMM", "TedRec", "UniSRec"])
def test_nobody_is_warned_of_what_the_shipped_files_set(model):
    for kind in ("model", "dataset"):
        name = {"model": model, "dataset": "amazon_beauty"}[kind]
        content = yaml.safe_load(Path(default_settings.properties_file(kind, name)).read_text())
        if kind == "dataset":  # text models and sums read no categories
            content.pop("category_field")
        assert not [key for key in content if known_settings.only_read_by(key, model)]


@pytest.mark.parametrize("command", ["run_recbole", "run_recbole_group", "run_hyper"])
def test_help_needs_neither_torch_nor_recbole(command):
    code = (
        "import sys\n"
        f"from recbole_cammsr.cli.{command} import main\n"
        "try:\n    main(['--help'])\n"
        "except SystemExit as done:\n"
        "    loaded = {'torch', 'recbole', 'pandas', 'ray'} & set(sys.modules)\n"
        "    sys.exit(f'{loaded}' if loaded else done.code)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "examples:" in done.stdout
    assert "--config_files" in done.stdout


def test_without_recbole_the_command_says_how_to_install_it():
    code = (
        "import sys, importlib.util\n"
        "find = importlib.util.find_spec\n"
        "importlib.util.find_spec = lambda name: None if name == 'recbole' else find(name)\n"
        "from recbole_cammsr.cli.run_recbole import main\n"
        "sys.exit(main(['--model=CAMMSR']))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 1
    assert done.stderr.startswith("run_recbole: error: recbole is not installed")
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize("dataset", ["toy", "ml-100k"])  # the second comes with RecBole
@pytest.mark.parametrize("given", [{}, {"data_path": "somewhere"}, {"data_path": "some/where/"}])
def test_data_are_looked_for_where_recbole_looks(monkeypatch, dataset, given):
    from recbole.config import Config

    monkeypatch.setattr(sys, "argv", ["prog"])
    expected = Config("BPR", dataset, config_dict=given)["data_path"]
    found = known_settings.data_folder(dataset, given.get("data_path"))
    assert os.path.normpath(found) == os.path.normpath(expected)
