"""Scripts of docs/measurements: what they cannot measure ends in a sentence, before the work."""

from __future__ import annotations

import runpy
import sys
from pathlib import Path

import pytest

SCRIPTS = Path(__file__).parents[2] / "docs" / "measurements"


@pytest.mark.parametrize(
    ("command", "sentence"),
    [
        ("parts_switched_off.py nowhere.pth", "checkpoint 'nowhere.pth' does not exist"),
        ("parts_switched_off.py other.csv", "other.csv is damaged, or no checkpoint"),
        ("own_history.py other.csv", "other.csv is damaged, or no checkpoint"),
        ("switch_quality.py --output other.csv", "other.csv has other columns"),
        ("startup.py --model SASRek", "did you mean 'SASRec'"),
        ("startup.py --interactions 0", "--interactions takes 1 or more"),
        ("picked_rows.py --threads 0", "--threads=0"),
        ("prep_memory.py --folder other.csv", "--folder=other.csv is a file"),
        ("text_encoding.py speed", "speed needs --items"),
        ("text_encoding.py speed --items nowhere --text-encoder x", "--items=nowhere is no file"),
        ("one_step_back.py --dataset x --data_path . --output y", "x.inter lacks the columns"),
    ],
)
def test_what_cannot_be_measured_ends_in_a_sentence(
    command: str,
    sentence: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("other.csv").write_text("a,b\n1,2\n", encoding="utf-8")
    Path("x").mkdir()
    Path("x/x.inter").write_text("a\tb\n1\t2\n", encoding="utf-8")
    script, *arguments = command.split()
    monkeypatch.setattr(sys, "argv", [script, *arguments])
    with pytest.raises(SystemExit) as ended:
        runpy.run_path(str(SCRIPTS / script), run_name="__main__")
    said = f"{capsys.readouterr().err}{ended.value.code}"
    assert sentence in said
    assert not Path("y").exists()
