"""Command lines: what is handed to RecBole, and what is refused before it is dropped in silence."""

from __future__ import annotations

import sys

import pytest

from recbole_cammsr.cli import arguments
from recbole_cammsr.cli.errors import UsageError


def parser() -> arguments.Parser:
    made = arguments.Parser("run_recbole", "", "")
    arguments.add_model_options(made)
    arguments.add_process_options(made)
    return made


def test_options_and_settings_are_told_apart():
    options, settings = arguments.read(
        parser(),
        ["-m", "SASRec", "--epochs=3", "--dataset", "d", "--protocol", "--topk=[5,10]", "-d=e"],
    )
    assert (options.model, options.dataset, options.protocol) == ("SASRec", "e", True)
    assert settings == ["--epochs=3", "--topk=[5,10]"]


@pytest.mark.parametrize("value", ["1e-3", "-1", "0.5", "2**10", "None", "True", "(1+1)"])
def test_numbers_in_every_form_that_recbole_evaluates_pass(value):
    _, settings = arguments.read(parser(), [f"--learning_rate={value}"])
    assert settings == [f"--learning_rate={value}"]


def test_an_empty_value_and_a_repeated_equal_one_pass():
    given = ["--gpu_id=", "--epochs=2", "--epochs=2"]
    assert arguments.read(parser(), given)[1] == given


@pytest.mark.parametrize(
    ("argv", "says"),
    [
        (["--epochs", "5"], "--epochs=5"),
        (["--epochs"], "--epochs=VALUE"),
        (["-epochs=5"], "two dashes"),
        (["ml-100k"], "unexpected argument 'ml-100k'"),
        (["--config_files", "a.yaml", "b.yaml"], "--config_files='a.yaml b.yaml'"),
        (["--data_path=/a=b"], "contains '='"),
        (["--epochs=1", "--epochs=2"], "given twice"),
        (["--epochs=five"], "must be a number"),
        (["--epochs=[1]"], "must be a number"),
        (["--epoch=5"], "did you mean --epochs?"),
        (["--learning-rate=1"], "did you mean --learning_rate?"),
        (["--modle=SASRec"], "did you mean --model?"),
        (["--protocl"], "did you mean --protocol?"),
        (["--nproc=two"], "--nproc"),
        (["--model"], "expected one argument"),
        (["--", "x"], "unexpected argument"),
    ],
)
def test_refused(argv, says):
    with pytest.raises(UsageError) as refusal:
        arguments.read(parser(), argv)
    assert says in str(refusal.value)
    assert "\n" not in str(refusal.value)


def test_a_setting_that_nothing_resembles_is_only_warned_of(capsys):
    _, settings = arguments.read(parser(), ["--zzqx_own_note=1"])
    assert settings == ["--zzqx_own_note=1"]
    assert "zzqx_own_note" in capsys.readouterr().err


@pytest.mark.parametrize(
    "setting", ["hidden_size=8", "modalities=[]", "save_dataset=True", "category_field=class"]
)
def test_settings_of_recbole_and_of_this_package_are_known(setting, capsys):
    arguments.read(parser(), [f"--{setting}"])
    assert capsys.readouterr().err == ""


def test_recbole_finds_exactly_the_settings_in_sys_argv(monkeypatch):
    monkeypatch.setattr(sys, "argv", ["prog", "-m", "SASRec", "--debug", "--epochs=1"])
    arguments.hand_to_recbole(["--epochs=1"], model="SASRec", dataset=None)
    assert sys.argv == ["prog", "--model=SASRec", "--epochs=1"]
