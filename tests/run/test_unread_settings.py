"""Settings that nothing reads are named in one line, by commands and in scripts."""

from __future__ import annotations

import argparse
import os
from pathlib import Path

import pytest
import yaml

from recbole_cammsr import default_settings
from recbole_cammsr.cli.request import Request
from recbole_cammsr.run import unread_settings
from recbole_cammsr.run.command import guarded

TYPED = {
    **{"learning_rte": 0.5, "dropout_prob": 0.9, "training": {"epochs": 9}, "swap_wt": 3},
    **{"epochs": 1, 1: "a note"},
}
SAYS = (
    "in the config files, no setting is named 'learning_rte' (is 'learning_rate' meant?), "
    "'training' (RecBole knows no sections: 'epochs' must not be indented), 'swap_wt' (is "
    "'swap_weight' meant?) and 1; CAMMSR does not read 'dropout_prob' (of other models)"
)


@pytest.fixture
def typed_file(tmp_path: Path) -> str:
    path = tmp_path / "t.yaml"
    path.write_text(yaml.safe_dump(TYPED, sort_keys=False))
    return str(path)


def test_every_one_is_named_with_what_was_probably_meant():
    assert unread_settings.in_files(TYPED, ["CAMMSR"]) == SAYS
    assert unread_settings.in_files({"epochs": 1, "swap_weight": 0.1}, ["CAMMSR"]) is None


def test_what_one_of_the_models_reads_is_not():
    shared = {"swap_weight": 0.1, "dropout_prob": 0.1}
    assert unread_settings.in_files(shared, ["GRU4Rec", "CAMMSR"]) is None
    assert unread_settings.in_files(shared, ["GRU4Rec", "UniSRec"]) == (
        "in the config files, GRU4Rec and UniSRec do not read 'swap_weight' (of CAMMSR)"
    )


@pytest.mark.parametrize("name", sorted(os.listdir(f"{default_settings.PROPERTIES}/preset")))
def test_a_preset_is_read_whole(name):
    with open(f"{default_settings.PROPERTIES}/preset/{name}", encoding="utf-8") as file:
        assert unread_settings.in_files(yaml.safe_load(file), ["CAMMSR"]) is None


def test_a_command_says_it_once(typed_file, capsys):
    request = Request(argparse.Namespace(config_files=typed_file, protocol=False), [])
    assert capsys.readouterr().err == ""  # it is not known yet what is trained
    for _ in range(2):
        request.check_models(["CAMMSR"])
    assert capsys.readouterr().err == f"warning: {SAYS}\n"


def test_a_script_finds_it_in_the_log_and_a_command_does_not_say_it_again(
    typed_file, caplog, monkeypatch
):
    monkeypatch.setattr("sys.argv", ["prog"])
    from recbole.config import Config

    def body(_):
        Config("CAMMSR", "ml-100k", [typed_file])
        return 0

    assert guarded("command", body, []) == 0
    assert not caplog.records
    Config("SASRec", "ml-100k", [typed_file], {"train_neg_sample_args": None})  # RecBole's own
    assert not caplog.records
    Config("CAMMSR", "ml-100k", [typed_file])
    assert [record.getMessage() for record in caplog.records] == [SAYS]
    caplog.clear()
    # what stands in the dictionary too is told of there
    Config("CAMMSR", "ml-100k", [typed_file], dict(TYPED))
    says = SAYS.removeprefix("in the config files, ")
    assert [record.getMessage() for record in caplog.records] == [says]
