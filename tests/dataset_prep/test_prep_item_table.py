"""Items of ``cammsr-prep table`` that stand twice, or whose fields are no texts."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("pyarrow")
pytest.importorskip("duckdb")
from pyarrow import parquet
from recbole_cammsr.dataset_prep import cli
from recbole_cammsr.dataset_prep.cells import as_text
from recbole_cammsr.dataset_prep.item_fields import NO_TEXT
from recbole_cammsr.dataset_prep.item_records import read_items, scan_items
from recbole_cammsr.dataset_prep.json_array import refuse_json_array
from recbole_cammsr.dataset_prep.record_file import RecordFile
from recbole_cammsr.dataset_prep.source_folder import Damage
from recbole_cammsr.dataset_prep.staging import ITEMS, StagingWriter, read_report
from recbole_cammsr.dataset_prep.table import CONFLICTING, REPEATED, Table


def write(folder: Path, items: list[dict[str, Any]]) -> Table:
    (folder / "log.csv").write_text("user_id,item_id,timestamp\nu,a,1700000000\nu,b,1700000001\n")
    (folder / "items.jsonl").write_text("".join(json.dumps(item) + "\n" for item in items))
    return Table(folder / "log.csv", folder / "items.jsonl")


def stage(source: Table, folder: Path) -> tuple[list[dict[str, Any]], Any]:
    with StagingWriter(folder) as writer:
        source.stage(writer)
    return parquet.read_table(folder / ITEMS).to_pylist(), read_report(folder)


def test_items_that_stand_twice_are_counted_and_contradictions_named(tmp_path: Path) -> None:
    source = write(
        tmp_path,
        [
            {"item_id": "a", "title": "A"},
            {"item_id": "b", "title": "B", "categories": ["x"]},
            {"item_id": "a", "title": "A", "colour": "read by nobody"},
            {"item_id": "b", "title": "B", "categories": ["y"]},
            {"item_id": "a", "title": "other"},
        ],
    )
    items, report = stage(source, tmp_path / "staged")
    assert [(item["item"], item["title"]) for item in items] == [("a", "A"), ("b", "B")]
    assert report["skipped"] == {
        REPEATED.format("items.jsonl"): 1,
        CONFLICTING.format("items.jsonl"): 2,
    }
    (warning,) = report["warnings"]
    assert "items.jsonl: items stand more than once with different fields, first 'b'" in warning


def test_contradicting_items_are_told_in_the_summary(tmp_path: Path, capsys: Any) -> None:
    write(tmp_path, [{"item_id": "a", "title": "A"}, {"item_id": "a", "title": "other"}])
    given = ["table", "--interactions", str(tmp_path / "log.csv"), "--dataset", "d", "--quiet"]
    given += ["--items", str(tmp_path / "items.jsonl"), "--output", str(tmp_path / "out")]
    given += ["--min-per-user", "0", "--min-per-item", "0"]
    for _ in range(2):
        assert cli.main(given) == 0
        out = capsys.readouterr().out
        assert "warning: items.jsonl: items stand more than once" in out
        assert "skipped: items.jsonl: record of an item that stands before" in out


def test_same_records_twice_are_no_warning(tmp_path: Path) -> None:
    source = write(tmp_path, [{"item_id": "a", "title": "A"}] * 2)
    items, report = stage(source, tmp_path / "staged")
    assert len(items) == 1
    assert report["warnings"] == []


def test_objects_are_no_texts(tmp_path: Path) -> None:
    source = write(
        tmp_path,
        [
            {"item_id": "a", "title": {"en": "A"}, "description": [{"de": "x"}], "brand": "K"},
            {"item_id": "b", "title": "B", "image": [{"large": "http://x"}], "brand": {}},
        ],
    )
    (first, second), report = stage(source, tmp_path / "staged")
    assert (first["title"], first["description"], first["brand"]) == (None, None, "K")
    assert (second["title"], second["image"], second["brand"]) == ("B", None, None)
    assert report["skipped"] == {
        NO_TEXT.format("items.jsonl", "title"): 1,
        NO_TEXT.format("items.jsonl", "description"): 1,
        NO_TEXT.format("items.jsonl", "brand"): 1,
        NO_TEXT.format("items.jsonl", "image"): 1,
    }
    example = report["examples"][NO_TEXT.format("items.jsonl", "title")]
    assert example == "{'en': 'A'} in 'title'"


@pytest.mark.parametrize("value", [{"en": "T4"}, {}, [{"en": "T4"}], [["a"], "b"], [("k", "v")]])
def test_values_that_hold_objects_or_lists_are_no_text(value: Any) -> None:
    with pytest.raises(ValueError, match="is no text"):
        as_text(value)


def test_texts_and_lists_of_them_are_texts() -> None:
    assert [as_text(value) for value in ("a", ["a", None, "b"], b"c", 3, None, [])] == [
        "a",
        "a b",
        "c",
        "3",
        None,
        None,
    ]


@pytest.mark.parametrize("text", ['[{"item_id": "a"}]', '\n[\n {"item_id": "a"}\n]\n', " [ { \n}]"])
def test_a_json_array_is_named(text: str, tmp_path: Path) -> None:
    path = tmp_path / "items.json"
    path.write_text(text)
    with pytest.raises(ValueError, match=r"items\.json: is a JSON array; write one object a line"):
        list(RecordFile(path).records(Damage()))
    with pytest.raises(ValueError, match=r"items\.json: is a JSON array; write one object a line"):
        scan_items(path, "item_id", [])


@pytest.mark.parametrize("line", ['{"item_id": "a"}', "[1, 2]", "[2023-11-14] started", "[]"])
def test_other_lines_are_no_array_of_objects(line: str) -> None:
    refuse_json_array("items.json", line)


def test_a_file_without_item_says_what_was_left_out(tmp_path: Path) -> None:
    source = write(tmp_path, [{"item_id": None, "title": "x"}])
    with pytest.raises(ValueError, match=r"no item in the file; 1 \(items\.jsonl: record without"):
        stage(source, tmp_path / "staged")


@pytest.mark.parametrize("quote", ["", '"'])
def test_only_names_that_end_in_tag_are_labels(tmp_path: Path, quote: str) -> None:
    path = tmp_path / "x.item"
    names = ["item_id:token", "tagline:token_seq", "tags:token_seq", "user_tag:token"]
    path.write_text(
        "\t".join(f"{quote}{name}{quote}" for name in names) + "\n"
        "1\tin space_time or end of the end\tSki_Fi Ski_Fi>Space\tHot_Now\n"
    )
    (row,) = read_items(path, "item_id", ["tagline", "tags", "user_tag"])
    assert row[1] == {
        "tagline": "in space_time or end of the end",
        "tags": "Ski Fi Space",
        "user_tag": "Hot Now",
    }


def test_ids_of_json_are_spelled_as_the_table_command_writes_them(tmp_path: Path) -> None:
    source = write(tmp_path, [{"item_id": 1.0}, {"item_id": 2}, {"item_id": " 03 "}])
    (tmp_path / "log.csv").write_text("user_id,item_id,timestamp\nu,1,1\n")
    staged, _ = stage(source, tmp_path / "staged")
    read = [token for token, _ in read_items(tmp_path / "items.jsonl", "item_id", [])]
    assert read == [item["item"] for item in staged] == ["1", "2", "03"]


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("blank.csv", "item_id,title\n1,A\n2 ,B\n", r"blank\.csv, item 2: its item_id is '2 '"),
        ("empty.csv", "item_id,title\n1,A\n3,C\n,C\n", r"empty\.csv, item 3: its item_id is ''"),
        ("none.jsonl", '{"item_id": null}\n', r"none\.jsonl, item 1: its item_id is ''"),
        ("nul.tsv", "item_id\ttitle\n1\0\tA\n", r"nul\.tsv, item 1: its item_id is '1\\x00'"),
    ],
)
def test_ids_that_no_feature_file_holds_are_known_before_encoding(
    name: str, content: str, message: str, tmp_path: Path
) -> None:
    (tmp_path / name).write_text(content)
    with pytest.raises(ValueError, match=message):
        scan_items(tmp_path / name, "item_id", [])
