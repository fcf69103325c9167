"""Which package may import which: data flows one way, and nothing imports what stands on it."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest
import recbole_cammsr.dataset_prep

import recbole_cammsr

PACKAGE = "recbole_cammsr"
#: package -> those that it may import; all may import the modules beside the packages (registry, …)
BELOW = {
    "compat": set(),
    "data": {"compat"},
    "model": {"compat", "data"},
    "run": {"compat", "data"},
    "analysis": {"compat", "data", "model", "run"},
    "cli": {"compat", "data", "run", "analysis"},
    "dataset_prep": {"compat", "data", "run"},
}
FOLDERS = {
    name: Path(recbole_cammsr.__file__).parent / name for name in BELOW if name != "dataset_prep"
} | {"dataset_prep": Path(recbole_cammsr.dataset_prep.__file__).parent}


def imported(source: str) -> set[str]:
    """Packages of ours that a module imports, wherever the statement stands."""
    names = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            names.update(f"{node.module}.{alias.name}" for alias in node.names)
    parts = (name.split(".") for name in names)
    return {part[1] for part in parts if part[0] == PACKAGE and len(part) > 1} & set(BELOW)


def test_imports_are_found_in_every_form():
    source = (
        "import recbole_cammsr.model.cammsr\n"
        "def late():\n"
        "    from recbole_cammsr import cli\n"
        "    from recbole_cammsr.data.packing import Packed\n"
    )
    assert imported(source) == {"model", "cli", "data"}


@pytest.mark.parametrize("package", BELOW)
def test_a_package_imports_only_those_below_it(package):
    files = sorted(FOLDERS[package].rglob("*.py"))
    assert files
    found = {file.name: imported(file.read_text(encoding="utf-8")) for file in files}
    upwards = {name: used - BELOW[package] - {package} for name, used in found.items()}
    assert {name: used for name, used in upwards.items() if used} == {}
