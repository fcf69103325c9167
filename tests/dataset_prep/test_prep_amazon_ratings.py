"""Amazon's files of ratings without texts, laid out as each release does."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

pytest.importorskip("pyarrow")
pytest.importorskip("duckdb")
from pyarrow import parquet
from recbole_cammsr.dataset_prep.amazon import Amazon
from recbole_cammsr.dataset_prep.cli import main
from recbole_cammsr.dataset_prep.source_folder import MALFORMED
from recbole_cammsr.dataset_prep.staging import INTERACTIONS, StagingWriter, read_report

USERS, ITEMS = ("A2IBPI20UZIR0U", "A14VAT5EAX3D9S"), ("B000FA5KK0", "0000013714")
ROWS = [
    (USERS[0], ITEMS[0], 5.0, 1400000000.5),
    (USERS[0], ITEMS[1], 2.0, 1300000000.0),
    (USERS[1], ITEMS[1], 4.0, 1300000001.0),
]
FILES = {
    "2014": "".join(f"{u},{i},{r},{t}\n" for u, i, r, t in ROWS),
    "2018": "".join(f"{i},{u},{r},{t}\n" for u, i, r, t in ROWS),
    "2023": "user_id,parent_asin,rating,timestamp,history\n"
    + "".join(f"{u},{i},{r},{round(t * 1000)},{ITEMS[0]} x\n" for u, i, r, t in ROWS),
}


def write(folder: Path, text: str, name: str = "ratings_Beauty.csv") -> Path:
    content = text.encode()
    path = folder / name
    path.write_bytes(gzip.compress(content) if name.endswith(".gz") else content)
    return path


@pytest.mark.parametrize("release", FILES)
@pytest.mark.parametrize("name", ["ratings_Beauty.csv", "Beauty.csv.gz"])
def test_each_release_is_read_in_its_order(release: str, name: str, tmp_path: Path) -> None:
    path = write(tmp_path, FILES[release] + "a,b\na\n", name)
    with StagingWriter(tmp_path / "staged") as writer:
        Amazon(release, path).stage(writer)
    rows = parquet.read_table(tmp_path / "staged" / INTERACTIONS).to_pylist()
    assert [(r["user"], r["item"], r["rating"], r["timestamp"]) for r in rows] == ROWS
    assert read_report(tmp_path / "staged")["skipped"] == {MALFORMED.format(name): 2}


@pytest.mark.parametrize("release", ["2014", "2018"])
def test_every_row_of_a_long_file_is_read_once_and_in_order(release: str, tmp_path: Path) -> None:
    """The rows that are looked at before the others are rows like them."""
    rows = [f"{USERS[0]},{n:010d},5.0,{n}\n" for n in range(2500)]
    if release == "2018":
        rows = [f"{n:010d},{USERS[0]},5.0,{n}\n" for n in range(2500)]
    path = write(tmp_path, "".join(rows))
    with StagingWriter(tmp_path / "staged") as writer:
        Amazon(release, path).stage(writer)
    read = parquet.read_table(tmp_path / "staged" / INTERACTIONS).to_pydict()
    assert read["item"] == [f"{n:010d}" for n in range(2500)]
    assert read["timestamp"] == list(range(2500))


@pytest.mark.parametrize("release", ["2014", "2023"])
def test_damaged_rows_and_bytes_are_told(release: str, tmp_path: Path) -> None:
    path = write(tmp_path, FILES[release])
    row = ",".join(["caf\xe9", *"12345"])
    path.write_bytes(path.read_bytes() + f"{row}\n".encode("latin-1"))
    with StagingWriter(tmp_path / "staged") as writer:
        Amazon(release, path).stage(writer)
    report = read_report(tmp_path / "staged")
    assert report["interactions"] == len(ROWS)
    assert report["examples"] == {MALFORMED.format(path.name): "'caf\ufffd,1,2,3,4,5'"}
    assert report["notes"] == [
        f"{path.name}: lines with bytes that are not utf-8, which became U+FFFD: 1"
    ]


@pytest.mark.parametrize(
    ("release", "given", "said"),
    [
        ("2018", "2014", "3 of its first 3 rows have an item's 10 characters where Amazon 2018"),
        ("2018", "2014", "try --release 2014 (rows user,item,rating,time without a header)"),
        ("2014", "2018", "try --release 2018 (rows item,user,rating,time without a header)"),
        ("2018", "2014", "that release has rows item,user,rating,time without a header: try"),
        ("2014", "2023", "begins with a header, 'user_id,parent_asin,rating,timestamp,history'"),
        ("2018", "2023", "have rows item,user,rating,time without a header: check --release"),
        ("2023", "2018", "or try 2014 or 2018\n"),
        ("2023", "2014", "2023 have a header with user_id,parent_asin,rating,timestamp: check"),
    ],
)
def test_the_file_of_another_release_is_refused(
    release: str, given: str, said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = write(tmp_path, FILES[given])
    arguments = ["amazon", "--release", release, "--reviews", str(path), "--dataset", "b"]
    assert main([*arguments, "--output", str(tmp_path / "out"), "--quiet"]) == 1
    error = capsys.readouterr().err
    assert f"{path}: " in error
    assert said in error
    assert error.count("\n") == 1


@pytest.mark.parametrize("text", ["", "1;2;3;4\n"])
def test_a_file_without_a_rating_says_what_is_expected(text: str, tmp_path: Path) -> None:
    path = write(tmp_path, text)
    with (
        pytest.raises(ValueError, match=r"no row is a rating.* has rows user,item,rating,time wi"),
        StagingWriter(tmp_path / "staged") as writer,
    ):
        Amazon("2014", path).stage(writer)


@pytest.mark.parametrize(
    ("user", "item", "others"),
    [("U" * 10, ITEMS[0], 0), (USERS[0], "9780000000001", 0), ("U", "978", 1)],
)
def test_ids_of_any_length_are_read_where_most_rows_are_in_order(
    user: str, item: str, others: int, tmp_path: Path
) -> None:
    """A user's id may have an item's length, an item's another, and single rows another order."""
    rows = [f"{user},{item},5.0,1\n"] * 2 + [f"{ITEMS[1]},{USERS[1]},5.0,1\n"] * 2 * others
    path = write(tmp_path, "".join(rows))
    with StagingWriter(tmp_path / "staged") as writer:
        Amazon("2014", path).stage(writer)
    assert parquet.read_table(tmp_path / "staged" / INTERACTIONS).num_rows == len(rows)


def test_most_rows_in_another_order_are_enough_to_refuse(tmp_path: Path) -> None:
    path = write(tmp_path, FILES["2018"] + f"{USERS[0]},{ITEMS[0]},5.0,1\n1,2,3,4,5\n1\n")
    with (
        pytest.raises(ValueError, match=r"3 of its first 4 rows .*try --release 2018"),
        StagingWriter(tmp_path / "staged") as writer,
    ):
        Amazon("2014", path).stage(writer)


def test_names_of_files_and_columns_may_be_written_otherwise(tmp_path: Path) -> None:
    header = "rating, timestamp ,parent_asin, user_id\n"
    path = write(tmp_path, f"{header}5.0,2000,{ITEMS[0]},{USERS[0]}\n", "RATINGS.CSV")
    with StagingWriter(tmp_path / "staged") as writer:
        Amazon("2023", path).stage(writer)
    (row,) = parquet.read_table(tmp_path / "staged" / INTERACTIONS).to_pylist()
    assert (row["user"], row["item"], row["rating"], row["timestamp"]) == (
        *(USERS[0], ITEMS[0], 5.0, 2.0),
    )


@pytest.mark.parametrize("columns", [2, 4])
def test_a_header_of_any_length_is_refused_where_rows_have_none(
    columns: int, tmp_path: Path
) -> None:
    header = ",".join(["user_id", "parent_asin", "rating", "timestamp"][:columns])
    path = write(tmp_path, f"{header}\n{FILES['2014']}")
    with (
        pytest.raises(ValueError, match=f"begins with a header, '{header}'; .* or try 2023$"),
        StagingWriter(tmp_path / "staged") as writer,
    ):
        Amazon("2014", path).stage(writer)


def test_a_header_that_lacks_one_column_is_refused(tmp_path: Path) -> None:
    path = write(tmp_path, f"user_id,asin,rating,timestamp\n{USERS[0]},{ITEMS[0]},5.0,1\n")
    with (
        pytest.raises(ValueError, match="begins with 'user_id,asin,rating,timestamp'"),
        StagingWriter(tmp_path / "staged") as writer,
    ):
        Amazon("2023", path).stage(writer)
