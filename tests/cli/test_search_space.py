"""Params files of ``run_hyper``."""

from __future__ import annotations

import pytest

from recbole_cammsr.cli import run_hyper, search_space
from recbole_cammsr.cli.errors import UsageError
from recbole_cammsr.cli.search_space import Parameter


def test_every_kind_is_read(tmp_path):
    path = tmp_path / "p"
    path.write_text(
        "# comment\n\nsizes choice ['[64, 32]', '[8]']\nn choice [1, 2]\n"
        "rate loguniform -8, -4\ndrop uniform 0,0.5\nstep quniform 1,9,2\n"
    )
    assert search_space.read(str(path)) == [
        Parameter("sizes", "choice", ("[64, 32]", "[8]")),
        Parameter("n", "choice", (1, 2)),
        Parameter("rate", "loguniform", (-8.0, -4.0)),
        Parameter("drop", "uniform", (0.0, 0.5)),
        Parameter("step", "quniform", (1.0, 9.0, 2.0)),
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
    ("arguments", "says"),
    [
        (["--model=BPR", "--dataset=d"], "--params_file is needed"),
        (["--dataset=d", "--params_file=p"], "--model is needed"),
        (["--model=BPR", "--params_file=p"], "--dataset is needed"),
        (["--model=BPR", "--dataset=d", "--params_file=none"], "none cannot be read"),
        (["--model=BPR", "--dataset=d", "--params_file=p", "--tool=Optuna"], "Hyperopt or Ray"),
        (["--model=BPR", "--dataset=d", "--params_file=p", "--seed=1"], "one place only"),
        (["--model=BPR", "--dataset=d", "--params_file=range"], "--algo=random"),
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
