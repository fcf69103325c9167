"""``cammsr-prep`` on whole raw folders: what ends up in the atomic files of each source."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("pyarrow")
pytest.importorskip("duckdb")

from recbole_cammsr.dataset_prep import cli
from recbole_cammsr.dataset_prep.movielens import GENRES_100K

USERS, ITEMS = 12, 9
TIMES = random.Random(0).sample(range(1_400_000_000, 1_400_900_000), USERS * ITEMS)
PAIRS = [(u, i, TIMES[u * ITEMS + i]) for u in range(USERS) for i in range(ITEMS)]


def movielens(folder: Path) -> list[str]:
    lines = [f"{u + 1}::{i + 1}::{1 + (u + i) % 5}::{time}\n" for u, i, time in PAIRS]
    (folder / "ratings.dat").write_text("".join(lines), encoding="latin-1")
    titles = [f"{i + 1}::Caf\xe9 &amp; {i} (1995)::Drama|Children's\n" for i in range(ITEMS)]
    (folder / "movies.dat").write_text("".join(titles), encoding="latin-1")
    return ["movielens", "--release", "1m"]


def movielens_100k(folder: Path) -> list[str]:
    lines = [f"{u + 1}\t{i + 1}\t{1 + (u + i) % 5}\t{time}\n" for u, i, time in PAIRS]
    (folder / "u.data").write_text("".join(lines), encoding="latin-1")
    flags = "|".join("1" if genre in ("Drama", "Children's") else "0" for genre in GENRES_100K)
    titles = [f"{i + 1}|Caf\xe9 &amp; {i} (1995)|||http://x|{flags}\n" for i in range(ITEMS)]
    (folder / "u.item").write_text("".join(titles), encoding="latin-1")
    return ["movielens", "--release", "100k"]


def microlens(folder: Path) -> list[str]:
    lines = [f"{u + 1},{i + 1},{time * 1000}\n" for u, i, time in PAIRS]
    (folder / "MicroLens-50k_pairs.csv").write_text("user,item,timestamp\n" + "".join(lines))
    titles = [f'{i + 1},"Café &amp; {i} (1995)"\n' for i in range(ITEMS)]
    (folder / "MicroLens-50k_titles.csv").write_text(
        "item,title\n" + "".join(titles), encoding="utf-8"
    )
    tags = [f"{i + 1},Drama,Children's\n" for i in range(ITEMS)]
    (folder / "tags_to_summary.csv").write_text("".join(tags))
    return ["microlens"]


@pytest.mark.parametrize("write", [movielens, movielens_100k, microlens])
def test_source_becomes_atomic_files(write: Any, tmp_path: Path, capsys: Any) -> None:
    raw = tmp_path / "raw"
    raw.mkdir()
    given = [*write(raw), "--folder", str(raw), "--dataset", "d", "--output", str(tmp_path / "out")]
    given += ["--category-min-count", "1"]
    assert cli.main(given) == 0
    shown = capsys.readouterr()
    assert "interactions" in shown.out
    assert all(f"{path.name}: " in shown.err for path in raw.iterdir())  # a bar over each file
    header, *rows = (tmp_path / "out" / "d.inter").read_text().splitlines()
    names = [name.split(":")[0] for name in header.split("\t")]
    written = {
        (row["user_id"], row["item_id"], int(row["timestamp"]))
        for row in (dict(zip(names, line.split("\t"))) for line in rows)
    }
    assert written == {(str(u + 1), str(i + 1), time) for u, i, time in PAIRS}
    header, *rows = (tmp_path / "out" / "d.item").read_text(encoding="utf-8").splitlines()
    names = [name.split(":")[0] for name in header.split("\t")]
    items = [dict(zip(names, line.split("\t"))) for line in rows]
    assert {item["title"] for item in items} == {f"Café & {i} (1995)" for i in range(ITEMS)}
    # Both are genres of every film, so neither is rarer; labels are tokens without blanks.
    assert {item["categories"] for item in items} <= {"Drama Children's", "Children's Drama"}
    assert {item["category"] for item in items} == {"Children's"}  # the first by name
    assert cli.main(given) == 0
    assert "already complete and unchanged" in capsys.readouterr().out


def test_missing_folder_is_one_sentence_and_exit_1(tmp_path: Path, capsys: Any) -> None:
    for command in (["movielens", "--release", "1m"], ["microlens"], ["hm"]):
        given = [*command, "--folder", str(tmp_path / "no"), "--dataset", "d"]
        assert cli.main([*given, "--output", str(tmp_path / "out")]) == 1
        error = capsys.readouterr().err
        assert "no such folder" in error
        assert error.count("\n") == 1


def test_source_without_times_is_told_in_the_summary(tmp_path: Path, capsys: Any) -> None:
    (tmp_path / "log.csv").write_text("user_id,item_id\nu,a\nu,b\n")
    given = ["table", "--interactions", str(tmp_path / "log.csv"), "--dataset", "d", "--quiet"]
    given += ["--min-per-user", "0", "--min-per-item", "0", "--output", str(tmp_path)]
    assert cli.main(given) == 0
    assert "none: sequential models need times" in capsys.readouterr().out
    assert (tmp_path / "d.inter").read_text().startswith("user_id:token\titem_id:token\nu\ta\n")
    assert cli.main(["check", str(tmp_path), "--quiet"]) == 1
    assert "no field timestamp:float" in capsys.readouterr().out


@pytest.mark.parametrize(("duplicates", "rows"), [("all", 6), ("first", 3)])
def test_sparsity_is_the_share_of_pairs_without_an_interaction(
    tmp_path: Path, capsys: Any, duplicates: str, rows: int
) -> None:
    """Of four pairs of a user and an item three occur, however often."""
    table = "user_id,item_id,timestamp\n" + "u,a,1\nu,a,2\nu,b,3\nu,a,4\nv,a,5\nv,a,6\n"
    (tmp_path / "log.csv").write_text(table)
    given = ["table", "--interactions", str(tmp_path / "log.csv"), "--dataset", "d", "--quiet"]
    given += ["--min-per-user", "0", "--min-per-item", "0", "--output", str(tmp_path)]
    for _ in range(2):  # made, and read from its record
        assert cli.main([*given, "--duplicates", duplicates]) == 0
        (shown,) = [x for x in capsys.readouterr().out.splitlines() if x.startswith("  sparsity")]
        assert shown.split() == ["sparsity", "25.0000%"]
    assert len((tmp_path / "d.inter").read_text().splitlines()) == 1 + rows


def hm_damaged(folder: Path) -> list[str]:
    (folder / "transactions_train.csv").write_bytes(
        b"t_dat,customer_id,article_id,price,sales_channel_id\n"
        b"2018-09-20,c1,0000000001,0.05,2\n2018-09-20,c1,0000000001,0.05,2\n"
        b"2018-09-21,c1,0000000002,0.05,2\n2018-09-2"
    )
    columns = (
        b"article_id,prod_name,product_type_name,product_group_name,index_name,index_group_name,"
        b"detail_desc\n"
    )
    (folder / "articles.csv").write_bytes(
        columns + b'0000000001,"Caf\xe9 &amp; <b>top</b>",Vest top,Upper body,A,B,"two\nlines"\n'
        b"0000000002,,Vest top,Upper body,A,B,\n0000000003,cut"
    )
    return ["hm"]


def microlens_damaged(folder: Path) -> list[str]:
    (folder / "MicroLens-50k_pairs.csv").write_bytes(
        b"user,item,timestamp\nc1,0000000001,1537401600000\nc1,0000000001,1537401600000\n"
        b"c1,0000000002,1537488000000\nc1,00"
    )
    (folder / "MicroLens-50k_titles.csv").write_bytes(
        b'item,title\n0000000001,"Caf\xe9 &amp; <b>top</b>"\n0000000003'
    )
    return ["microlens"]


@pytest.mark.parametrize("write", [hm_damaged, microlens_damaged])
def test_damage_costs_its_record_only(write: Any, tmp_path: Path, capsys: Any) -> None:
    raw, out = tmp_path / "raw", tmp_path / "out"
    raw.mkdir()
    given = [*write(raw), "--folder", str(raw), "--dataset", "d", "--output", str(out)]
    assert cli.main([*given, "--min-per-user", "0", "--min-per-item", "0"]) == 0
    shown = capsys.readouterr()
    rows = [line.split("\t") for line in (out / "d.inter").read_text().splitlines()[1:]]
    assert rows == [["c1", "0000000001", "1537401600"], ["c1", "0000000002", "1537488000"]]
    items = [line.split("\t") for line in (out / "d.item").read_text("utf-8").splitlines()[1:]]
    assert [row[:2] for row in items] == [["0000000001", "Caf\ufffd & top"], ["0000000002", ""]]
    assert "not utf-8, which became U+FFFD: 1" in shown.out
    assert shown.out.count("line with the wrong number of cells") == 2
    # The bars of reading and filtering; ``--quiet`` has none.
    assert "d: " in shown.err
    assert "steps" in shown.err
    assert cli.main([*given, "--min-per-user", "0", "--min-per-item", "0", "--quiet"]) == 0
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize(
    ("write", "option", "rest"),
    [
        (hm_damaged, "--images", "/000/0000000001.jpg"),
        (microlens_damaged, "--covers", "/0000000001.jpg"),
    ],
)
def test_another_folder_of_pictures_is_noticed(
    write: Any, option: str, rest: str, tmp_path: Path
) -> None:
    raw = tmp_path / "raw"
    raw.mkdir()
    given = [*write(raw), "--folder", str(raw), "--dataset", "d", "--output", str(tmp_path)]
    given += ["--min-per-user", "0", "--min-per-item", "0", "--quiet"]
    for folder in ("small", "large"):
        assert cli.main([*given, option, folder]) == 0
        header, first, *_ = (tmp_path / "d.item").read_text("utf-8").splitlines()
        row = dict(zip(header.split("\t"), first.split("\t")))
        assert row["image:token_seq"] == f"{folder}{rest}"


def test_files_of_one_name_in_two_folders_are_both_watched(tmp_path: Path) -> None:
    log, items = tmp_path / "log" / "x.csv", tmp_path / "items" / "x.csv"
    given = ["table", "--interactions", str(log), "--items", str(items), "--dataset", "d"]
    given += ["--min-per-user", "0", "--min-per-item", "0", "--output", str(tmp_path), "--quiet"]
    for path in (log, items):
        path.parent.mkdir()
    for item, title in (("a", "A"), ("b", "A"), ("b", "B")):
        log.write_text(f"user_id,item_id,timestamp\nu,{item},1\n")
        items.write_text(f"item_id,title\na,{title}\nb,{title}\n")
        assert cli.main(given) == 0
        row = (tmp_path / "d.item").read_text().splitlines()[1].split("\t")
        assert row[:2] == [item, title]
