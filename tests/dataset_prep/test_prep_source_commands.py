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
    given += ["--category-min-count", "1", "--quiet"]
    assert cli.main(given) == 0
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
    assert "interactions" in capsys.readouterr().out
    assert cli.main(given) == 0
    assert "already complete and unchanged" in capsys.readouterr().out


def test_missing_folder_is_one_sentence_and_exit_1(tmp_path: Path, capsys: Any) -> None:
    for command in (["movielens", "--release", "1m"], ["microlens"], ["hm"]):
        given = [*command, "--folder", str(tmp_path / "no"), "--dataset", "d"]
        assert cli.main([*given, "--output", str(tmp_path / "out")]) == 1
        error = capsys.readouterr().err
        assert "no such folder" in error
        assert error.count("\n") == 1
