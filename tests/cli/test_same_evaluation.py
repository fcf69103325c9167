"""Rows that were tested on different questions are named, and none of them is the best."""

from __future__ import annotations

import argparse
from collections.abc import Callable

import pytest

from recbole_cammsr.cli import run_recbole_group, same_evaluation, tables
from recbole_cammsr.cli.request import Request
from recbole_cammsr.run.training import Outcome


@pytest.fixture
def differing(monkeypatch, toy_path) -> Callable:
    """The sentence of a command on models."""
    monkeypatch.setattr("sys.argv", ["run_recbole_group"])

    def of(models, protocol=False, settings=(), config_files=None):
        request = Request(
            argparse.Namespace(
                config_files=config_files,
                protocol=protocol,
                **{"nproc": 1, "world_size": -1, "ip": "", "port": "", "group_offset": 0},
            ),
            [f"--data_path={toy_path}", "--gpu_id=", *settings],
        )
        evaluated = {model: same_evaluation.of(request, model, "toy") for model in models}
        return same_evaluation.difference(evaluated, protocol)

    return of


def test_another_split_is_told_of(differing):
    sentence = differing(["Pop", "CAMMSR", "UniSRec"])
    assert sentence.startswith(
        "these rows are not comparable: eval_args split is {'RS': [0.8, 0.1, 0.1]} for Pop, "
        "{'LS': 'valid_and_test'} for CAMMSR and UniSRec; eval_args order is RO for Pop, TO for "
    )
    assert "own items left out of the ranking is True for Pop, False for CAMMSR" in sentence
    assert sentence.endswith("; add --protocol")


def test_the_order_of_times_is_part_of_it(differing):
    given = ["--train_neg_sample_args=None"]
    assert "exact_time_order is False for SASRec, True for" in differing(
        ["SASRec", "CAMMSR"], settings=given
    )
    assert differing(["SASRec", "CAMMSR"], settings=[*given, "--exact_time_order=True"]) is None


@pytest.mark.parametrize("masked", [[], ["--mask_history=True"]])
def test_models_that_follow_the_protocol_are_comparable(differing, masked):
    models = ["Pop", "BPR", "SASRec", "FPMC", "CAMMSR", "HM4SR"]
    assert differing(models, protocol=True, settings=masked) is None


def test_of_pre_split_data_no_split_is_compared(differing):
    given = ["--benchmark_filename=['a','b','c']", "--repeatable=True"]
    assert differing(["Pop", "CAMMSR"], settings=given) is None
    assert differing(["Pop", "BPR"]) is None
    # a model whose settings RecBole refuses fails by itself
    assert differing(["SASRec", "CAMMSR"], settings=["--eval_args={'split':7}"]) is None


def test_config_files_decide_too(differing, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    whole = "eval_args: {split: {LS: valid_and_test}, order: TO, group_by: user, mode: full}\n"
    (tmp_path / "a.yaml").write_text(f"{whole}repeatable: True\nexact_time_order: True\n")
    assert "eval_args" in differing(["Pop", "CAMMSR"], settings=["--repeatable=True"])
    assert differing(["Pop", "CAMMSR"], config_files="a.yaml") is None


def test_nothing_is_the_best_of_such_rows(tmp_path):
    outcomes = [
        Outcome(model, "d", {}, {"ndcg@10": value}, True, None)
        for model, value in (("A", 0.1), ("B", 0.4))
    ]
    assert "*" in tables.comparison(outcomes, "test")
    assert "*" not in tables.comparison(outcomes, "test", mark_best=False)
    path = tmp_path / "t.tex"
    for mark_best in (True, False):
        run_recbole_group._write_latex(outcomes, "test", str(path), mark_best)
        assert ("bfseries" in path.read_text()) == mark_best


def test_the_command_says_it_before_and_after(monkeypatch, tmp_path, toy_path, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.argv", ["run_recbole_group"])
    trained = []

    def train(job):
        trained.append(job.model)
        return Outcome(job.model, job.dataset, {"mrr@5": 1}, {"mrr@5": 1}, True, None)

    monkeypatch.setattr(run_recbole_group, "train", train)
    given = ["--dataset=toy", f"--data_path={toy_path}", "--gpu_id="]
    assert run_recbole_group.main(["--model_list=Pop,CAMMSR,Pop", *given]) == 0
    captured = capsys.readouterr()
    assert "--model_list names Pop 2 times; it is trained once" in captured.err
    assert trained == ["Pop", "CAMMSR"]
    assert captured.err.count("warning: these rows are not comparable") == 1
    assert captured.out.count("these rows are not comparable") == 1
    assert "1.0000*" not in captured.out
    assert run_recbole_group.main(["--model_list=Pop,BPR", *given]) == 0
    captured = capsys.readouterr()
    assert "comparable" not in captured.err + captured.out
    assert "1.0000*" in captured.out

    # the other model has failed: nothing is compared
    def fail(job):
        raise ValueError("no")

    monkeypatch.setattr(run_recbole_group, "train", fail)
    assert run_recbole_group.main(["--model_list=Pop", *given]) == 1


def test_a_model_that_failed_takes_no_mark_from_the_others(monkeypatch, tmp_path, toy_path, capsys):
    def train(job):
        if job.model == "CAMMSR":
            raise ValueError("no")
        value = {"Pop": 0.25, "BPR": 0.5}[job.model]
        return Outcome(job.model, job.dataset, {"mrr@5": value}, {"mrr@5": value / 2}, True, None)

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.argv", ["run_recbole_group"])
    monkeypatch.setattr(run_recbole_group, "train", train)
    given = ["--dataset=toy", f"--data_path={toy_path}", "--gpu_id=", "--model_list=CAMMSR,Pop,BPR"]
    files = {"valid": "of/validation.tex", "test": "of/test.tex"}
    given += [f"--{split}_latex={path}" for split, path in files.items()]
    assert run_recbole_group.main(given) == 1
    captured = capsys.readouterr()
    assert "warning: these rows are not comparable" in captured.err
    assert "comparable" not in captured.out
    for split, best, other in (("valid", "0.5000", "0.2500"), ("test", "0.2500", "0.1250")):
        assert f"  {best}*\n" in captured.out
        rows = (tmp_path / files[split]).read_text().replace("\\\\", "").splitlines()
        assert [row.split(" & ") for row in rows if row.startswith(("Pop", "BPR"))] == [
            ["Pop", f"{other} "],
            ["BPR", f"\\bfseries {best} "],
        ]


@pytest.mark.parametrize("option", ["--resume=x", "--evaluate=x", "--resume"])
def test_a_checkpoint_is_refused(option, capsys):
    assert run_recbole_group.main(["--model_list=Pop", option]) == 2
    error = capsys.readouterr().err
    if "=" in option:
        assert f"{option.partition('=')[0]} takes the checkpoint of one model" in error
