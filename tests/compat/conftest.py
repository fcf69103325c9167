"""Fixtures of the tests of what is mended in RecBole."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from recbole_cammsr.compat.requirement import recbole_folder


@pytest.fixture
def recbole_modules() -> Callable[[str], set[str]]:
    """Names of RecBole's modules whose source has a match of a pattern."""
    folder = Path(recbole_folder())

    def named(pattern: str) -> set[str]:
        return {
            ".".join(path.relative_to(folder.parent).with_suffix("").parts)
            for path in folder.rglob("*.py")
            if re.search(pattern, path.read_text(encoding="utf-8"))
        }

    return named
