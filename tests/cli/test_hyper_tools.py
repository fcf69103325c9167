"""Finished trials of a search are in its file whatever ends it."""

from __future__ import annotations

import ast
from typing import Any

import pytest

from recbole_cammsr.cli.hyper_tools import Search, with_hyperopt
from recbole_cammsr.cli.search_space import Parameter
from recbole_cammsr.run.errors import RunError


def test_every_trial_is_in_the_file_before_the_next_one_begins(tmp_path, monkeypatch):
    """A search that is killed says nothing more: nothing can be left to its end."""
    pytest.importorskip("hyperopt", reason="hyperopt is optional")
    output = tmp_path / "tuned.result"
    known = []

    def objective(config_dict: dict[str, Any], config_files: Any) -> dict[str, Any]:
        known.append(output.read_text().count("Test result:") if output.exists() else 0)
        score = config_dict["learning_rate"]
        return {
            **{"model": "none", "best_valid_score": score, "valid_score_bigger": True},
            **{"best_valid_result": {"ndcg@10": score}, "test_result": {"ndcg@10": score}},
        }

    monkeypatch.setattr("recbole.quick_start.objective_function", objective)
    parameters = [Parameter("learning_rate", "choice", (0.1, 0.3, 0.2))]
    search = Search(parameters, "params.txt", [], {}, str(output), None)
    best = with_hyperopt(search, "exhaustive", 100, 10)
    assert known == [0, 1, 2]
    assert output.read_text().count("Test result:") == 3
    assert best.parameters == {"learning_rate": 0.3}


def failing_at(*failing: float) -> Any:
    """An objective that fails with some learning rates; of the others the smallest is best."""

    def objective(config_dict: dict[str, Any], config_files: Any) -> dict[str, Any]:
        rate = config_dict["learning_rate"]
        if rate in failing:
            raise ValueError("Training loss is nan")
        return {
            **{"model": "none", "best_valid_score": 1 / rate, "valid_score_bigger": True},
            **{"best_valid_result": {"ndcg@10": 1 / rate}, "test_result": {"ndcg@10": rate}},
        }

    return objective


@pytest.mark.parametrize("algorithm", ["exhaustive", "random", "bayes"])
def test_a_trial_that_fails_does_not_end_the_search(tmp_path, monkeypatch, capsys, algorithm):
    pytest.importorskip("hyperopt", reason="hyperopt is optional")
    monkeypatch.setenv("HYPEROPT_FMIN_SEED", "1")
    monkeypatch.setattr("recbole.quick_start.objective_function", failing_at(1.0))
    output = tmp_path / "tuned.result"
    parameters = [Parameter("learning_rate", "choice", (1.0, 2.0, 3.0))]
    search = Search(parameters, "p", [], {}, str(output), None)
    # the first 20 that TPE tries are drawn at random
    best = with_hyperopt(search, algorithm, 30, 30)
    assert best.parameters == {"learning_rate": 2.0}
    if algorithm == "exhaustive":
        assert (best.trials, best.failed) == (2, 1)
    assert best.failed >= 1
    written = output.read_text()
    assert written.count("Test result:") == 2
    assert "learning_rate:1.0\nfailed: ValueError: Training loss is nan" in written
    assert "warning: the trial learning_rate:1.0 failed: " in capsys.readouterr().err


@pytest.mark.parametrize("early_stop", [3, 5])
def test_failed_trials_are_trials_without_improvement(tmp_path, monkeypatch, early_stop):
    """Neither do they reset the count, nor does a failed first one forbid improvement."""
    pytest.importorskip("hyperopt", reason="hyperopt is optional")
    tried = []

    def objective(config_dict: dict[str, Any], config_files: Any) -> dict[str, Any]:
        tried.append(config_dict["seed"])
        if len(tried) != 2:
            raise ValueError("none")
        return {
            **{"model": "none", "best_valid_score": 0.5, "valid_score_bigger": True},
            **{"best_valid_result": {"ndcg@10": 1}, "test_result": {"ndcg@10": 1}},
        }

    monkeypatch.setattr("recbole.quick_start.objective_function", objective)
    parameters = [Parameter("seed", "choice", tuple(range(50)))]
    search = Search(parameters, "p", [], {}, str(tmp_path / "tuned.result"), None)
    best = with_hyperopt(search, "random", 40, early_stop)
    assert best.trials == 1
    assert len(tried) == 2 + early_stop


def test_a_search_of_which_every_trial_fails_says_why(tmp_path, monkeypatch, capsys):
    pytest.importorskip("hyperopt", reason="hyperopt is optional")
    monkeypatch.setattr("recbole.quick_start.objective_function", failing_at(1.0, 2.0))
    parameters = [Parameter("learning_rate", "choice", (1.0, 2.0))]
    output = tmp_path / "tuned.result"
    search = Search(parameters, "p", [], {}, str(output), None, debug=True)
    with pytest.raises(RunError, match=r"every trial failed \(2 of them\), the first with: .*nan"):
        with_hyperopt(search, "exhaustive", 100, None)
    assert output.read_text().count("\nfailed: ") == 2
    assert "Traceback" in capsys.readouterr().err  # as --debug promises


def test_who_interrupts_a_trial_ends_the_search(tmp_path, monkeypatch):
    pytest.importorskip("hyperopt", reason="hyperopt is optional")

    def objective(config_dict: dict[str, Any], config_files: Any) -> dict[str, Any]:
        raise KeyboardInterrupt

    monkeypatch.setattr("recbole.quick_start.objective_function", objective)
    parameters = [Parameter("learning_rate", "choice", (1.0, 2.0))]
    search = Search(parameters, "p", [], {}, str(tmp_path / "tuned.result"), None)
    with pytest.raises(KeyboardInterrupt):
        with_hyperopt(search, "exhaustive", 100, None)


def test_a_plot_is_drawn_of_the_trials_that_did_not_fail_when_asked_for(tmp_path, monkeypatch):
    pytest.importorskip("hyperopt", reason="hyperopt is optional")
    offline = pytest.importorskip("plotly.offline", reason="plotly is optional")
    import recbole.config.configurator  # noqa: F401  gives numpy the names that RecBole reads

    drawn = []
    monkeypatch.setattr(offline, "plot", lambda figure, filename: drawn.append((figure, filename)))
    monkeypatch.setattr("recbole.quick_start.objective_function", failing_at(2.0))
    parameters = [Parameter("learning_rate", "choice", (1.0, 2.0, 4.0))]
    output, picture = str(tmp_path / "tuned.result"), str(tmp_path / "x.html")
    best = with_hyperopt(Search(parameters, "p", [], {}, output, picture), "exhaustive", 3, None)
    assert drawn == []
    assert best.plot is not None
    best.plot()
    [(figure, filename)] = drawn
    assert filename == picture
    shown = dict(zip(figure.data[0].text, figure.data[0].y))
    assert shown == {"learning_rate:1.0": 1.0, "learning_rate:4.0": 0.25}


def test_lists_are_tried_as_they_are(tmp_path, monkeypatch):
    """Hyperopt takes a list for a space of its own, and hands it on as a tuple."""
    pytest.importorskip("hyperopt", reason="hyperopt is optional")
    tried = []

    def objective(config_dict: dict[str, Any], config_files: Any) -> dict[str, Any]:
        tried.append(ast.literal_eval(config_dict["modalities"]))
        return {
            **{"model": "none", "best_valid_score": len(tried), "valid_score_bigger": True},
            **{"best_valid_result": {"ndcg@10": 1}, "test_result": {"ndcg@10": 1}},
        }

    monkeypatch.setattr("recbole.quick_start.objective_function", objective)
    wanted = (["text"], ["text", "image"], [])
    for algorithm in ("exhaustive", "random"):
        tried.clear()
        parameters = [Parameter("modalities", "choice", wanted)]
        output = str(tmp_path / f"{algorithm}.result")
        search = Search(parameters, "params.txt", [], {}, output, None)
        best = with_hyperopt(search, algorithm, 3, 10)
        assert tried
        assert all(value in wanted for value in tried)
        assert ast.literal_eval(best.parameters["modalities"]) in wanted


@pytest.mark.parametrize("early_stop", [None, 4])
def test_an_exhaustive_search_tries_all_or_says_so(tmp_path, monkeypatch, capsys, early_stop):
    pytest.importorskip("hyperopt", reason="hyperopt is optional")

    def objective(config_dict: dict[str, Any], config_files: Any) -> dict[str, Any]:
        return {
            **{"model": "none", "best_valid_score": 1.0, "valid_score_bigger": True},
            **{"best_valid_result": {"ndcg@10": 1}, "test_result": {"ndcg@10": 1}},
        }

    monkeypatch.setattr("recbole.quick_start.objective_function", objective)
    parameters = [Parameter("seed", "choice", tuple(range(24)))]
    search = Search(parameters, "params.txt", [], {}, str(tmp_path / "tuned.result"), None)
    tried = with_hyperopt(search, "exhaustive", 100, early_stop).trials
    said = capsys.readouterr().err
    if early_stop is None:
        assert tried == 24
        assert "stopped" not in said
    else:
        assert tried < 24
        assert f"stopped by --early_stop after {tried} of 24 combinations" in said


@pytest.mark.parametrize(("step", "kind"), [(32, int), (0.5, float)])
def test_steps_of_whole_numbers_are_whole_numbers(tmp_path, monkeypatch, step, kind):
    """Hyperopt draws 64.0, of which no layer can be made."""
    pytest.importorskip("hyperopt", reason="hyperopt is optional")
    tried = []

    def objective(config_dict: dict[str, Any], config_files: Any) -> dict[str, Any]:
        tried.append(config_dict["width"])
        return {
            **{"model": "none", "best_valid_score": len(tried), "valid_score_bigger": True},
            **{"best_valid_result": {"ndcg@10": 1}, "test_result": {"ndcg@10": 1}},
        }

    monkeypatch.setattr("recbole.quick_start.objective_function", objective)
    parameters = [Parameter("width", "quniform", (2 * step, 4 * step, step))]
    search = Search(parameters, "params.txt", [], {}, str(tmp_path / "tuned.result"), None)
    with_hyperopt(search, "random", 5, 10)
    assert tried
    assert all(type(value) is kind for value in tried)
    assert all(value in (2 * step, 3 * step, 4 * step) for value in tried)


@pytest.mark.parametrize(("step", "kind"), [(32, int), (0.5, float)])
def test_ray_draws_whole_numbers_too(step, kind):
    pytest.importorskip("ray", reason="ray is optional")
    from recbole_cammsr.cli.hyper_tools import _ray_space

    space = _ray_space([Parameter("width", "quniform", (2 * step, 4 * step, step))])
    drawn = [space["width"].sample() for _ in range(20)]
    assert all(isinstance(value, kind) for value in drawn)
    assert set(drawn) <= {2 * step, 3 * step, 4 * step}
