"""How a command ends: messages, exit codes, outputs that are closed."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

import recbole_cammsr
from recbole_cammsr.run.command import guarded
from recbole_cammsr.run.errors import RunError, UsageError

ROOT = Path(recbole_cammsr.__file__).resolve().parents[1]


def outcome_of(error: BaseException, capsys, *argv: str) -> tuple[int, str]:
    def body(_):
        raise error

    code = guarded("prog", body, list(argv))
    return code, capsys.readouterr().err


@pytest.mark.parametrize(
    ("error", "code"),
    [(UsageError("no"), 2), (RunError("no"), 1), (ValueError("no"), 1), (KeyboardInterrupt(), 130)],
)
def test_one_line_and_an_exit_code(error, code, capsys):
    got, text = outcome_of(error, capsys)
    assert got == code
    assert text.count("\n") == 1
    assert text.startswith("prog: ")
    assert "Traceback" not in text


def test_debug_shows_the_traceback(capsys):
    code, text = outcome_of(RuntimeError("broken"), capsys, "--debug")
    assert code == 1
    assert "Traceback" in text


def test_a_reader_that_leaves_is_no_error_but_another_broken_pipe_is(capsys):
    program = (
        "import sys\n"
        "from recbole_cammsr.run.command import guarded\n"
        "def body(_):\n"
        "    for line in range(100_000):\n"
        "        print(line)\n"
        "    return 0\n"
        "sys.exit(guarded('prog', body, []))\n"
    )
    command = [sys.executable, "-c", program]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdout=pipe, stderr=pipe, cwd=ROOT) as process:
        assert process.stdout.readline() == b"0\n"
        process.stdout.close()  # as `head -1` does
        assert process.stderr.read() == b""
    assert process.returncode == 1
    assert outcome_of(BrokenPipeError(32, "Broken pipe"), capsys)[1].startswith("prog: error: ")


def test_the_body_decides_the_code():
    assert guarded("prog", lambda argv: len(argv), ["a", "b", "c"]) == 3


@pytest.mark.parametrize("closed", ["stdout", "stderr"])
def test_a_closed_output_stops_no_command(monkeypatch, closed):
    """Python has None for it, and a progress bar writes to what there is."""
    monkeypatch.setattr(sys, closed, None)

    def body(argv):
        getattr(sys, closed).write("a bar")
        return 0

    assert guarded("prog", body, []) == 0
