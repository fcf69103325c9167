"""Tables without a header, and separators of several characters."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("pyarrow")
pytest.importorskip("duckdb")
from recbole_cammsr.dataset_prep import cli

ROWS = [("1", "1193", "5", 978300760), ("1", "661", "3", 978302109), ("2", "661", "4", 978302110)]
INTER = {(user, item, rating, str(time)) for user, item, rating, time in ROWS}


def write(path: Path, separator: str, header: str = "") -> Path:
    path.write_text(header + "".join(f"{separator.join(map(str, row))}\n" for row in ROWS))
    return path


def run(folder: Path, inter: Path, *more: object) -> int:
    given = ["table", "--interactions", inter, "--dataset", "d", "--output", folder / "out"]
    given += ["--quiet", "--min-per-user", "0", "--min-per-item", "0", *more]
    return cli.main([str(one) for one in given])


def written(folder: Path) -> set[tuple[str, ...]]:
    lines = (folder / "out" / "d.inter").read_text().splitlines()
    assert lines[0].split("\t")[:2] == ["user_id:token", "item_id:token"]
    return {tuple(line.split("\t")) for line in lines[1:]}


@pytest.mark.parametrize(
    ("name", "separator", "more"),
    [
        ("log.csv", ",", ()),
        ("log.dat", "::", ("--separator", "::")),
        ("log.dat", ":::", ("--separator", ":::")),
        ("log.rating", "\t", ("--separator", r"\t")),
        ("log.tsv", "\t", ()),
    ],
)
@pytest.mark.parametrize("names", ["user,item,rating,timestamp", "user_id, item,rating,timestamp"])
def test_columns_name_the_cells(
    name: str, separator: str, more: Any, names: str, tmp_path: Path
) -> None:
    assert run(tmp_path, write(tmp_path / name, separator), "--columns", names, *more) == 0
    assert written(tmp_path) == INTER


def test_other_names_are_mapped_and_items_have_their_own(tmp_path: Path) -> None:
    inter = write(tmp_path / "ratings.dat", "::")
    items = tmp_path / "movies.dat"
    items.write_text('661::James "Jim" the::Drama|Musical\n1193::Cuckoo::\n')
    given = ["--separator", "::", "--columns", "who,what,stars,when", "--user-column", "who"]
    given += ["--item-column", "what", "--rating-column", "stars", "--timestamp-column", "when"]
    given += ["--items", items, "--item-columns", "item,title,categories"]
    given += ["--category-separator", "|", "--category-kind", "flat", "--category-min-count", "1"]
    assert run(tmp_path, inter, *given) == 0
    assert written(tmp_path) == INTER
    rows = [x.split("\t")[:4] for x in (tmp_path / "out" / "d.item").read_text().splitlines()[1:]]
    assert rows == [
        ["1193", "Cuckoo", "", ""],
        ["661", "James Jim the", "Drama", "Drama Musical"],
    ]


def test_names_may_stand_in_the_mapping_file(tmp_path: Path, capsys: Any) -> None:
    inter, mapping = write(tmp_path / "log.dat", "::"), tmp_path / "map.yaml"
    mapping.write_text("columns: [user, item, rating, timestamp]\nseparator: '::'\n")
    assert run(tmp_path, inter, "--mapping", mapping) == 0
    assert written(tmp_path) == INTER
    assert run(tmp_path, inter, "--mapping", mapping) == 0
    assert "nothing to do" in capsys.readouterr().out
    mapping.write_text("columns: user\n")
    assert run(tmp_path, inter, "--mapping", mapping) == 1
    assert "map.yaml: columns must be a list of names, not 'user'" in capsys.readouterr().err


def test_a_separator_is_for_text_tables_only(tmp_path: Path) -> None:
    inter, items = write(tmp_path / "log.dat", "::"), tmp_path / "items.jsonl"
    items.write_text('{"item_id": "661", "title": "James"}\n')
    given = ["--separator", "::", "--columns", "user,item,rating,timestamp", "--items", items]
    assert run(tmp_path, inter, *given) == 0
    assert "661\tJames" in (tmp_path / "out" / "d.item").read_text()


@pytest.mark.parametrize(
    ("separator", "header", "more", "said"),
    [
        (
            ",",
            "",
            (),
            "no field 'user_id' for the user; the file has ['1', '1193', '5', '978300760",
        ),
        (",", "", (), "it seems to have no header: name its columns with --columns"),
        (",", "1,1,5,1\n", (), "['1', '1', '5', '1']: it seems to have no header: name its col"),
        (",", "a,a,b,c\n", (), "the header names a column twice: ['a', 'a', 'b', 'c']\n"),
        (",", "a,b,c,d\n", (), "the file has ['a', 'b', 'c', 'd']\n"),
        (",", "", ("--columns", "user,item"), "has 4 cells, there are names for 2)"),
        (",", "", ("--columns", "user,item,user"), "hold one twice: user, item, user\n"),
        (",", "", ("--columns", "user,,item"), "--columns: each column must have a name"),
        (",", "", ("--columns", "a,b,c,d"), "no field 'user_id' for the user; the file has ['a'"),
        (",", "", ("--item-columns", "a"), "but no file of items: give --items"),
        (",", "", ("--separator", ""), "the separator is empty"),
    ],
)
def test_errors_name_the_option(
    separator: str, header: str, more: Any, said: str, tmp_path: Path, capsys: Any
) -> None:
    assert run(tmp_path, write(tmp_path / "log.csv", separator, header), *more) == 1
    error = capsys.readouterr().err
    assert said in error
    assert error.count("\n") == 1


def test_records_with_names_take_no_columns(tmp_path: Path, capsys: Any) -> None:
    inter = tmp_path / "log.jsonl"
    inter.write_text('{"user_id": "u", "item_id": "a", "7": 1}\n')
    assert run(tmp_path, inter, "--columns", "user,item") == 1
    assert "log.jsonl: its records name their fields: --columns are" in capsys.readouterr().err
    assert run(tmp_path, inter, "--rating-column", "stars") == 1
    assert "no header" not in capsys.readouterr().err
