"""The Python scripts that the documents show run as they stand."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
#: behind what the documents say: one short epoch of a small model
QUICK = [
    *["--epochs=1", "--show_progress=False", "--train_batch_size=4096"],
    *["--hidden_size=16", "--inner_size=16", "--n_layers=1"],
]


def scripts(page: str) -> list[str]:
    return re.findall(r"```python\n(.*?)```", (ROOT / page).read_text(), re.DOTALL)


@pytest.mark.parametrize(
    ("page", "known_by"),
    [("README.md", 'model="CAMMSR"'), ("docs/recbole.md", "model=Mine")],
)
def test_a_script_trains_and_tests(tmp_path, page, known_by):
    (script,) = (each for each in scripts(page) if known_by in each and "epochs" in each)
    (tmp_path / "script.py").write_text(script)
    done = subprocess.run(
        [sys.executable, "script.py", *QUICK],
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    assert "ndcg@10" in done.stdout + done.stderr
    assert list((tmp_path / "saved").glob("*.pth"))


def test_the_commands_for_a_model_of_ones_own_work(tmp_path):
    page = (ROOT / "docs" / "recbole.md").read_text()
    (module,) = (each for each in scripts("docs/recbole.md") if each.startswith("# my_models.py"))
    (tmp_path / "my_models.py").write_text(module)
    commands = page.split(module)[1].split("```")[2].strip().splitlines()
    short = {"run_recbole", "run_recbole_group"}
    for command in commands:
        quick = " ".join(["", *QUICK]) if command.split()[0] in short else ""
        done = subprocess.run(
            f"{command}{quick}",
            shell=True,
            cwd=tmp_path,
            capture_output=True,
            text=True,
            env={
                **os.environ,
                "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
            },
        )
        assert done.returncode == 0, done.stderr[-3000:]
    assert (tmp_path / "Mine.yaml").read_text() == "loudness: 2.0\n"
    assert sorted((tmp_path / "saved").glob("my_models.Mine-*.pth"))
