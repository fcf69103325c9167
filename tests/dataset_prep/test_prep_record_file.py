"""Records of a table: its separator and header, what is read of it, and what is said of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("pyarrow")
import pyarrow
from pyarrow import parquet
from recbole_cammsr.dataset_prep.record_file import NOT_JSON, RecordFile
from recbole_cammsr.dataset_prep.source_folder import Damage

OPTIONS = {"columns_option": "--columns", "separator_option": "--separator"}


def complaint(path: Path, content: str | bytes, **settings: Any) -> str:
    """What is said of a file without the field ``who``, read to its end."""
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    file = RecordFile(path, **settings)
    list(file.records(Damage()))
    with pytest.raises(ValueError, match=r"give a file|no field 'who' for the user") as caught:
        file.require_fields({"user": "who"})
    return str(caught.value)


@pytest.mark.parametrize("between", ["::", ";", "\t", ",", "|"])
def test_a_header_in_one_cell_names_the_separator(between: str, tmp_path: Path) -> None:
    path = tmp_path / ("x.tsv" if between == "," else "x.csv")
    header = between.join(["user_id", "item_id"])
    has = f"the file has [{header.partition(':')[0]!r}]"
    said = complaint(path, f"{header}\n", **OPTIONS)
    assert said.endswith(
        f"{has}: its header is one cell, {header!r}: where {between!r} stands "
        f"between its cells, give --separator {between!r}"
    )
    # no option, or a header of several cells
    assert complaint(path, f"{header}\n").endswith(has)
    own = "\t" if between == "," else ","
    said = complaint(path, f"{header}{own}when\n", **OPTIONS)
    assert said.endswith(f"{has[:-1]}, 'when']")


def test_the_likeliest_separator_is_named(tmp_path: Path) -> None:
    assert complaint(tmp_path / "x.csv", "a|b::c;d\n", **OPTIONS).endswith("--separator '::'")
    assert complaint(tmp_path / "x.csv", "a|b;c\td\n", **OPTIONS).endswith("--separator ';'")
    # A first row of numbers that is no header either: which separator it has comes first.
    assert complaint(tmp_path / "x.csv", "1::2\n", **OPTIONS).endswith("--separator '::'")


@pytest.mark.parametrize("separator", [None, ","])
def test_a_line_in_quotes_names_no_separator_that_it_has(
    separator: str | None, tmp_path: Path
) -> None:
    path = tmp_path / "x.csv"
    said = complaint(path, '"user_id,item_id"\n', separator=separator, **OPTIONS)
    assert said.endswith("the file has ['user_id,item_id']")


def test_numbers_in_a_header_ask_for_the_names_of_columns(tmp_path: Path) -> None:
    advice = ": it seems to have no header: name its columns with --columns"
    assert complaint(tmp_path / "x.csv", "1,x,5\n", **OPTIONS).endswith(advice)
    for settings in ({}, {**OPTIONS, "columns": ["7", "item_id", "rating"]}):
        assert "no header" not in complaint(tmp_path / "x.csv", "1,x,5\n", **settings)
    assert "no header:" not in complaint(tmp_path / "x.jsonl", '{"7": 1}\n', **OPTIONS)
    parquet.write_table(pyarrow.table({"7": [1]}), tmp_path / "y.parquet")
    content = (tmp_path / "y.parquet").read_bytes()
    assert "no header:" not in complaint(tmp_path / "x.parquet", content, **OPTIONS)


def test_twenty_fields_are_shown_at_most(tmp_path: Path) -> None:
    names = [f"f{number:02d}" for number in range(30)]
    said = complaint(tmp_path / "x.csv", ",".join(reversed(names)) + "\n")
    assert said.endswith(f"the file has {names[:20]}")


def test_a_file_without_records_says_what_was_left_out_if_anything(tmp_path: Path) -> None:
    said = complaint(tmp_path / "x.jsonl", "no\n")
    assert said.endswith("has no record and no header that can be read: give a file with records")
    file = RecordFile(tmp_path / "x.jsonl")
    file.require_fields({})
    with pytest.raises(ValueError, match=r"can be read; left out: 1: give a file with records$"):
        file.require_fields({"user": "user_id"}, "1")


@pytest.mark.parametrize(
    ("name", "separator", "content"),
    [
        ("x.tsv", ",", 'a,b\n1,"2,3"\n'),
        ("x.csv", ";", 'a;b\n1;"2,3"\n'),
        ("x.csv", "\t", "a\tb\n1\t2,3\n"),
        ("x.csv", r"\t", "a\tb\n1\t2,3\n"),
        ("x.txt", "::", "a::b\n1::2,3\n"),
        ("x.csv", None, ' a , b \n1,"2,3"\n'),
    ],
)
def test_the_separator_that_is_given_goes_before_the_name(
    name: str, separator: str | None, content: str, tmp_path: Path
) -> None:
    (tmp_path / name).write_text(content)
    read = list(RecordFile(tmp_path / name, separator).records(Damage()))
    assert read == [{"a": "1", "b": "2,3"}]


def test_quotes_keep_other_separators_in_a_cell(tmp_path: Path) -> None:
    (tmp_path / "x.csv").write_text('a;b\n1;"2;3"\n')
    assert list(RecordFile(tmp_path / "x.csv", ";").records(Damage())) == [{"a": "1", "b": "2;3"}]


def test_types_are_told_from_names_unless_names_need_them(tmp_path: Path) -> None:
    path = tmp_path / "x.item"
    path.write_text("item_id:token\ttags:token_seq\tyear:float:x\tnote\n1\ta b\t2\tn\n")
    file = RecordFile(path)
    assert list(file.records(Damage())) == [
        {"item_id": "1", "tags": "a b", "year": "2", "note": "n"}
    ]
    assert [name for name in file.seen if file.is_sequence(name)] == ["tags"]
    path.write_text("item_id\ttitle:en\ttitle:de\n1\tA\tB\n")
    file = RecordFile(path)
    assert list(file.records(Damage())) == [{"item_id": "1", "title:en": "A", "title:de": "B"}]


@pytest.mark.parametrize("name", ["x.jsonl", "x.csv", "x.tsv"])
def test_bytes_of_another_encoding_are_noted_or_decoded(name: str, tmp_path: Path) -> None:
    records = {"x.jsonl": '{"a": "\xe9", "b": 1}\n', "x.csv": "a,b\n\xe9,1\n"}
    text = records.get(name, "a\tb\n\xe9\t1\n")
    (tmp_path / name).write_bytes(text.encode("cp1252"))
    damage = Damage()
    (record,) = RecordFile(tmp_path / name).records(damage)
    assert record["a"] == "\ufffd"
    assert damage.notes == [f"{name}: lines with bytes that are not utf-8, which became U+FFFD: 1"]
    damage = Damage()
    (record,) = RecordFile(tmp_path / name, encoding="cp1252").records(damage)
    assert (record["a"], damage.notes) == ("\xe9", [])
    with pytest.raises(ValueError, match="no encoding 'utf-9'"):
        RecordFile(tmp_path / name, encoding="utf-9")


def test_only_a_first_line_makes_an_array(tmp_path: Path) -> None:
    (tmp_path / "x.jsonl").write_text('{"a": 1}\n[{"a": 2}]\n"a"\n5\n{\'a\': 3}\n')
    damage = Damage()
    assert list(RecordFile(tmp_path / "x.jsonl").records(damage)) == [{"a": 1}, {"a": 3}]
    assert damage.skipped == {NOT_JSON.format("x.jsonl"): 3}


def test_only_needed_columns_of_parquet_are_read(tmp_path: Path) -> None:
    rows = [{"a": n, "b": [0.5, n], "c": str(n)} for n in range(3)]
    parquet.write_table(pyarrow.Table.from_pylist(rows), tmp_path / "x.parquet")
    file = RecordFile(tmp_path / "x.parquet")
    assert list(file.records(Damage())) == rows
    needed = [{"a": row["a"], "c": row["c"]} for row in rows]
    assert list(file.records(Damage(), {"c", "a", "absent"})) == needed
    assert file.seen == {"a", "b", "c"}


@pytest.mark.parametrize("name", ["x.jsonl", "x.parquet"])
def test_records_that_name_their_fields_take_no_columns(name: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"fields: names are for tables without header$"):
        RecordFile(tmp_path / name, columns=["a"])


def test_a_name_that_tells_no_format_asks_for_the_separator(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"or give the separator of its cells$"):
        RecordFile(tmp_path / "x.dat")
    with pytest.raises(ValueError, match=r"of its cells with --separator$"):
        RecordFile(tmp_path / "x.dat", **OPTIONS)


@pytest.mark.parametrize("name", ["x.csv", "x.jsonl", "x.parquet"])
def test_a_folder_is_no_file(name: str, tmp_path: Path) -> None:
    (tmp_path / name).mkdir()
    with pytest.raises(FileNotFoundError, match="no such file"):
        list(RecordFile(str(tmp_path / name)).records(Damage()))  # type: ignore[arg-type]
