"""Category labels that are numbers, and fields that can be read in no record."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("pyarrow")
pytest.importorskip("duckdb")
import pyarrow
from pyarrow import parquet
from recbole_cammsr.dataset_prep import cli
from recbole_cammsr.dataset_prep.cells import as_category_paths
from recbole_cammsr.dataset_prep.item_fields import NO_CATEGORY, NO_TEXT
from recbole_cammsr.dataset_prep.item_records import read_items
from recbole_cammsr.dataset_prep.item_text import item_text
from recbole_cammsr.dataset_prep.staging import ITEMS, StagingWriter
from recbole_cammsr.dataset_prep.table import Table, TableMapping


def stage(folder: Path, items: Path, **named: str) -> tuple[list[dict[str, Any]], Any]:
    (folder / "log.csv").write_text("user_id,item_id,timestamp\nu,0,1700000000\n")
    with StagingWriter(folder / "staged") as writer:
        Table(folder / "log.csv", items, TableMapping({}, named)).stage(writer)
    return parquet.read_table(folder / "staged" / ITEMS).to_pylist(), writer.report


def lines(folder: Path, records: list[dict[str, Any]]) -> Path:
    path = folder / "items.jsonl"
    path.write_text("".join(json.dumps(record) + "\n" for record in records))
    return path


@pytest.mark.parametrize(
    ("value", "paths"),
    [
        (1, [["1"]]),
        (1.0, [["1"]]),
        ([27, 9], [["27", "9"]]),
        ([27.0, "a"], [["27", "a"]]),
        ([[1, 2], [3]], [["1", "2"], ["3"]]),
        ("[27, 9]", [["27", "9"]]),
        ("[[1], [2.0]]", [["1"], ["2"]]),
        ("[0]", [["0"]]),
        ("27", [["27"]]),
        (float("nan"), []),
        ([], []),
    ],
)
def test_whole_numbers_are_labels(value: Any, paths: list[list[str]]) -> None:
    assert as_category_paths(value) == paths


@pytest.mark.parametrize(
    "value", [True, [True], [1.5], 1.5, [float("nan")], [float("inf")], "[1.5]", "[true]", "[27 9]"]
)
def test_other_numbers_and_truth_values_are_none(value: Any) -> None:
    with pytest.raises(ValueError, match=r"is no (label, path|list)"):
        as_category_paths(value)


def test_a_list_of_numbers_is_a_list_for_a_separator_too() -> None:
    assert as_category_paths("[27, 9]", ", ") == [["27", "9"]]


def test_numbers_of_json_and_parquet_are_labels(tmp_path: Path) -> None:
    records = [{"item_id": 0, "categories": 1}, {"item_id": 1, "categories": [27, 9]}]
    items, report = stage(tmp_path, lines(tmp_path, records))
    assert [item["categories"] for item in items] == ['[["1"]]', '[["27", "9"]]']
    table = pyarrow.table({"item_id": [0, 1, 2], "categories": [[27, 9], [], None]})
    parquet.write_table(table, tmp_path / "items.parquet")
    items, other = stage(tmp_path, tmp_path / "items.parquet")
    assert [item["categories"] for item in items] == ['[["27", "9"]]', None, None]
    assert report.skipped == other.skipped == {}


def test_lists_of_numbers_are_lists_for_categories_alone(tmp_path: Path) -> None:
    path = tmp_path / "items.csv"
    path.write_text('item_id,title,brand,image,feat\n0,[1984],"[1, 2]",[3],"[27, 9]"\n')
    items, report = stage(tmp_path, path, categories="feat")
    assert report.skipped == {}
    assert report.warnings == []
    assert items == [
        {
            "item": "0",
            "title": "[1984]",
            "description": None,
            "brand": "[1, 2]",
            "categories": '[["27", "9"]]',
            "image": "[3]",
        }
    ]
    ((_, record),) = read_items(path, "item_id", ["title"])
    assert item_text(record, ["title"]) == "[1984]."


def test_items_of_kuairec_have_their_categories(tmp_path: Path) -> None:
    (tmp_path / "big_matrix.csv").write_text("user_id,video_id,timestamp\n0,0,1\n0,1,2\n0,2,3\n")
    (tmp_path / "item_categories.csv").write_text('video_id,feat\n0,[8]\n1,"[27, 9]"\n2,[9]\n')
    given = ["table", "--interactions", str(tmp_path / "big_matrix.csv"), "--dataset", "kr"]
    given += ["--items", str(tmp_path / "item_categories.csv"), "--output", str(tmp_path / "out")]
    given += ["--item-column", "video_id", "--item-field", "video_id", "--categories-field", "feat"]
    given += ["--category-kind", "flat", "--category-min-count", "1", "--quiet"]
    assert cli.main([*given, "--min-per-user", "0", "--min-per-item", "0"]) == 0
    rows = [x.split("\t") for x in (tmp_path / "out" / "kr.item").read_text().splitlines()[1:]]
    assert {row[0]: row[3] for row in rows} == {"0": "8", "1": "27 9", "2": "9"}


def test_a_named_field_that_no_record_fills_with_what_it_is_for_is_a_warning(
    tmp_path: Path, capsys: Any
) -> None:
    records = [{"item_id": n, "name": {"en": "A"}, "price": n + 0.5} for n in range(3)]
    path = lines(tmp_path, [*records, {"item_id": 3, "name": None}])
    _, report = stage(tmp_path, path, title="name", categories="price")
    assert report.warnings == [
        "items.jsonl: the field 'price', named for categories, can be read in none of the 3 "
        "records that fill it (e.g. 0.5): name another field, or write labels, lists of labels or "
        "lists of paths",
        "items.jsonl: the field 'name', named for title, can be read in none of the 3 records that "
        "fill it (e.g. {'en': 'A'}): name another field, or write texts",
    ]
    assert report.skipped[NO_CATEGORY.format("items.jsonl")] == 3
    given = ["table", "--interactions", str(tmp_path / "log.csv"), "--dataset", "d", "--quiet"]
    given += ["--items", str(path), "--output", str(tmp_path / "out"), "--title-field", "name"]
    assert cli.main([*given, "--min-per-user", "0", "--min-per-item", "0"]) == 0
    assert "warning: items.jsonl: the field 'name', named for title" in capsys.readouterr().out


def test_fields_that_some_record_fills_or_nobody_has_named_are_counted_only(tmp_path: Path) -> None:
    records = [
        {"item_id": 0, "price": 0.5, "title": {}},
        {"item_id": 1, "price": 2, "title": []},
    ]
    _, report = stage(tmp_path, lines(tmp_path, records), categories="price")
    assert report.warnings == []
    assert report.skipped == {
        NO_CATEGORY.format("items.jsonl"): 1,
        NO_TEXT.format("items.jsonl", "title"): 1,
    }
