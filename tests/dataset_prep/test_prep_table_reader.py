"""The reader of tables and JSON lines: what it takes for a cell, and what it refuses."""

from __future__ import annotations

import gzip

import pytest
from recbole_cammsr.dataset_prep.table_reader import field, read_records, read_table


@pytest.mark.parametrize(
    ("name", "data", "words"),
    [
        ("items.jsonl.gz", b"no gzip", "line 1: not JSON"),
        ("items.jsonl.gz", gzip.compress(b'{"asin": "B1"}')[:-6], "cannot be read as UTF-8 text"),
        ("items.jsonl.gz", gzip.compress(b"[1]\n"), "line 1: not a JSON object"),
        ("items.jsonl.gz", gzip.compress(b"\n{\n"), "line 2: not JSON"),
        ("inter.csv", b"\xff\xfe\x00", "cannot be read as UTF-8 text"),
        ("inter.csv", b"", "no column 'who'; the header has"),
        ("inter.csv", b"what,when\n1,2\n", "no column 'who'; the header has"),
        ("inter.csv", b"who,what\nu1\n", "line 2: 1 cells, the header has 2"),
        ("inter.csv", b'who,what\nu1,"B1\nu2,B1\n', "a quote is opened and never closed"),
        ("nowhere.csv", None, "no such file"),
    ],
)
def test_broken_files_end_in_a_sentence(tmp_path, name, data, words):
    path = tmp_path / name
    if data is not None:
        path.write_bytes(data)
    rows = read_table(path, ("who",)) if name.endswith(".csv") else read_records(path)
    with pytest.raises((ValueError, FileNotFoundError), match=words) as caught:
        list(rows)
    assert str(caught.value).startswith(str(path))


def test_an_absent_field_is_named():
    with pytest.raises(ValueError, match=r"x\.jsonl: an item has no field 'id'; it has \['asin'\]"):
        field({"asin": "B1"}, "id", "x.jsonl")


def test_bare_quotes_of_a_tab_separated_dump_are_text(tmp_path):
    path = tmp_path / "x.text"
    path.write_text('item_id:token\ttext:token_seq\na\t"3 inch" pipe\nb\t"open\nc\tend"\n')
    assert list(read_table(path, ("item_id", "text"))) == [
        ("a", '"3 inch" pipe'),
        ("b", '"open'),
        ("c", 'end"'),
    ]


def test_quotes_around_a_whole_cell_are_taken_off_as_by_recbole_and_pandas(tmp_path):
    lines = [('"a"', '"3"" pipe"'), ("b", '""'), ("c", '"one" and "two"'), ("d", '"')]
    content = "".join(f"{token}\t{text}\n" for token, text in lines)
    path, plain = tmp_path / "x.item", tmp_path / "x.tsv"
    path.write_text("item_id:token\ttext:token_seq\n" + content)
    plain.write_text("item_id\ttext\n" + content)
    for file in (path, plain):
        assert list(read_table(file, ("item_id", "text"))) == [
            ("a", '3" pipe'),
            ("b", ""),
            ("c", '"one" and "two"'),
            ("d", '"'),
        ]


def test_a_row_with_another_number_of_cells_is_refused_with_its_line(tmp_path):
    path = tmp_path / "x.csv"
    path.write_text('item_id,title,brand\n1,"two\nlines",K\n2,Hello, World,Acme\n')
    rows = read_table(path, ("item_id", "title"))
    assert next(rows) == ("1", "two\nlines")
    with pytest.raises(ValueError, match=r"x\.csv, line 4: 4 cells, the header has 3"):
        next(rows)


@pytest.mark.parametrize("separator", [",", "\t"])
def test_quotes_never_closed_long_cells_and_byte_order_marks(tmp_path, separator):
    path = tmp_path / ("x.csv" if separator == "," else "x.item")
    long = "word " * 40_000
    header = separator.join(("item_id", "title"))
    path.write_text(f"\ufeff{header}\n1{separator}{long}\n", encoding="utf-8")
    assert list(read_table(path, ("item_id", "title"))) == [("1", long)]
    path.write_text(f'{header}\n1{separator}"a\n2{separator}b\n')
    if separator == ",":
        with pytest.raises(ValueError, match=r"x\.csv: a quote is opened and never closed"):
            list(read_table(path, ("item_id", "title")))
    else:
        assert list(read_table(path, ("item_id", "title"))) == [("1", '"a'), ("2", "b")]
