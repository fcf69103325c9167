"""Which of several places of a setting counts, and what of a command line reaches the job."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from recbole_cammsr.cli import arguments, run_recbole
from recbole_cammsr.cli.request import Request
from recbole_cammsr.run import protocol
from recbole_cammsr.run.checkpoints import Origin

#: of a checkpoint, neither RecBole's default nor the protocol's
SPLIT = {"split": {"RS": [8, 1, 1]}, "order": "RO", "group_by": "user", "mode": "uni7"}


def asked(*argv: str) -> Request:
    """The request of a command line."""
    return Request(*arguments.read(run_recbole._parser(), argv))


def handed() -> dict[str, object]:
    """What RecBole's Config finds on the command line, each key once."""
    assert len(arguments.keys(sys.argv[1:])) == len(sys.argv) - 1
    return arguments.values(sys.argv[1:])


@pytest.fixture(autouse=True)
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two config files in the folder of the command."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["run_recbole"])
    Path("a.yaml").write_text("model: SASRec\ndataset: a\nepochs: 3\nn_layers: 1\n")
    Path("b.yaml").write_text("dataset: b\nepochs: 4\neval_args: {mode: uni5}\n")


def test_model_and_data_set_are_those_of_the_options_then_of_the_last_file_then_the_defaults():
    both = "--config_files=a.yaml b.yaml"
    for argv, model, dataset in (
        ([both, "--model=BPR", "--dataset=c"], "BPR", "c"),
        ([both], "SASRec", "b"),
        (["--config_files=a.yaml"], "SASRec", "a"),
        (["--config_files=b.yaml"], "standard", "b"),
        ([], "standard", "standard"),
    ):
        request = asked(*argv)
        assert request.named("model", "standard") == model
        assert request.named("dataset", "standard") == dataset
    Path("a.yaml").write_text("dataset: 2018\n")  # a number to YAML
    assert asked("--config_files=a.yaml").named("dataset", None) == "2018"


def test_every_process_option_reaches_the_job():
    places = {"nproc": 2, "world_size": 6, "group_offset": 3, "ip": "10.0.0.1", "port": "1234"}
    request = asked(*(f"--{name}={value}" for name, value in places.items()), "--epochs=2")
    job = request.job("BPR", "d", None, None)
    assert {name: getattr(job, name) for name in places} == places
    assert (job.model, job.dataset, job.resume) == ("BPR", "d", None)
    assert handed() == {"model": "BPR", "dataset": "d", "epochs": 2}


def test_what_is_given_wins_over_a_checkpoint_and_a_checkpoint_over_the_protocol():
    saved = {"epochs": 9, "n_layers": 9, "hidden_size": 9, "metrics": ["Hit"], "eval_args": SPLIT}
    job = asked("--config_files=a.yaml", "--protocol", "--hidden_size=5").job(
        "SASRec", "ml-100k", "saved/c.pth", Origin("SASRec", "ml-100k", saved)
    )
    assert job.resume == "saved/c.pth"
    assert [Path(path).name for path in job.config_files] == ["a.yaml"]
    # RecBole's order is files, then this, then the command line: what files have is not in it
    assert not {"epochs", "n_layers"} & set(job.config_dict)
    assert job.config_dict["metrics"] == ["Hit"]
    assert job.config_dict["eval_args"] == SPLIT
    assert job.config_dict["train_neg_sample_args"] is None  # of the protocol
    assert handed() == {"model": "SASRec", "dataset": "ml-100k", "hidden_size": 5}


@pytest.mark.parametrize("use_protocol", [True, False])
def test_a_part_of_the_evaluation_is_completed_from_what_would_hold_without_it(use_protocol):
    more = ["--protocol"] if use_protocol else []
    rest = protocol.evaluation("d")
    in_file, typed = "--config_files=b.yaml", "--eval_args={'mode':'uni9'}"
    for given, mode in (([in_file], "uni5"), ([typed], "uni9"), ([in_file, typed], "uni9")):
        request = asked(*given, *more)
        request.job("BPR", "d", None, None)
        if use_protocol:
            assert handed()["eval_args"] == {**rest, "mode": mode}
        else:  # RecBole's own defaults hold for the rest, as without this package
            assert handed().get("eval_args") == ({"mode": mode} if typed in given else None)
        request.job("BPR", "d", "c.pth", Origin("BPR", "d", {"eval_args": SPLIT}))
        assert handed()["eval_args"] == {**SPLIT, "mode": mode}


def test_the_protocol_leaves_out_what_the_user_chose_and_is_none_without_the_option():
    assert asked().protocol_settings("SASRec", "ml-100k") == {}
    whole = asked("--protocol").protocol_settings("SASRec", "ml-100k")
    assert {"metrics", "topk"} <= set(whole)
    Path("a.yaml").write_text("topk: [3]\n")
    request = asked("--protocol", "--config_files=a.yaml", "--metrics=[Hit]")
    left = {name: value for name, value in whole.items() if name not in ("metrics", "topk")}
    assert request.protocol_settings("SASRec", "ml-100k") == left
    Path("a.yaml").write_text("mask_history: True\n")
    for typed, repeatable in (([], False), (["--mask_history=False"], True)):
        request = asked("--protocol", "--config_files=a.yaml", *typed)
        assert request.protocol_settings("BPR", "ml-100k")["repeatable"] is repeatable
