"""MovieLens releases as sources: hand-written files in the documented formats."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("pyarrow")
from pyarrow import parquet
from recbole_cammsr.dataset_prep.movielens import GENRES_100K, RELEASES, MovieLens
from recbole_cammsr.dataset_prep.source_folder import MALFORMED
from recbole_cammsr.dataset_prep.staging import INTERACTIONS, ITEMS, StagingWriter, read_report


def flags(*genres: str) -> str:
    return "|".join("1" if genre in genres else "0" for genre in GENRES_100K)


FILES = {
    "100k": (
        b"196\t242\t3\t881250949\n186\t302\t3\t891717742\n22\t377\t1\n\n244\t51\tx\t880606923\n",
        (
            f"242|Kolya (1996)|24-Jan-1997||http://x/M?Kolya%20(1996)|{flags('Comedy')}\n"
            f"302|L\xe9on (1994)|01-Jan-1994||http://x|{flags('Crime', 'Drama')}\n"
            f"267|unknown||||{flags('unknown')}\n"
            "51|Short (1990)|||0|1\n \n"
        ).encode("latin-1"),
        [("196", "242", 3.0, 881250949.0), ("186", "302", 3.0, 891717742.0)],
        {
            "242": ("Kolya (1996)", [["Comedy"]]),
            "302": ("Léon (1994)", [["Crime"], ["Drama"]]),
            "267": ("unknown", None),
        },
        {MALFORMED.format("u.data"): 2, MALFORMED.format("u.item"): 1},
    ),
    "1m": (
        b"1::1193::5::978300760\r\n1::661::3::978302109\r\n",
        "661::Mis\xe9rables, Les (1995)::Drama|Musical\n1193::Fall: Part II::\n1194::x\n".encode(
            "latin-1"
        ),
        [("1", "1193", 5.0, 978300760.0), ("1", "661", 3.0, 978302109.0)],
        {
            "661": ("Misérables, Les (1995)", [["Drama"], ["Musical"]]),
            "1193": ("Fall: Part II", None),
        },
        {MALFORMED.format("movies.dat"): 1},
    ),
    "10m": (
        b"1::122::5::838985046\n1::185::4.5::838983525\n",
        "122::Amélie (2001)::Comedy|Romance\n185::Net, The (1995)::(no genres listed)\n".encode(),
        [("1", "122", 5.0, 838985046.0), ("1", "185", 4.5, 838983525.0)],
        {
            "122": ("Amélie (2001)", [["Comedy"], ["Romance"]]),
            "185": ("Net, The (1995)", None),
        },
        {},
    ),
    "25m": (
        b"userId,movieId,rating,timestamp\r\n1,296,5.0,1147880044\r\n1,306,3.5,1147868817\r\n",
        (
            "movieId,title,genres\r\n"
            '296,"American President, The ""Cut"" (1995)",Comedy|Drama\r\n'
            "306,Amélie (2001),(no genres listed)\r\n"
        ).encode(),
        [("1", "296", 5.0, 1147880044.0), ("1", "306", 3.5, 1147868817.0)],
        {
            "296": ('American President, The "Cut" (1995)', [["Comedy"], ["Drama"]]),
            "306": ("Amélie (2001)", None),
        },
        {},
    ),
}


def write(folder: Path, release: str, ratings: bytes, movies: bytes) -> MovieLens:
    folder.mkdir(exist_ok=True)
    (folder / RELEASES[release].ratings).write_bytes(ratings)
    (folder / RELEASES[release].movies).write_bytes(movies)
    return MovieLens(release, folder)


def staged(source: Any, folder: Path) -> tuple[list[tuple[Any, ...]], dict[str, Any], Any]:
    with StagingWriter(folder) as writer:
        source.stage(writer)
    rows = parquet.read_table(folder / INTERACTIONS).to_pylist()
    items = {
        row["item"]: (row["title"], row["categories"] and json.loads(row["categories"]))
        for row in parquet.read_table(folder / ITEMS).to_pylist()
    }
    inter = [(row["user"], row["item"], row["rating"], row["timestamp"]) for row in rows]
    return inter, items, read_report(folder)["skipped"]


@pytest.mark.parametrize("release", FILES)
def test_release_is_staged_as_documented(release: str, tmp_path: Path) -> None:
    ratings, movies, *expected = FILES[release]
    source = write(tmp_path / "raw", release, ratings, movies)
    assert list(staged(source, tmp_path / "staged")) == expected
    assert source.name == f"movielens-{release}"


@pytest.mark.parametrize("release", ["20m", "latest-small", "32m"])
def test_modern_releases_share_the_format_of_25m(release: str, tmp_path: Path) -> None:
    ratings, movies, *expected = FILES["25m"]
    source = write(tmp_path / "raw", release, ratings, movies)
    assert list(staged(source, tmp_path / "staged")) == expected


def test_header_of_another_file_is_refused(tmp_path: Path) -> None:
    source = write(tmp_path / "raw", "25m", b"a,b\n1,2\n", FILES["25m"][1])
    with pytest.raises(ValueError, match=r"ratings\.csv: the header is \['a', 'b'\]"):
        staged(source, tmp_path / "staged")


def test_header_of_a_release_with_other_columns_is_refused(tmp_path: Path) -> None:
    header = b"movieId,userId,rating,timestamp\n296,1,5.0,1147880044\n"
    source = write(tmp_path / "raw", "25m", header, FILES["25m"][1])
    with pytest.raises(ValueError, match=r"ratings\.csv: the header is \['movieId', 'userId'"):
        staged(source, tmp_path / "staged")
    movies = FILES["25m"][1].replace(b"movieId,title,genres", b"movieId,genres,title")
    source = write(tmp_path / "raw", "25m", FILES["25m"][0], movies)
    with pytest.raises(ValueError, match=r"movies\.csv: the header is \['movieId', 'genres'"):
        staged(source, tmp_path / "again")


def test_rows_of_other_cells_are_no_movies(tmp_path: Path) -> None:
    ratings, _, inter, *_ = FILES["1m"]
    movies = b"661::A::B::Drama\n1193::Fall: Part II::Drama\n"
    source = write(tmp_path / "raw", "1m", ratings, movies)
    assert staged(source, tmp_path / "staged") == (
        inter,
        {"1193": ("Fall: Part II", [["Drama"]])},
        {MALFORMED.format("movies.dat"): 1},
    )
    ratings, _, inter, *_ = FILES["100k"]
    whole = flags("Comedy")
    movies = f"242|Kolya|1997||x|{whole}\n302|L||y|1997||x|{whole[2:]}|2\n7|M|1997||x|{whole}|0\n"
    movies += f"8|One|more|1997||x|{whole[2:]}\n"  # as many cells, each a column further
    source = write(tmp_path / "other", "100k", ratings, movies.encode())
    _, items, skipped = staged(source, tmp_path / "again")
    assert items == {"242": ("Kolya", [["Comedy"]])}
    assert skipped[MALFORMED.format("u.item")] == 3


def test_flags_are_genres_in_the_order_of_the_readme(tmp_path: Path) -> None:
    """As the README of the release lists them; ``flags`` takes the order that is tested here."""
    order = [
        *("unknown", "Action", "Adventure", "Animation", "Children's"),
        *("Comedy", "Crime", "Documentary", "Drama", "Fantasy"),
        *("Film-Noir", "Horror", "Musical", "Mystery", "Romance"),
        *("Sci-Fi", "Thriller", "War", "Western"),
    ]
    lines = [
        f"{number}|M||||{'|'.join('01'[number == column] for column in range(len(order)))}\n"
        for number in range(len(order))
    ]
    source = write(tmp_path / "raw", "100k", FILES["100k"][0], "".join(lines).encode())
    _, items, _ = staged(source, tmp_path / "staged")
    assert [items[str(number)][1] for number in range(len(order))] == [
        None,
        *([[genre]] for genre in order[1:]),
    ]


def test_missing_file_and_unknown_release_are_named(tmp_path: Path) -> None:
    (tmp_path / "u.data").write_bytes(b"")
    with pytest.raises(FileNotFoundError, match=r"u\.item: no such file"):
        MovieLens("100k", tmp_path).inputs()
    with pytest.raises(FileNotFoundError, match="no such folder"):
        MovieLens("1m", tmp_path / "absent").inputs()
    with pytest.raises(ValueError, match="no MovieLens release '2m'"):
        MovieLens("2m", tmp_path)


def test_a_title_whose_quote_is_never_closed_is_named(tmp_path: Path) -> None:
    movies = b'movieId,title,genres\n1,Kept,Drama\n2,"Open (1999),Drama\n3,Lost,Drama\n'
    source = write(tmp_path / "raw", "latest-small", FILES["25m"][0], movies)
    with pytest.raises(ValueError, match=r"movies\.csv: a quote .* begins '2,\"Open \(1999\),Dra"):
        staged(source, tmp_path / "staged")
