"""Options of ``cammsr-ablate``: what is refused before anything runs, and what is planned."""

from __future__ import annotations

import pytest

from recbole_cammsr.analysis import benchmark
from recbole_cammsr.cli import ablate


def test_a_seed_that_stands_twice_is_refused_as_in_a_benchmark(tmp_path, capsys):
    output = tmp_path / "results"
    for given in ("1,1", "1,2,01"):
        assert ablate.main(["--components", f"--seeds={given}", f"--output={output}"]) == 2
        error = capsys.readouterr().err
        assert f"--seeds must differ from each other, not {given}" in error
        assert error.count("\n") == 1
    assert not output.exists()


@pytest.mark.parametrize("given", ["5000000000", "1,4294967296"])
def test_a_seed_that_every_run_would_fail_with_is_refused(tmp_path, capsys, given):
    output = tmp_path / "results"
    command = ["--components", f"--seeds={given}", "--columns=none@0", f"--output={output}"]
    assert ablate.main(command) == 2
    error = capsys.readouterr().err
    assert "seeds lie from 0 to 4294967295, unlike [" in error
    assert error.count("\n") == 1
    assert not output.exists()


def test_a_data_set_that_is_not_there_is_named_before_what_it_lacks(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert ablate.main(["--dataset=shp", "--output=out", "--data_path=data"]) == 2
    error = capsys.readouterr().err
    assert "data/shp" in error
    assert "modality" not in error
    assert not (tmp_path / "out").exists()


@pytest.fixture
def planned(monkeypatch):
    """The experiments of a command, none of which is run, and what is said to have failed."""
    plans, failures = [], []

    def run(plan, runner):
        plans.append(plan)
        return benchmark.Outcome([], [], {}, failures)

    monkeypatch.setattr(benchmark, "run", run)
    return plans, failures


def test_parts_are_those_that_were_asked_for(planned, tmp_path):
    plans, _ = planned

    def rows(*argv):
        plans.clear()
        assert ablate.main([*argv, f"--output={tmp_path / 'out'}"]) == 0
        return [[one.label for one in each.contenders] for each in plans]

    components, modalities = rows()
    assert rows("--modalities_off", "--components") == [components, modalities]
    assert rows("--components") == [components]
    assert rows("--modalities_off") == [modalities]
    assert len(rows("--components", "--sweep=n_layers=1")) == 2
    rows("--missing=0.25", "--noise=0.5,1")  # labels may all be wrong
    damage = [[dict(one.corruption) for one in each.contenders[1:]] for each in plans]
    assert damage == [[{"category_noise": 0.5}, {"category_noise": 1.0}], [{"missing": 0.25}]]


def test_a_failed_run_is_an_exit_code(planned, tmp_path):
    _, failures = planned
    assert ablate.main(["--sweep=n_layers=1", f"--output={tmp_path / 'out'}"]) == 0
    failures.append("CAMMSR failed")
    assert ablate.main(["--sweep=n_layers=1", f"--output={tmp_path / 'out'}"]) == 1


def test_seeds_columns_and_settings_are_those_of_the_command_line(planned, tmp_path):
    plans, _ = planned
    (tmp_path / "tuned.yaml").write_text("swap_weight: 0.3\nn_layers: 1\n")
    given = [f"--tuned={tmp_path / 'tuned.yaml'}", "--n_layers=3", "--seeds=4, 2", "--components"]
    assert ablate.main([*given, "--columns=MRR@10", f"--output={tmp_path / 'out'}"]) == 0
    (plan,) = plans
    assert list(plan.seeds) == [4, 2]
    assert list(plan.metrics) == ["MRR@10"]
    ours = plan.settings_of(plan.contenders[0], "ml-100k")
    assert (ours["swap_weight"], ours["n_layers"]) == (0.3, 3)
