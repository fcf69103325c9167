"""Tables in other encodings and with separators of their own."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("pyarrow")
pytest.importorskip("duckdb")
from recbole_cammsr.dataset_prep import cli
from recbole_cammsr.dataset_prep.item_records import read_items
from recbole_cammsr.dataset_prep.line_files import LineFile

INTER = "user_id,item_id,timestamp\n" + "".join(f"u{u},i{i},{i}\n" for u in "12" for i in "12")
ITEMS = "item_id,title\ni1,Caf\u00e9\ni2,Bar\n"


def prepare(folder: Path, items: Path, *more: object, inter: str = INTER) -> int:
    (folder / "inter.csv").write_text(inter)
    given: list[object] = ["table", "--interactions", folder / "inter.csv", "--items", items]
    given += ["--dataset", "d", "--output", folder / "out", "--quiet"]
    given += ["--min-per-user", 0, "--min-per-item", 0, *more]
    return cli.main([str(one) for one in given])


def titles(folder: Path) -> list[str]:
    lines = (folder / "out" / "d.item").read_text(encoding="utf-8").splitlines()
    return [line.split("\t")[1] for line in lines[1:]]


@pytest.mark.parametrize(
    ("encoding", "more"),
    [
        ("utf-16", ()),
        ("cp1252", ("--encoding", "cp1252")),
        ("cp1252", ("--mapping", "map.yaml")),
    ],
)
def test_items_of_another_encoding_are_read(
    encoding: str, more: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "map.yaml").write_text("encoding: cp1252\n")
    (tmp_path / "items.csv").write_bytes(ITEMS.replace("\n", "\r\n").encode(encoding))
    assert prepare(tmp_path, tmp_path / "items.csv", *more) == 0
    assert titles(tmp_path) == ["Caf\u00e9", "Bar"]


def test_lost_characters_of_items_are_a_warning(tmp_path: Path, capsys: Any) -> None:
    items = tmp_path / "items.csv"
    items.write_bytes(ITEMS.encode("cp1252"))
    assert prepare(tmp_path, items) == 0
    said = capsys.readouterr().out
    assert "warning: items.csv: 1 items hold U+FFFD" in said
    assert "e.g. 'Caf\ufffd': name the file's encoding, e.g. --encoding cp1252" in said


def test_unknown_encodings_and_utf_16_without_a_mark_are_told(tmp_path: Path, capsys: Any) -> None:
    items = tmp_path / "items.csv"
    items.write_bytes(ITEMS.replace("\n", "\r\n").encode("utf-16-le"))
    assert prepare(tmp_path, items) == 1
    assert "as UTF-16 without a byte order mark does" in capsys.readouterr().err
    assert prepare(tmp_path, items, "--encoding", "cp9") == 1
    assert "no encoding 'cp9'" in capsys.readouterr().err
    # Python knows it, but not as one of texts.
    assert prepare(tmp_path, items, "--encoding", "hex") == 1
    assert "no encoding 'hex'" in capsys.readouterr().err


@pytest.mark.parametrize("big_end_first", [False, True])
@pytest.mark.parametrize("zipped", [False, True])
def test_lines_of_utf_16_are_whole(zipped: bool, big_end_first: bool, tmp_path: Path) -> None:
    text = "\u010aa\u0a0d\n" + "b" * 70_000 + "\r\n\U0001f469"
    data = f"\ufeff{text}".encode("utf-16-be" if big_end_first else "utf-16-le")
    path = tmp_path / "x.txt"
    # A stream of two members comes in two blocks, here the mark alone first.
    path.write_bytes(gzip.compress(data[:2]) + gzip.compress(data[2:]) if zipped else data)
    for encoding in ("utf-8", "cp1252", "utf-16"):
        assert list(LineFile(path, encoding)) == ["\u010aa\u0a0d", "b" * 70_000, "\U0001f469"]


@pytest.mark.parametrize("byte_order", ["utf-16-le", "utf-16-be"])
def test_lines_of_utf_16_that_cannot_be_decoded_are_counted(
    byte_order: str, tmp_path: Path
) -> None:
    lone = "\ud800".encode(byte_order, "surrogatepass")
    text = ["\ufeffone\n", "tw", lone, "o\n", "thr\ufffdee\n", "four \U0001f600\nfi"]
    parts = [part if isinstance(part, bytes) else part.encode(byte_order) for part in text]
    (tmp_path / "lines.txt").write_bytes(b"".join([*parts, b"\x00"]))
    file = LineFile(tmp_path / "lines.txt")
    assert list(file) == ["one", "tw\ufffdo", "thr\ufffdee", "four \U0001f600", "fi\ufffd"]
    assert file.undecodable == 2  # the half of a pair, and the half of a character at the end
    assert "became U+FFFD: 2" in file.findings()[0]


def test_items_may_have_a_separator_of_their_own(tmp_path: Path, capsys: Any) -> None:
    (tmp_path / "items.csv").write_text(ITEMS, encoding="utf-8")
    inter = INTER.replace(",", "::")
    assert prepare(tmp_path, tmp_path / "items.csv", inter=inter) == 1
    assert "'user_id::item_id::timestamp': where '::' stands between its cells, give " in (
        said := capsys.readouterr().err
    )
    assert "give --separator '::'" in said
    assert prepare(tmp_path, tmp_path / "items.csv", "--separator", "::", inter=inter) == 1
    assert "give --item-separator ','" in capsys.readouterr().err
    more = ("--separator", "::", "--item-separator", ",")
    assert prepare(tmp_path, tmp_path / "items.csv", *more, inter=inter) == 0
    assert titles(tmp_path) == ["Caf\u00e9", "Bar"]


def test_files_that_change_roles_are_read_again(tmp_path: Path, capsys: Any) -> None:
    both = "user_id,item_id,timestamp,title\nu1,i1,1,A\nu1,i2,2,B\n"
    (tmp_path / "inter.csv").write_text(both)
    (tmp_path / "items.csv").write_text(both.replace("u1", "u2"))
    names = [str(tmp_path / name) for name in ("inter.csv", "items.csv")]
    for interactions, items in (names, names[::-1]):
        given = ["table", "--interactions", interactions, "--items", items, "--dataset", "d"]
        given += ["--output", str(tmp_path / "out"), "--min-per-user", "0", "--min-per-item", "0"]
        assert cli.main([*given, "--quiet"]) == 0
    assert "u2\t" in (tmp_path / "out" / "d.inter").read_text()
    assert "nothing to do" not in capsys.readouterr().out


def test_encoders_read_what_the_table_command_reads(tmp_path: Path) -> None:
    expected = [("i1", {"title": "Caf\u00e9"}), ("i2", {"title": "Bar"})]
    (tmp_path / "ITEMS.CSV").write_text(ITEMS, encoding="utf-8")
    (tmp_path / "misnamed.csv").write_bytes(gzip.compress(ITEMS.encode()))
    (tmp_path / "wide.csv").write_bytes(ITEMS.encode("utf-16"))
    for name in ("ITEMS.CSV", "misnamed.csv", "wide.csv"):
        assert list(read_items(tmp_path / name, "item_id", ["title"])) == expected
    lines = [json.dumps({"item_id": item, **record}) + "\n" for item, record in expected]
    (tmp_path / "X.JSONL").write_text("".join(lines))
    got = read_items(tmp_path / "X.JSONL", "item_id", ["title"])
    assert [(item, record["title"]) for item, record in got] == [("i1", "Caf\u00e9"), ("i2", "Bar")]
