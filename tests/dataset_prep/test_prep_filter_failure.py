"""Where nothing is left, the sentence says why: counts by reason, examples, the file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("pyarrow")
pytest.importorskip("duckdb")
from recbole_cammsr.dataset_prep import cli
from recbole_cammsr.dataset_prep.filter_failure import (
    NothingLeftError,
    dropped_rows,
    explained,
    left_out,
)


def fail(folder: Path, capsys: Any, text: str, *options: str, name: str = "log.csv") -> str:
    """Run ``table`` on a file, twice; both times the same sentence must come."""
    (folder / name).write_text(text)
    given = ["table", "--interactions", str(folder / name), "--dataset", "d", "--quiet"]
    errors = []
    for _ in range(2):
        assert cli.main([*given, "--output", str(folder / "out"), *options]) == 1
        errors.append(capsys.readouterr().err)
    assert errors[0] == errors[1]
    assert errors[0].count("\n") == 1
    assert ".staged" not in errors[0]
    assert str(folder / name) in errors[0]
    return errors[0]


def rows(cells: Any, header: str = "user_id,item_id,timestamp") -> str:
    return "\n".join([header, *(cells(u, i) for u in range(4) for i in range(4))]) + "\n"


def test_times_that_cannot_be_read_are_counted_with_an_example(tmp_path: Path, capsys: Any) -> None:
    error = fail(tmp_path, capsys, rows(lambda u, i: f"{u},{i},14.11.2023 1{i}:00"))
    assert "no usable interaction; left out: 16 (log.csv: time that is neither a number" in error
    assert "e.g. '14.11.2023 10:00' in 'timestamp'; write 2023-11-14 10:00 or seconds" in error


@pytest.mark.parametrize("text", ["user_id,item_id,timestamp\n", ""])
def test_files_without_a_record_are_named(text: str, tmp_path: Path, capsys: Any) -> None:
    error = fail(tmp_path, capsys, text)
    assert "no record" in error
    assert ": give " in error


def test_malformed_lines_are_told_where_a_filter_takes_the_rest(
    tmp_path: Path, capsys: Any
) -> None:
    text = rows(lambda u, i: f"{u},{i}" if i % 2 else f"{u},{i},{1_700_000_000 + i}")
    error = fail(tmp_path, capsys, text)
    assert "the 5/5-core removed the last 8; left out before the filters: 8 (log.csv: line" in error
    assert "e.g. '0,1' has 2 cells, the header has 3): mend these records, or loosen" in error


def test_each_filter_says_what_it_took(tmp_path: Path, capsys: Any) -> None:
    header = "user_id,item_id,timestamp,rating"
    text = rows(lambda u, i: f"{u},{i},{1_700_000_000 + i if i else ''},{u}", header)
    error = fail(tmp_path, capsys, text, "--min-rating", "3")
    assert (
        "the 5/5-core removed the last 3 (16 rows in the source, 12 after dropping rows without "
        "time, 3 after rating threshold): loosen that filter"
    ) in error


def test_ids_and_lines_have_examples(tmp_path: Path, capsys: Any) -> None:
    text = '{"user_id": "u", "item_id": ""}\nno json\n{"user_id": "NA", "item_id": "a"}\n'
    error = fail(tmp_path, capsys, text, name="log.jsonl")
    assert "(log.jsonl: line is no JSON object, e.g. 'no json')" in error
    assert "without user or item id, e.g. {'user_id': 'u', 'item_id': ''})" in error
    assert "1 (user id that cannot stand in an atomic file, e.g. 'NA' (read as missing))" in error
    error = fail(tmp_path, capsys, "a,b\n1,2\n", name="csv.jsonl")
    assert "no record and no header that can be read; left out: 2 (csv.jsonl: line" in error


@pytest.mark.parametrize("spelled", ["inf", "-inf", "good"])
def test_ratings_that_are_no_finite_number_are_counted(
    spelled: str, tmp_path: Path, capsys: Any
) -> None:
    text = rows(lambda u, i: f"{u},{i},1700000000,{spelled}", "user_id,item_id,timestamp,rating")
    error = fail(tmp_path, capsys, text)
    assert f"rating that is no finite number, e.g. '{spelled}' in 'rating')" in error


def test_other_sources_name_their_file_and_an_example(tmp_path: Path, capsys: Any) -> None:
    (tmp_path / "u.data").write_text("1\t2\tx\n")
    (tmp_path / "u.item").write_text("")
    given = ["movielens", "--release", "100k", "--folder", str(tmp_path), "--dataset", "d"]
    assert cli.main([*given, "--output", str(tmp_path / "out"), "--quiet"]) == 1
    error = capsys.readouterr().err
    assert f"{tmp_path / 'u.data'}: the source holds no usable interaction; left out: 1 (" in error
    assert "e.g. ['1', '2', 'x'])" in error


def test_parts_are_ordered_by_count_and_end_with_the_notes() -> None:
    report = {"skipped": {"b": 1, "a": 1, "c": 1200}, "examples": {"a": "'x'"}, "notes": ["cut"]}
    assert left_out(report) == "1,200 (c); 1 (a, e.g. 'x'); 1 (b); cut"
    assert left_out({"skipped": {}, "notes": []}) == ""


def test_steps_without_effect_are_not_listed() -> None:
    counts = {"rows_read": 9, "rows_with_time": 0, "rows_after_time": 9, "rows_after_rating": 4}
    assert dropped_rows(counts) == [("rows_after_rating", "4")]


def test_advice_is_that_of_the_filter_where_every_record_was_read() -> None:
    error = explained(
        NothingLeftError("none", "loosen it"), Path("a.csv"), {"skipped": {}, "notes": []}
    )
    assert str(error) == "a.csv: none: loosen it"
