"""MicroLens as a source: both spellings of the release, hand-written."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("pyarrow")
from pyarrow import parquet
from recbole_cammsr.dataset_prep.clean_text import clean_text
from recbole_cammsr.dataset_prep.microlens import MicroLens
from recbole_cammsr.dataset_prep.source_folder import MALFORMED
from recbole_cammsr.dataset_prep.staging import INTERACTIONS, ITEMS, StagingWriter, read_report

PAIRS = "user,item,timestamp\n1,12,1583378629552\n36,7,1583378629\n1,9,oops\n1,99,1583378700000\n"


def write(folder: Path, prefix: str, titles: str, text: str) -> None:
    (folder / f"{prefix}_pairs.csv").write_text(PAIRS, encoding="utf-8")
    (folder / f"{prefix}{titles}").write_text(text, encoding="utf-8")


def stage(source: MicroLens, folder: Path) -> tuple[Any, Any, Any]:
    with StagingWriter(folder) as writer:
        source.stage(writer)
    return (
        parquet.read_table(folder / INTERACTIONS).to_pylist(),
        parquet.read_table(folder / ITEMS).to_pylist(),
        read_report(folder),
    )


def test_50k_with_header_and_quoted_titles(tmp_path: Path) -> None:
    text = 'item,title\n12,"Cats, ""big"" ones"\n7,plain\nno comma\n'
    write(tmp_path, "MicroLens-50k", "_titles.csv", text)
    source = MicroLens(tmp_path)
    rows, items, report = stage(source, tmp_path / "staged")
    assert [(row["user"], row["item"], row["rating"], row["timestamp"]) for row in rows] == [
        ("1", "12", None, 1583378629.552),
        ("36", "7", None, 1583378629.0),
        ("1", "99", None, 1583378700.0),
    ]
    assert [(item["item"], item["title"]) for item in items] == [
        ("12", 'Cats, "big" ones'),
        ("7", "plain"),
        ("99", None),
    ]
    assert items[2]["image"] == "MicroLens-50k_covers/99.jpg"
    assert report["skipped"] == {
        MALFORMED.format("MicroLens-50k_pairs.csv"): 1,
        MALFORMED.format("MicroLens-50k_titles.csv"): 1,
    }
    assert report["notes"] == ["MicroLens-50k_titles.csv: 1 items of the pairs have no title"]
    assert [path.name for path in source.inputs()] == [
        "MicroLens-50k_pairs.csv",
        "MicroLens-50k_titles.csv",
    ]


def test_100k_without_header_with_bare_commas_byte_order_mark_and_tags(tmp_path: Path) -> None:
    write(tmp_path, "MicroLens-100k", "_title_en.csv", "\ufeff12,Cats, big ones\n7,plain\n")
    (tmp_path / "tags_to_summary.csv").write_text('12,Pets\n99,"Food, Travel"\n')
    source = MicroLens(tmp_path, covers="images")
    _, items, _ = stage(source, tmp_path / "staged")
    assert [
        (item["item"], item["title"], item["categories"] and json.loads(item["categories"]))
        for item in items
    ] == [
        ("12", "Cats, big ones", [["Pets"]]),
        ("7", "plain", None),
        ("99", None, [["Food"], ["Travel"]]),
    ]
    assert items[0]["image"] == "images/12.jpg"
    assert len(source.inputs()) == 3


def test_wrong_folders_are_refused_in_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"no \*_pairs\.csv"):
        MicroLens(tmp_path).inputs()
    (tmp_path / "a_pairs.csv").write_text("u,i\n1,2\n")
    with pytest.raises(FileNotFoundError, match=r"a_titles\.csv: no such file, and no a_title_en"):
        MicroLens(tmp_path).inputs()
    (tmp_path / "a_titles.csv").write_text("1,x\n")
    with pytest.raises(ValueError, match="not user,item,timestamp"):
        stage(MicroLens(tmp_path), tmp_path / "staged")
    (tmp_path / "b_pairs.csv").write_text(PAIRS)
    with pytest.raises(ValueError, match=r"several releases \['a_pairs.csv', 'b_pairs.csv'\]"):
        MicroLens(tmp_path).inputs()


def test_rows_with_an_empty_title_count_as_items_without_one(tmp_path: Path) -> None:
    write(tmp_path, "MicroLens-50k", "_titles.csv", 'item,title\n12,\n7,""\n5, \n')
    _, items, report = stage(MicroLens(tmp_path), tmp_path / "staged")
    assert [item["item"] for item in items] == ["12", "7", "5", "99"]
    # 5 is in no pair.
    assert report["notes"] == ["MicroLens-50k_titles.csv: 3 items of the pairs have no title"]


@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_line_break_within_quotes_is_part_of_the_title(tmp_path: Path, newline: str) -> None:
    text = 'item,title\n12,"Hello\n\nworld, ""yes""\nagain"\n7,"one line"\n99,"last\nline"'
    write(tmp_path, "MicroLens-50k", "_titles.csv", "")
    (tmp_path / "MicroLens-50k_titles.csv").write_bytes(text.replace("\n", newline).encode())
    _, items, report = stage(MicroLens(tmp_path), tmp_path / "staged")
    assert [(item["item"], clean_text(item["title"])) for item in items] == [
        ("12", 'Hello world, "yes" again'),
        ("7", "one line"),
        ("99", "last line"),
    ]
    assert report["skipped"] == {MALFORMED.format("MicroLens-50k_pairs.csv"): 1}


def test_bare_quote_at_the_beginning_ends_with_its_line(tmp_path: Path) -> None:
    # The third text ends in a doubled quote, the last one never ends.
    text = '12,"Wow\n7,5" TV\n99,"say ""\n 8 ,plain "\n5,"A" and, b\n6,"open\nnot an item\n'
    write(tmp_path, "MicroLens-100k", "_title_en.csv", text)
    _, items, report = stage(MicroLens(tmp_path), tmp_path / "staged")
    assert [(item["item"], item["title"]) for item in items] == [
        ("12", '"Wow'),
        ("7", '5" TV'),
        ("99", 'say "'),
        ("8", 'plain "'),
        ("5", '"A" and, b'),
        ("6", '"open'),
    ]
    assert report["skipped"][MALFORMED.format("MicroLens-100k_title_en.csv")] == 1


def test_the_first_record_of_an_item_says_whether_it_has_a_title(tmp_path: Path) -> None:
    write(tmp_path, "MicroLens-50k", "_titles.csv", "Item,title\n12,A\n12,\n7,\n99,C\n")
    _, items, report = stage(MicroLens(tmp_path), tmp_path / "staged")
    assert [item["item"] for item in items][:1] == ["12"]
    assert report["notes"] == ["MicroLens-50k_titles.csv: 1 items of the pairs have no title"]


def test_a_text_of_many_lines_is_whole(tmp_path: Path) -> None:
    lines = [f"line {number}" for number in range(40)]
    text = "\n".join(lines)
    write(tmp_path, "MicroLens-100k", "_title_en.csv", f'12,"{text}"\n7,plain\n99,last\n')
    _, items, _ = stage(MicroLens(tmp_path), tmp_path / "staged")
    assert [item["item"] for item in items] == ["12", "7", "99"]
    assert items[0]["title"].split("\n") == lines


@pytest.mark.parametrize("header", ["user,item,rating,timestamp", "user,item,rating"])
def test_pairs_of_other_columns_are_refused(header: str, tmp_path: Path) -> None:
    write(tmp_path, "MicroLens-50k", "_titles.csv", "12,A\n")
    (tmp_path / "MicroLens-50k_pairs.csv").write_text(f"{header}\n1,12,1583378629\n")
    with pytest.raises(ValueError, match="not user,item,timestamp"):
        stage(MicroLens(tmp_path), tmp_path / "staged")


def test_a_header_may_be_written_otherwise(tmp_path: Path) -> None:
    write(tmp_path, "MicroLens-50k", "_titles.csv", "Video_ID,Title\n12,A\n")
    text = PAIRS.replace("user,item,timestamp", "User, Item , Timestamp")
    (tmp_path / "MicroLens-50k_pairs.csv").write_text(text)
    rows, items, _ = stage(MicroLens(tmp_path), tmp_path / "staged")
    assert [row["item"] for row in rows] == ["12", "7", "99"]
    assert {item["item"] for item in items} == {"12", "7", "99"}
