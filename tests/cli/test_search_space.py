"""Params files of ``run_hyper``."""

from __future__ import annotations

import pytest

from recbole_cammsr.cli import run_hyper, search_space
from recbole_cammsr.cli.search_space import Parameter
from recbole_cammsr.run.errors import UsageError


def test_every_kind_is_read(tmp_path):
    path = tmp_path / "p"
    path.write_text(
        "# comment\n\nsizes choice ['[64, 32]', '[8]']\nn choice [1, 2]\n"
        "rate loguniform -8, -4\ndrop uniform 0,0.5\nstep quniform 1,9,2\n"
        "part quniform 0,1,0.5\n"
    )
    assert search_space.read(str(path)) == [
        Parameter("sizes", "choice", ("[64, 32]", "[8]")),
        Parameter("n", "choice", (1, 2)),
        Parameter("rate", "loguniform", (-8.0, -4.0)),
        Parameter("drop", "uniform", (0.0, 0.5)),
        Parameter("step", "quniform", (1, 9, 2)),
        Parameter("part", "quniform", (0.0, 1.0, 0.5)),
    ]


@pytest.mark.parametrize(
    "line",
    ["rate", "rate uniform", "rate uniform 1", "rate normal 0,1", "n choice 3", "n choice ["],
)
def test_a_line_that_recbole_would_skip_or_crash_on_is_refused(tmp_path, line):
    path = tmp_path / "p"
    path.write_text(f"seed choice [1]\n{line}\n")
    with pytest.raises(UsageError, match="line 2 is not understood"):
        search_space.read(str(path))


def test_an_empty_file_is_refused(tmp_path):
    path = tmp_path / "p"
    path.write_text("# nothing\n")
    with pytest.raises(UsageError, match="nothing to tune"):
        search_space.read(str(path))


@pytest.mark.parametrize(
    ("model", "line", "says"),
    [
        ("CAMMSR", "swap_wieght choice [0.1,0.5]", "'swap_wieght'; did you mean 'swap_weight'?"),
        ("BPR", "learning_rat choice [0.1]", "did you mean 'learning_rate'?"),
        ("BPR", "qqqqqqqq choice [0.1]", "no model reads the setting 'qqqqqqqq'"),
        ("SASRec", "swap_weight uniform 0,1", "SASRec does not read the setting 'swap_weight'"),
        ("BPR", "model choice ['BPR','Pop']", "must not set 'model'; one model is tuned"),
        ("BPR", "learning_rate choice [abc]", "line 2 is not understood"),
        ("BPR", "learning_rate choice ['abc']", "'learning_rate' would be 'abc'; it must be a num"),
        ("BPR", "learning_rate uniform -1,1", "would be -1.0; it must be 0 or more"),
        ("BPR", "epochs quniform 1,9,0.5", "would be 1.0; it must be a whole number"),
        ("BPR", "learner choice ['adam','adamm']", "'learner' would be 'adamm'"),
        ("BPR", "seed choice [3]", "'seed' stands twice"),
    ],
)
def test_run_hyper_refuses_what_trials_would_take_in_silence(tmp_path, capsys, model, line, says):
    path = tmp_path / "p"
    path.write_text(f"seed choice [1,2]\n{line}\n")
    code = run_hyper.main([f"--model={model}", "--dataset=d", f"--params_file={path}"])
    assert code == 2
    error = capsys.readouterr().err
    assert says in error
    assert str(path) in error
    assert error.count("\n") == 1


def test_values_of_every_form_pass(tmp_path):
    path = tmp_path / "p"
    path.write_text(
        "mlp_hidden_size choice ['[64,32]','[8]']\nlearning_rate loguniform -8,-4\n"
        "train_batch_size choice ['2**10',512]\nweight_decay quniform 0,1,0.5\n"
        "learner choice ['Adam','sgd']\nseed choice [1,2]\nembedding_size quniform 32,64,32\n"
    )
    search_space.check(search_space.read(str(path)), str(path), "NeuMF")


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--model=BPR", "--dataset=d"], "--params_file is needed"),
        (["--dataset=d", "--params_file=p"], "--model is needed"),
        (["--model=BPR", "--params_file=p"], "--dataset is needed"),
        (["--model=BPR", "--dataset=d", "--params_file=none"], "none cannot be read"),
        (["--model=BPR", "--dataset=d", "--params_file=p", "--tool=Optuna"], "Hyperopt or Ray"),
        (["--model=BPR", "--dataset=d", "--params_file=p", "--seed=1"], "one place only"),
        (["--model=BPR", "--dataset=d", "--params_file=range"], "--algo=random"),
        (
            ["--model=CAMMSR", "--dataset=d", "--params_file=p", "--valid_metric=NDGC@10"],
            "did you mean 'NDCG@10'?",
        ),
        (["--model=BPR", "--dataset=d", "--params_file=p", "--output_file=no/x"], "does not exist"),
    ],
)
def test_run_hyper_refuses(tmp_path, monkeypatch, capsys, arguments, says):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "p").write_text("seed choice [1,2]\n")
    (tmp_path / "range").write_text("learning_rate uniform 0,1\n")
    assert run_hyper.main(arguments) == 2
    error = capsys.readouterr().err
    assert says in error
    assert error.count("\n") == 1


@pytest.mark.parametrize("option", ["max_evals", "early_stop"])
@pytest.mark.parametrize("tool", ["Hyperopt", "Ray"])
@pytest.mark.parametrize("given", [0, -3])
def test_run_hyper_refuses_a_search_without_trials(capsys, tool, given, option):
    """None at all is the default number, and RecBole's loop would take 0 for it."""
    # no params file: were the number let through, that is what would be refused
    code = run_hyper.main([f"--{option}={given}", "--model=BPR", "--dataset=d", f"--tool={tool}"])
    assert code == 2
    error = capsys.readouterr().err
    assert f"--{option} must be at least 1, not {given}" in error
    assert error.count("\n") == 1


def test_a_limit_that_an_exhaustive_search_would_go_beyond_is_refused(
    tmp_path, monkeypatch, capsys
):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "p").write_text("embedding_size choice [8,16]\nlearning_rate choice [0.1,0.01]\n")
    asked = ["--model=BPR", "--dataset=d", "--params_file=p", "--output_file=no/x"]
    assert run_hyper.main([*asked, "--max_evals=3"]) == 2
    error = capsys.readouterr().err
    assert "--max_evals=3 does not limit --algo=exhaustive (the default)" in error
    assert "tries all 4 combinations" in error
    for more in (["--max_evals=4"], ["--max_evals=3", "--algo=random"]):
        assert run_hyper.main([*asked, *more]) == 2
        assert "the folder of --output_file" in capsys.readouterr().err  # what is checked next
