"""Training loads nothing of data preparation, neither this package's part nor its libraries."""

from __future__ import annotations

import subprocess
import sys

MODULES = ("cli.run_recbole", "data.dataset", "model.cammsr")
# pyarrow, Pillow and transformers may come in through pandas, matplotlib and RecBole.
UNWANTED = ("duckdb", "aiohttp", "recbole_cammsr.dataset_prep")


def test_training_imports_nothing_of_preparation():
    imports = ", ".join(f"recbole_cammsr.{name}" for name in MODULES)
    code = f"import sys, {imports}; print([name for name in {UNWANTED} if name in sys.modules])"
    # From another folder the installed package is found, not a checkout without its parts.
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd="/")
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "[]"
