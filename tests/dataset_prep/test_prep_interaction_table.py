"""The generic converter and its command."""

from __future__ import annotations

import gzip
import json
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from recbole_cammsr.dataset_prep.interaction_table import CategoryRule, Columns, convert, main
from recbole_cammsr.dataset_prep.table_reader import read_table

ITEMS = [
    {"asin": "B1", "title": 'Red &amp; "blue"', "cat": [["Root", "Nail Care", "Polish"]]},
    {"asin": "B2", "title": None, "cat": [["Root", "Nail Care"]]},
    {"asin": "B3", "title": "Third", "cat": []},
]


@pytest.fixture
def source(tmp_path):
    with gzip.open(tmp_path / "items.jsonl.gz", "wt", encoding="utf-8") as file:
        file.writelines(json.dumps(item) + "\n" for item in ITEMS)
    (tmp_path / "inter.csv").write_text("who,stars,what,when\nu1,5,B2,9\nu2,4,B1,3\nu1,1,B9,2\n")
    return tmp_path


def run(source, *extra):
    fixed = ["--inter", f"{source}/inter.csv", "--items", f"{source}/items.jsonl.gz"]
    names = ["--user-column", "who", "--item-column", "what", "--time-column", "when"]
    fields = ["--item-field", "asin", "--category-field", "cat", "--dataset", "toy"]
    skip = ["--category-skip-levels", "1", "--category-min-count", "1"]
    return main([*fixed, *names, *fields, *skip, "--output", f"{source}/out", *extra])


def test_command_writes_both_files_in_source_order(source, capsys):
    assert run(source) == 0
    assert "2 users, 3 items, 3 interactions, 1 items without metadata" in capsys.readouterr().out
    assert (source / "out/toy.inter").read_text().split("\n") == [
        "user_id:token\titem_id:token\ttimestamp:float",
        "u1\tB2\t9",
        "u2\tB1\t3",
        "u1\tB9\t2",
        "",
    ]
    assert (source / "out/toy.item").read_text().split("\n") == [
        "item_id:token\ttitle:token_seq\tcategory:token\tcategories:token_seq",
        "B1\tRed & blue\tNail_Care>Polish\tNail_Care Nail_Care>Polish",
        "B2\t\tNail_Care\tNail_Care",
        "B3\tThird\t\t",
        "",
    ]


@pytest.mark.parametrize(
    ("extra", "words"),
    [
        (["--inter", "/nowhere.tsv"], "/nowhere.tsv: no such file"),
        (["--user-column", "user"], r"inter\.csv: no column 'user'; the header has"),
        (["--item-field", "id"], "no field 'id'"),
        (["--item-column", "stars"], "share no id"),
        (["--time-column", "what"], "timestamp: 'B2' is not a finite number"),
        (["--category-level", "0"], "level must be at least 1"),
        (["--category-field", "title", "--title-field", "cat", "--category-min-count", "0"], "0"),
    ],
)
def test_command_says_one_sentence_and_writes_nothing(source, capsys, extra, words):
    assert run(source, *extra) == 1
    error = capsys.readouterr().err
    assert error.startswith("error: ")
    assert error.count("\n") == 1
    assert "Traceback" not in error
    assert re.search(words, error)
    assert not (source / "out/toy.inter").exists()


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("items.jsonl.gz", b"no gzip"),
        ("items.jsonl.gz", gzip.compress(b'{"asin": "B1"}', mtime=0)[:-6]),
        ("items.jsonl.gz", gzip.compress(b"[1]\n", mtime=0)),
        ("items.jsonl.gz", gzip.compress(b"{\n", mtime=0)),
        ("items.jsonl.gz", gzip.compress(b"", mtime=0)),
        ("inter.csv", b"\xff\xfe\x00"),
        ("inter.csv", b""),
        ("inter.csv", b"who,what,when\nu1\n"),
        ("inter.csv", b'who,what,when\nu1,"B1,1\nu2,B1,1\n'),
        ("inter.csv", b"who,what,when\nu1,B1,1,extra\n"),
    ],
)
def test_broken_sources_end_in_a_sentence(source, capsys, name, data):
    (source / name).write_bytes(data)
    assert run(source) == 1
    error = capsys.readouterr().err
    assert name in error
    assert error.count("\n") == 1


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


ID = st.text(st.characters(categories=("L", "N")), min_size=1, max_size=4).filter(
    lambda text: text not in {"NA", "nan", "NaN", "NULL", "null", "None"}
)


@settings(max_examples=50)
@given(st.lists(st.tuples(ID, ID, st.integers(0, 2**40)), min_size=1, max_size=20))
def test_any_interactions_keep_order_and_value(tmp_path_factory, rows):
    folder = tmp_path_factory.mktemp("table")
    lines = ["\t".join(map(str, row)) for row in rows]
    (folder / "i.tsv").write_text("\n".join(["u\ti\tt", *lines]) + "\n", encoding="utf-8")
    listed = {item for _, item, _ in rows}
    items = "\n".join(json.dumps({"i": token, "title": token}) for token in sorted(listed))
    (folder / "i.jsonl").write_text(items, encoding="utf-8")
    names = Columns("u", "i", "t", "i", "title", None)
    counts = convert(
        folder / "i.tsv", folder / "i.jsonl", folder, "toy", names, CategoryRule("flat")
    )
    written = (folder / "toy.inter").read_text(encoding="utf-8").split("\n")
    assert written[1:-1] == lines
    assert counts.interactions == len(rows)
    assert counts.items == len(listed)
    assert counts.unlisted_items == 0


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


def test_a_source_is_not_replaced(source, capsys):
    own = source / "toy.inter"
    own.write_text("who\twhat\twhen\nu1\tB2\t9\n")
    assert run(source, "--inter", str(own), "--output", str(source)) == 1
    assert "toy.inter: is a file of the source and would be replaced" in capsys.readouterr().err
    assert own.read_text() == "who\twhat\twhen\nu1\tB2\t9\n"
