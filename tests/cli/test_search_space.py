"""Params files of ``run_hyper``."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest

from recbole_cammsr.cli import run_hyper, search_space
from recbole_cammsr.cli.hyper_tools import Best
from recbole_cammsr.cli.search_space import Parameter
from recbole_cammsr.run import protocol
from recbole_cammsr.run.errors import RunError, UsageError


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


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("rate uniform 0.5,0.1", "the first end must be below the second, not 0.5,0.1"),
        ("rate uniform 0.5,0", "not 0.5,0"),  # Hyperopt lets a zero pass
        ("rate quniform 64,32,16", "not 64,32"),
        ("rate quniform 1,9,0", "the step must be above 0, not 0"),
        ("rate loguniform -4,-8", "not -4,-8"),
        ("rate loguniform 1,1000", "exponents of e, of which 1000 is too large"),
        ("rate uniform 0,inf", "must be finite"),
    ],
)
def test_a_range_that_cannot_be_drawn_from_is_named(tmp_path, line, says):
    path = tmp_path / "p"
    path.write_text(f"seed choice [1]\n{line}\n")
    with pytest.raises(UsageError, match=f"line 2, '{re.escape(line)}': .*{re.escape(says)}"):
        search_space.read(str(path))


@pytest.mark.parametrize("name", ["learning_rate", "weight_decay"])
@pytest.mark.parametrize(
    ("ends", "says"),
    [
        ("0.0001,0.01", "1.0001 to 1.0101; for 0.0001 to 0.01 write -9.2,-4.6"),
        ("0,0.5", "1 to 1.6487; write negative ones"),
    ],
)
def test_values_in_place_of_exponents_are_refused(tmp_path, name, ends, says):
    path = tmp_path / "p"
    path.write_text(f"{name} loguniform {ends}\n")
    with pytest.raises(UsageError, match=f"exponents of e, so '{name}' would be {says}"):
        search_space.check(search_space.read(str(path)), str(path), "BPR")


def test_exponents_up_to_zero_and_of_other_settings_pass(tmp_path):
    path = tmp_path / "p"
    path.write_text("learning_rate loguniform -8,0\nreg_weight loguniform 0.5,2\n")
    search_space.check(search_space.read(str(path)), str(path), "LightGCN")


@pytest.mark.parametrize(
    "line",
    [
        "item_inter_num_interval choice ['[0,inf)','[33,inf)']",
        "mask_history choice [True,False]",
        "data_path choice ['a','b']",
        "valid_metric choice ['NDCG@10','MRR@10']",
        "valid_metric_bigger choice [True,False]",
    ],
)
def test_what_decides_the_scores_meaning_is_not_tuned(tmp_path, line):
    path = tmp_path / "p"
    path.write_text(f"{line}\n")
    name = line.split()[0]
    with pytest.raises(UsageError, match=f"tunes '{name}', which decides .* trials must share it"):
        search_space.check(search_space.read(str(path)), str(path), "CAMMSR")


def test_lines_are_counted_with_those_that_are_left_out(tmp_path):
    path = tmp_path / "p"
    path.write_text("# comment\n\nseed choice [1]\n\nrate\n")
    with pytest.raises(UsageError, match="line 5 is not understood"):
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
        (
            ["--model=BPR", "--dataset=d", "--params_file=p", "--output_file=."],
            "--output_file: . is a folder",
        ),
        (
            ["--model=BPR", "--dataset=d", "--params_file=p", "--display_file=p/x.html"],
            "--display_file: the folder",
        ),
        (
            ["--model=BPR", "--dataset=d", "--params_file=p", "--tool=Ray", "--display_file=x"],
            "--display_file is for Hyperopt only",
        ),
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
    asked = ["--model=BPR", "--dataset=d", "--params_file=p", "--output_file=."]
    assert run_hyper.main([*asked, "--max_evals=3"]) == 2
    error = capsys.readouterr().err
    assert "--max_evals=3 does not limit --algo=exhaustive (the default)" in error
    assert "tries all 4 combinations" in error
    for more in (["--max_evals=4"], ["--max_evals=3", "--algo=random"]):
        assert run_hyper.main([*asked, *more]) == 2
        assert "--output_file: . is a folder" in capsys.readouterr().err  # what is checked next


def test_a_missing_plotly_is_found_before_the_search(tmp_path, monkeypatch, capsys):
    def version(package):
        if package == "plotly":
            raise run_hyper.importlib.metadata.PackageNotFoundError
        return "1"

    monkeypatch.chdir(tmp_path)
    Path("p").write_text("embedding_size choice [8,16]\n")
    monkeypatch.setattr(run_hyper.importlib.metadata, "version", version)
    monkeypatch.setattr(run_hyper.hyper_tools, "with_hyperopt", None)  # not reached
    asked = ["--model=BPR", "--dataset=d", "--params_file=p", "--display_file=x.html"]
    assert run_hyper.main(asked) == 1
    assert "plotly is not installed: run `pip install 'plotly'`" in capsys.readouterr().err


def test_the_best_is_shown_before_a_plot_that_fails_and_earlier_results_are_kept(
    tmp_path, monkeypatch, capsys
):
    def search(search, *limits):
        def plot():
            raise RunError("no plot")

        Path(search.output_file).write_text("new")
        return Best({"embedding_size": 8}, {"mrr@10": 0.5}, {"mrr@10": 0.25}, 3, 2, plot)

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["run_hyper"])
    Path("p").write_text("embedding_size choice [8,16]\n")
    Path("r").write_text("old")
    Path("d").mkdir()
    Path("d/d.inter").write_text("user_id:token\titem_id:token\n1\t1\n")
    monkeypatch.setattr(run_hyper, "_check_installed", lambda _: None)
    monkeypatch.setattr(run_hyper.hyper_tools, "with_hyperopt", search)
    asked = ["--model=BPR", "--dataset=d", "--data_path=.", "--params_file=p", "--output_file=r"]
    assert run_hyper.main(asked) == 1
    said = capsys.readouterr()
    assert "BPR on d: best of 3 trials (2 more failed)" in said.out
    assert "no plot" in said.err
    assert "note: earlier results are now in r.1" in said.err
    assert Path("r").read_text() == "new"
    assert Path("r.1").read_text() == "old"


@pytest.mark.parametrize(
    ("tool", "given", "expected"),
    [
        ("hyperopt", [], ("exhaustive", 100, None)),
        ("hyperopt", ["--algo=bayes", "--max_evals=7", "--early_stop=3"], ("bayes", 7, 3)),
        ("ray", ["--tool=Ray"], (5,)),
        ("ray", ["--tool=Ray", "--max_evals=7"], (7,)),
    ],
)
def test_a_search_is_the_one_that_was_asked_for(
    tmp_path, monkeypatch, capsys, tool, given, expected
):
    searches = []

    def run(search, *limits):
        searches.append((search, limits))
        return Best({"n_layers": 2, "x": 0.123456}, {"mrr@10": 0.5}, {"mrr@10": 0.25}, 3, 0)

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["run_hyper"])
    Path("p").write_text("n_layers choice [1,2]\n")
    Path("a.yaml").write_text("model: SASRec\ndataset: ml-100k\n")
    monkeypatch.setattr(run_hyper, "_check_installed", lambda _: None)
    monkeypatch.setattr(run_hyper.hyper_tools, f"with_{tool}", run)
    asked = ["--config_files=a.yaml", "--params_file=p", "--protocol", "--output_file=found"]
    shown = [] if tool == "ray" else ["--display_file=plot.html"]
    assert run_hyper.main([*asked, *shown, *given]) == 0
    ((search, limits),) = searches
    assert limits == expected
    # a worker of Ray has another folder
    assert search.config_files == [str(tmp_path / "a.yaml")]
    assert search.params_file == str(tmp_path / "p")
    assert (search.output_file, search.display_file) == ("found", "plot.html" if shown else None)
    assert search.base == protocol.settings_for("SASRec", "ml-100k", {"dataset": "ml-100k"})
    output = capsys.readouterr().out
    rows = [line.rsplit(None, 1) for line in output.splitlines() if line]
    for name, value in (("x", "0.123456"), ("best valid mrr@10", "0.5"), ("test mrr@10", "0.25")):
        assert [name, value] in rows
