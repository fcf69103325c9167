"""Options of ``cammsr-ablate`` that are refused before anything runs."""

from __future__ import annotations

from recbole_cammsr.cli import ablate


def test_a_seed_that_stands_twice_is_refused_as_in_a_benchmark(tmp_path, capsys):
    output = tmp_path / "results"
    for given in ("1,1", "1,2,01"):
        assert ablate.main(["--components", f"--seeds={given}", f"--output={output}"]) == 2
        error = capsys.readouterr().err
        assert f"--seeds must differ from each other, not {given}" in error
        assert error.count("\n") == 1
    assert not output.exists()
