"""Options of ``cammsr-ablate`` that are refused before anything runs."""

from __future__ import annotations

import pytest

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
