"""Ids that are left out: the summary shows one, and why."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("pyarrow")
pytest.importorskip("duckdb")
from hypothesis import given
from hypothesis import strategies as st
from recbole_cammsr.dataset_prep import cli
from recbole_cammsr.dataset_prep.clean_text import is_token, token_fault


@given(st.one_of(st.text(max_size=4), st.sampled_from(["NA", "nan", "null", " a", 'a"', "a\tb"])))
def test_a_fault_is_found_where_a_token_is_refused(token: str) -> None:
    assert bool(token_fault(token)) != is_token(token)


@pytest.mark.parametrize(
    ("user", "why"),
    [
        ("NA", "'NA' (read as missing)"),
        ('a ""b""', "'a \"b\"' (holds a tab, line break or double quote)"),
    ],
)
def test_the_summary_shows_an_example(user: str, why: str, tmp_path: Path, capsys: Any) -> None:
    rows = f'u,a,1\n"{user}",a,2\n"{user}",b,2\n'
    (tmp_path / "log.csv").write_text(f"user_id,item_id,timestamp\n{rows}")
    given_options = ["table", "--interactions", str(tmp_path / "log.csv"), "--dataset", "d"]
    given_options += ["--output", str(tmp_path), "--quiet", "--min-per-user", "0"]
    for _ in range(2):  # made, and read from its record
        assert cli.main([*given_options, "--min-per-item", "0"]) == 0
        shown = capsys.readouterr().out
        assert f"note: user id that cannot stand in an atomic file, e.g. {why}\n" in shown
        assert "note: item id" not in shown
