"""Generic tables as a source: the same content in every format, mappings, real data."""

from __future__ import annotations

import gzip
import json
import os
from datetime import date, datetime, timezone
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("pyarrow")
pytest.importorskip("duckdb")
import pyarrow
from pyarrow import parquet
from recbole_cammsr.dataset_prep import cli, item_fields, table
from recbole_cammsr.dataset_prep.cells import as_category_paths, as_id, as_seconds
from recbole_cammsr.dataset_prep.interaction_records import NO_IDS, NO_RATING, NO_TIME
from recbole_cammsr.dataset_prep.record_file import NOT_JSON, RecordFile
from recbole_cammsr.dataset_prep.source_folder import MALFORMED, Damage
from recbole_cammsr.dataset_prep.staging import INTERACTIONS, ITEMS, StagingWriter, read_report
from recbole_cammsr.dataset_prep.table import Table, TableMapping

ROWS: list[dict[str, Any]] = [
    {"user_id": "u1", "item_id": "007", "rating": 4.5, "timestamp": 1400000000},
    {"user_id": "u2", "item_id": "b", "rating": None, "timestamp": 1400000001},
]
LISTED: list[dict[str, Any]] = [
    {"item_id": "007", "title": 'A "good", old book', "categories": ["Books", "Spy & Thriller"]},
    {"item_id": "b", "title": None, "categories": None},
]


def stage(source: Table, folder: Path) -> tuple[list[Any], list[Any], Any]:
    with StagingWriter(folder) as writer:
        source.stage(writer)
    rows = parquet.read_table(folder / INTERACTIONS).to_pylist()
    return (
        [(row["user"], row["item"], row["rating"], row["timestamp"]) for row in rows],
        [
            (row["item"], row["title"], row["categories"] and json.loads(row["categories"]))
            for row in parquet.read_table(folder / ITEMS).to_pylist()
        ],
        read_report(folder),
    )


def write(folder: Path, suffix: str) -> tuple[Path, Path]:
    inter, items = folder / f"inter{suffix}", folder / f"items{suffix}"
    if suffix == ".parquet":
        parquet.write_table(pyarrow.Table.from_pylist(ROWS), inter)
        parquet.write_table(pyarrow.Table.from_pylist(LISTED), items)
    elif suffix.startswith(".jsonl"):
        for path, records in ((inter, ROWS), (items, LISTED)):
            text = "".join(json.dumps(record) + "\n" for record in records).encode()
            path.write_bytes(gzip.compress(text) if suffix.endswith(".gz") else text)
    elif suffix == ".csv":
        inter.write_text(
            "\ufeffuser_id,item_id,rating,timestamp\nu1,007,4.5,1400000000\nu2,b,,1400000001\n",
            encoding="utf-8",
        )
        items.write_text(
            "item_id,title,categories\n"
            '007,"A ""good"", old book","[""Books"", ""Spy & Thriller""]"\nb,,\n'
        )
    else:
        inter.write_text(
            "user_id:token\titem_id:token\trating:float\ttimestamp:float\n"
            "u1\t007\t4.5\t1400000000\nu2\tb\t\t1400000001\n"
        )
        items.write_text(
            'item_id\ttitle\tcategories\n007\tA "good", old book\t["Books", "Spy & Thriller"]\n'
            "b\t\t\n"
        )
    return inter, items


@pytest.mark.parametrize("suffix", [".csv", ".tsv", ".inter", ".jsonl", ".jsonl.gz", ".parquet"])
def test_every_format_stages_the_same(suffix: str, tmp_path: Path) -> None:
    rows, items, report = stage(Table(*write(tmp_path, suffix)), tmp_path / "staged")
    assert rows == [("u1", "007", 4.5, 1.4e9), ("u2", "b", None, 1400000001.0)]
    assert items == [
        ("007", 'A "good", old book', [["Books", "Spy & Thriller"]]),
        ("b", None, None),
    ]
    assert report["skipped"] == {}


def test_damaged_records_are_counted_by_reason(tmp_path: Path) -> None:
    inter, items = tmp_path / "inter.csv", tmp_path / "items.jsonl"
    inter.write_text(
        "user_id,item_id,rating,timestamp\nu,a,5,1\nu,,5,1\nu,a,5\nu,a,five,1\nu,a,5,yesterday\n"
    )
    items.write_text('{"item_id": "a", "categories": [1.5]}\n[]\n{"item_id"\n{"title": "no id"}\n')
    rows, staged, report = stage(Table(inter, items), tmp_path / "staged")
    assert rows == [("u", "a", 5.0, 1.0)]
    assert staged == [("a", None, None)]
    assert report["skipped"] == {
        NO_IDS.format("inter.csv"): 1,
        NO_RATING.format("inter.csv"): 1,
        NO_TIME.format("inter.csv"): 1,
        MALFORMED.format("inter.csv"): 1,
        item_fields.NO_CATEGORY.format("items.jsonl"): 1,
        table.NO_ITEM_ID.format("items.jsonl"): 1,
        NOT_JSON.format("items.jsonl"): 2,
    }


@pytest.mark.parametrize(
    ("value", "units", "seconds"),
    [
        ("1400000000000", 1000, 1.4e9),
        (1.5, 1, 1.5),
        ("", 1, None),
        (None, 1, None),
        ("1970-01-02", 1, 86400.0),
        ("1970-01-01T01:00:00Z", 1, 3600.0),
        ("1970-01-01 01:00:00+01:00", 1, 0.0),
        ("1970-01-01 01:00:00 UTC", 1, 3600.0),
        (date(1970, 1, 2), 1, 86400.0),
        (datetime(1970, 1, 1, 0, 1, tzinfo=timezone.utc), 1, 60.0),
    ],
)
def test_times_become_seconds(value: Any, units: int, seconds: float | None) -> None:
    assert as_seconds(value, units) == seconds


@pytest.mark.usefixtures("elsewhere")
@pytest.mark.parametrize(
    "value", ["1970-01-02", "1970-01-02 00:00", date(1970, 1, 2), datetime(1970, 1, 2)]
)
def test_times_without_a_zone_are_utc_wherever_the_machine_stands(value: Any) -> None:
    assert as_seconds(value) == 86400.0


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
def test_missing_ratings_cost_no_interaction(suffix: str, tmp_path: Path) -> None:
    path = tmp_path / f"inter{suffix}"
    ratings = [float("nan"), 4.0, float("inf")]
    if suffix == ".csv":
        cells = ["NA", "4", "inf", "NaN", ""]
        lines = [f"u,{n},{cell}\n" for n, cell in enumerate(cells)]
        path.write_text("user_id,item_id,rating\n" + "".join(lines))
    else:
        columns = {"user_id": ["u"] * 3, "item_id": ["0", "1", "2"]}
        rating = pyarrow.array(ratings, from_pandas=False)
        parquet.write_table(pyarrow.table({**columns, "rating": rating}), path)
    rows, _, report = stage(Table(path), tmp_path / "staged")
    left = [("u", "0", None, None), ("u", "1", 4.0, None)]
    left += [("u", item, None, None) for item in "34"] if suffix == ".csv" else []
    assert rows == left
    assert report["skipped"] == {NO_RATING.format(path.name): 1}


def test_ids_of_data_frames_lose_the_decimal_point() -> None:
    assert [as_id(value) for value in (12.0, 12, " 012 ", None, float("nan"))] == [
        "12",
        "12",
        "012",
        "",
        "",
    ]


def test_carriage_returns_within_cells_are_blanks(tmp_path: Path) -> None:
    inter, items = write(tmp_path, ".csv")
    items.write_bytes(
        b'item_id,title,categories\r\n007,One\rtwo,Books\r\nb,"Three\r\nfour\rfive",Books\r\n'
    )
    _, staged, report = stage(Table(inter, items), tmp_path / "staged")
    assert [" ".join(title.split()) for _, title, _ in staged] == ["One two", "Three four five"]
    assert report["skipped"] == {}
    items.write_bytes(b"item_id,title\r007,One\rb,Two\r")
    with pytest.raises(ValueError, match=r"items\.csv: its lines end in carriage returns alone"):
        stage(Table(inter, items), tmp_path / "again")


def test_cells_of_blanks_are_empty_and_python_spells_no_numbers(tmp_path: Path) -> None:
    inter = tmp_path / "inter.csv"
    inter.write_text(
        "user_id,item_id,rating,timestamp\nu1,a, ,1400000000\nu1,b,  4.5 , 1400000001\n"
        "u1,c,1_0,1400000002\nu1,d,1,2023_1_30\n"
    )
    rows, _, report = stage(Table(inter), tmp_path / "staged")
    assert rows == [("u1", "a", None, 1400000000), ("u1", "b", 4.5, 1400000001)]
    assert sum(report["skipped"].values()) == 2


def test_values_that_name_nothing_are_no_ids(tmp_path: Path) -> None:
    assert {as_id(value) for value in (True, [1], {"a": 1}, float("inf"))} == {""}
    inter = tmp_path / "inter.jsonl"
    inter.write_text(
        '{"user_id": true, "item_id": "a"}\n{"user_id": "u", "item_id": {}}\n'
        '{"user_id": 1, "item_id": "a"}\n'
    )
    rows, _, report = stage(Table(inter), tmp_path / "staged")
    assert [row[:2] for row in rows] == [("1", "a")]
    assert report["skipped"] == {NO_IDS.format("inter.jsonl"): 2}


def test_values_that_no_number_or_text_holds_are_skipped_not_fatal(tmp_path: Path) -> None:
    inter = tmp_path / "inter.jsonl"
    huge, deep = "9" * 400, "[" * 100_000
    inter.write_text(
        f'{{"user_id": "u", "item_id": "a", "rating": {huge}}}\n'
        f'{{"user_id": "u", "item_id": "a", "rating": [1]}}\n{deep}\n'
        '{"user_id": "u", "item_id": "a", "rating": NaN}\n'
        '{"user_id": "u", "item_id": "a", "timestamp": 1e999}\n'
    )
    rows, _, report = stage(Table(inter), tmp_path / "staged")
    assert rows == [("u", "a", None, None)] * 2
    assert report["skipped"] == {
        NO_RATING.format("inter.jsonl"): 2,
        NOT_JSON.format("inter.jsonl"): 1,
    }


def test_binary_columns_of_parquet_are_read_as_text(tmp_path: Path) -> None:
    columns = {"user_id": [b"u"], "item_id": [b"\xc3\xa9"], "embedding": [[0.5] * 8]}
    parquet.write_table(pyarrow.table(columns), tmp_path / "inter.parquet")
    rows, _, _ = stage(Table(tmp_path / "inter.parquet"), tmp_path / "staged")
    assert rows == [("u", "é", None, None)]


def test_category_texts_are_labels_paths_or_json() -> None:
    assert as_category_paths("Books") == [["Books"]]
    assert as_category_paths("Books > Spy", " > ") == [["Books", "Spy"]]
    assert as_category_paths("Beauty &gt; Nails", " > ") == [["Beauty", "Nails"]]
    assert as_category_paths("Beauty &gt; Nails", " &gt; ") == [["Beauty", "Nails"]]
    assert as_category_paths("Health &amp; Beauty;Nails", ";") == [["Health & Beauty", "Nails"]]
    assert as_category_paths('[["a", "b"], ["c"]]') == [["a", "b"], ["c"]]
    assert as_category_paths([]) == []
    for wrong in ([["a"], "b"], [["a", 1.5]], True, {}, "[not json"):
        with pytest.raises(ValueError, match=r"path|Expecting"):
            as_category_paths(wrong)


def test_named_field_must_exist_and_default_may_be_absent(tmp_path: Path) -> None:
    inter, items = write(tmp_path, ".csv")
    with pytest.raises(ValueError, match=r"inter\.csv: no field 'stars' for the rating"):
        stage(Table(inter, mapping=TableMapping({"rating": "stars"})), tmp_path / "staged")
    with pytest.raises(ValueError, match=r"no field 'who' for the user; the file has \['item_id'"):
        stage(Table(inter, mapping=TableMapping({"user": "who"})), tmp_path / "staged")
    with pytest.raises(ValueError, match=r"items\.csv: no field 'brand' for the brand"):
        stage(Table(inter, items, TableMapping({}, {"brand": "brand"})), tmp_path / "staged")
    with pytest.raises(ValueError, match="interactions have no 'when'; the roles are user"):
        TableMapping({"when": "x"})


def test_fields_of_items_without_items_are_refused(tmp_path: Path) -> None:
    inter, _ = write(tmp_path, ".csv")
    with pytest.raises(ValueError, match=r"fields of items are named \(name\).*give --items"):
        Table(inter, mapping=TableMapping({}, {"title": "name"}))


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"interactions": {"user": ""}}, "interactions: the field of 'user' must be a name"),
        ({"items": {"title": 3}}, "items: the field of 'title' must be a name, not 3"),
        ({"items": {"user": "x"}}, "items have no 'user'; the roles are item, title"),
        ({"time_unit": "h"}, "no time unit 'h'; the units are"),
        ({"encoding": "utf-9"}, "utf-9"),
        ({"columns": ["user_id", 2]}, "--columns: each column must have a name"),
        ({"item_columns": ["item_id", ""]}, "--item-columns: each column must have a name"),
    ],
)
def test_a_mapping_that_cannot_be_is_refused(given: dict[str, Any], says: str) -> None:
    with pytest.raises(ValueError, match=says):
        TableMapping(**given)


@pytest.mark.parametrize(
    "given", [{"items": {"title": "a"}}, {"item_columns": ["a"]}, {"item_separator": ";"}]
)
def test_what_is_said_of_items_needs_a_file_of_them(given: Any, tmp_path: Path) -> None:
    inter, _ = write(tmp_path, ".csv")
    with pytest.raises(ValueError, match="but no file of items: give --items"):
        Table(inter, mapping=TableMapping(**given))


@pytest.mark.parametrize(
    ("separator", "own", "between"), [(";", None, ";"), (";", "|", "|"), (None, "|", "|")]
)
def test_items_have_their_own_separator_or_that_of_the_interactions(
    separator: str | None, own: str | None, between: str, tmp_path: Path
) -> None:
    inter, items = tmp_path / "inter.csv", tmp_path / "items.csv"
    inter.write_text("user_id,item_id\nu,1\n".replace(",", separator or ","))
    items.write_text("item_id,title\n1,A\n".replace(",", between))
    mapping = TableMapping(separator=separator, item_separator=own)
    rows, staged, _ = stage(Table(inter, items, mapping), tmp_path / "staged")
    assert rows == [("u", "1", None, None)]
    assert staged == [("1", "A", None)]


def test_both_files_are_read_in_the_encoding_that_is_given(tmp_path: Path) -> None:
    inter, items = tmp_path / "inter.csv", tmp_path / "items.csv"
    inter.write_bytes("user_id,item_id\nJosé,1\n".encode("latin-1"))
    items.write_bytes("item_id,title\n1,Léon\n".encode("latin-1"))
    rows, staged, _ = stage(
        Table(inter, items, TableMapping(encoding="latin-1")), tmp_path / "staged"
    )
    assert rows == [("José", "1", None, None)]
    assert staged == [("1", "Léon", None)]


def test_a_column_plays_the_role_whose_name_it_has_unless_another_is_meant(tmp_path: Path) -> None:
    inter = tmp_path / "inter.csv"
    inter.write_text("1,2,3,4\n")
    for columns, named, row in (
        (["user", "item", "rating", "timestamp"], {}, ("1", "2", 3.0, 4.0)),
        (["user", "user_id", "item", "rating"], {}, ("2", "3", 4.0, None)),
        (["user", "item", "x", "rating"], {"user": "x"}, ("3", "2", 4.0, None)),
    ):
        mapping = TableMapping(named, columns=columns)
        rows, _, _ = stage(Table(inter, mapping=mapping), tmp_path / "_".join(columns))
        assert rows == [row]


def test_every_part_of_a_mapping_is_a_setting_of_the_source(tmp_path: Path) -> None:
    inter, items = write(tmp_path, ".csv")
    given: dict[str, Any] = {
        **{"interactions": {"user": "u"}, "items": {"title": "t"}, "separator": ";"},
        **{"category_separator": ">", "time_unit": "ms", "columns": ["a"]},
        **{"item_columns": ["b"], "item_separator": "|", "encoding": "latin-1"},
    }
    plain = Table(inter, items).settings()
    assert set(plain) == set(given)
    for name, value in given.items():
        changed = Table(inter, items, TableMapping(**{name: value})).settings()
        assert {key for key in plain if changed[key] != plain[key]} == {name}


@pytest.mark.parametrize("order", ["ab", "ba"])
def test_one_shared_item_is_enough(order: str, tmp_path: Path) -> None:
    inter, items = write(tmp_path, ".csv")
    inter.write_text("user_id,item_id\n" + "".join(f"u,{item}\n" for item in order))
    items.write_text("item_id,title\na,A\n")
    rows, staged, _ = stage(Table(inter, items), tmp_path / "staged")
    assert [row[1] for row in rows] == list(order)
    assert [row[0] for row in staged] == ["a"]


def test_ids_of_two_namings_are_refused(tmp_path: Path) -> None:
    inter, items = write(tmp_path, ".csv")
    items.write_text("item_id,title\nx,A\n")
    with pytest.raises(ValueError, match="share no item"):
        stage(Table(inter, items), tmp_path / "staged")


def test_ids_that_one_file_spells_as_fractions_are_named(tmp_path: Path) -> None:
    inter, items = write(tmp_path, ".csv")
    inter.write_text("user_id,item_id,timestamp\nu,1.0,1\nv,2.0,2\n")
    items.write_text("item_id,title\n1,A\n2,B\n")
    with pytest.raises(ValueError, match=r"'1\.0' and '1'.*write the ids as whole numbers"):
        stage(Table(inter, items), tmp_path / "staged")
    inter.write_text("user_id,item_id,timestamp\nu,1,1\nv,2,2\n")
    items.write_text("item_id,title\n1.0,A\n2.0,B\n")
    with pytest.raises(ValueError, match=r"'1' and '1\.0'.*write the ids as whole numbers"):
        stage(Table(inter, items), tmp_path / "again")


def test_unknown_suffix_and_broken_parquet_are_named(tmp_path: Path) -> None:
    inter = tmp_path / "inter.xls"
    inter.write_text("x")
    with pytest.raises(ValueError, match="the name ends in none of"):
        stage(Table(inter), tmp_path / "staged")
    inter = tmp_path / "inter.parquet"
    inter.write_text("x")
    with pytest.raises(ValueError, match="not a Parquet file"):
        stage(Table(inter), tmp_path / "staged")


def test_command_merges_mapping_file_and_options(tmp_path: Path, capsys: Any) -> None:
    lines = [f"{u}|{i}|{1_400_000_000_000 + 60_000 * i}" for u in range(6) for i in range(6)]
    (tmp_path / "log.txt").write_text("\n".join(["who|what|when", *lines]) + "\n")
    (tmp_path / "map.yaml").write_text(
        "interactions: {user: who, item: wrong, timestamp: when}\nseparator: '|'\ntime_unit: ms\n"
    )
    given = ["table", "--interactions", str(tmp_path / "log.txt"), "--dataset", "t"]
    given += ["--output", str(tmp_path / "out"), "--quiet"]
    mapping = ["--mapping", str(tmp_path / "map.yaml")]
    assert cli.main([*given, *mapping]) == 1
    assert "no field 'wrong' for the item" in capsys.readouterr().err
    assert cli.main([*given, *mapping, "--item-column", "what"]) == 0
    written = (tmp_path / "out" / "t.inter").read_text().splitlines()
    assert written[:2] == ["user_id:token\titem_id:token\ttimestamp:float", "0\t0\t1400000000"]
    assert len(written) == 37
    # Another mapping makes other rows of the same files.
    assert cli.main([*given, *mapping, "--item-column", "what", "--time-unit", "us"]) == 0
    assert (tmp_path / "out" / "t.inter").read_text().splitlines()[1] == "0\t0\t1400000"
    (tmp_path / "map.yaml").write_text("column: {}\n")
    assert cli.main([*given, *mapping]) == 1
    assert "must map some of interactions" in capsys.readouterr().err


@pytest.mark.skipif(
    "CAMMSR_SHARED_DATA" not in os.environ, reason="CAMMSR_SHARED_DATA names no data folder"
)
def test_amazon_beauty_keeps_every_user_item_and_interaction(tmp_path: Path) -> None:
    source = Path(os.environ["CAMMSR_SHARED_DATA"]) / "amazon_beauty"
    given = ["table", "--interactions", str(source / "interactions.tsv")]
    given += ["--items", str(source / "items.jsonl.gz"), "--category-skip-levels", "1"]
    assert cli.main([*given, "--dataset", "b", "--output", str(tmp_path), "--quiet"]) == 0
    rows = [line.split("\t") for line in (tmp_path / "b.inter").read_text().splitlines()[1:]]
    assert len(rows) == 198_502
    assert len({row[0] for row in rows}) == 22_363
    assert len({row[1] for row in rows}) == 12_101
    header, *items = (tmp_path / "b.item").read_text(encoding="utf-8").splitlines()
    where = [name.split(":")[0] for name in header.split("\t")].index
    cells = [line.split("\t") for line in items]
    assert len(cells) == 12_101
    assert all(row[where("title")] for row in cells)
    assert all(row[where("category")] for row in cells)
    raw = {}
    with gzip.open(source / "items.jsonl.gz", "rt", encoding="utf-8") as file:
        for line in file:
            record = json.loads(line)
            raw[str(record["item_id"])] = record["categories"]
    # Below the root the first label of every item is the second level of its first path.
    for row in cells:
        second = raw[row[where("item_id")]][0][1]
        assert row[where("category")].split(">")[0].replace("_", " ") in (second, "Other")


@pytest.mark.parametrize("below", ["", "inside"])
def test_an_output_that_is_a_file_is_refused_in_one_sentence(tmp_path, capsys, below):
    interactions, items = write(tmp_path, ".jsonl")
    taken = tmp_path / "taken"
    taken.write_text("somebody's notes")
    given = ["table", "--interactions", str(interactions), "--items", str(items)]
    assert cli.main([*given, "--dataset", "b", "--output", str(taken / below)]) == 1
    said = capsys.readouterr().err
    assert f"{taken}" in said
    assert "is a file" in said
    assert said.count("\n") == 1
    assert "Traceback" not in said
    assert taken.read_text() == "somebody's notes"


@pytest.mark.parametrize("way", ["same path", "link", "relative", "items"])
def test_a_file_of_the_source_is_never_replaced(
    way: str, tmp_path: Path, capsys: Any, monkeypatch: Any
) -> None:
    interactions, items = write(tmp_path, ".jsonl")
    own = tmp_path / ("shop.item" if way == "items" else "shop.inter")
    own.write_text("user_id\titem_id\ttimestamp\nu1\t007\t1400000000\n")
    before = {path: path.read_bytes() for path in tmp_path.iterdir()}
    given = {"--interactions": own, "--items": items, "--output": tmp_path, "--dataset": "shop"}
    if way == "link":
        given["--interactions"] = tmp_path / "link.inter"
        given["--interactions"].symlink_to(own)
    elif way == "relative":
        monkeypatch.chdir(tmp_path.parent)
        given["--output"] = Path(tmp_path.name) / ".." / tmp_path.name
    elif way == "items":
        given.update({"--interactions": interactions, "--items": own})
    arguments = [str(one) for pair in given.items() for one in pair]
    assert cli.main(["table", *arguments, "--quiet", "--min-rating", "3"]) == 1
    error = capsys.readouterr().err
    assert "is a file of the source and would be replaced: name another --output" in error
    assert error.count("\n") == 1
    for path, content in before.items():
        assert path.read_bytes() == content
    assert not (tmp_path / "shop.prep.json").exists()


@pytest.mark.parametrize("cell", ['"open', '"open\nu2,b,,1400000001', '"ends here"\nu2,"b'])
def test_a_quote_that_is_never_closed_is_an_error(cell: str, tmp_path: Path) -> None:
    inter = tmp_path / "inter.csv"
    inter.write_text(f"user_id,item_id,rating,timestamp\nu0,a,,1\nu1,{cell}\n")
    begins = cell.split("\n")[-1] if cell.startswith('"ends') else f"u1,{cell.splitlines()[0]}"
    with pytest.raises(ValueError, match="a quote is opened and never closed") as caught:
        stage(Table(inter), tmp_path / "staged")
    assert f"{inter}: " in str(caught.value)
    assert str(caught.value).endswith(f"begins {begins!r}")


def test_a_last_cell_that_ends_in_a_line_break_is_whole(tmp_path: Path) -> None:
    inter, items = write(tmp_path, ".csv")
    items.write_text('item_id,title\n007,"one\ntwo\n"')
    _, staged, _ = stage(Table(inter, items), tmp_path / "staged")
    assert staged == [("007", "one\ntwo\n", None)]


def test_a_stream_that_is_cut_inside_a_quoted_cell_keeps_the_rows_before(tmp_path: Path) -> None:
    inter, _ = write(tmp_path, ".csv")
    whole = 'item_id,title\n007,"whole"\nb,"' + "\n".join(str(n * n) for n in range(50_000))
    items = tmp_path / "items.csv.gz"
    content = gzip.compress(whole.encode())
    items.write_bytes(content[: len(content) // 2])
    _, staged, report = stage(Table(inter, items), tmp_path / "staged")
    assert staged == [("007", "whole", None)]
    assert "items.csv.gz ends early" in report["notes"][0]


def test_a_cell_may_be_longer_than_the_limit_of_the_csv_module(tmp_path: Path) -> None:
    inter, items = write(tmp_path, ".csv")
    text = "word " * 40_000 + "end"
    items.write_text(f"item_id,title\n007,{text}\n")
    _, staged, _ = stage(Table(inter, items), tmp_path / "staged")
    assert staged == [("007", text, None)]


@pytest.mark.parametrize("suffix", [".csv", ".jsonl", ".jsonl.gz"])
def test_a_byte_order_mark_is_no_part_of_the_first_record(suffix: str, tmp_path: Path) -> None:
    inter, _ = write(tmp_path, ".csv")
    items = tmp_path / f"marked{suffix}"
    if suffix == ".csv":
        content = b'\xef\xbb\xbf"title","item_id"\n"A","007"\n'
    else:
        content = b'\xef\xbb\xbf{"item_id": "007", "title": "A"}\n'
    items.write_bytes(gzip.compress(content) if suffix.endswith(".gz") else content)
    _, staged, report = stage(Table(inter, items), tmp_path / "staged")
    assert staged == [("007", "A", None)]
    assert report["skipped"] == {}


def test_a_damaged_page_of_parquet_is_told_with_the_file(tmp_path: Path) -> None:
    inter, _ = write(tmp_path, ".parquet")
    content = bytearray(inter.read_bytes())
    # Behind the four letters that begin a file stands the header of its first page.
    content[4:40] = b"\xff" * 36
    inter.write_bytes(content)
    with pytest.raises(ValueError, match=r"inter\.parquet: damaged Parquet file \("):
        stage(Table(inter), tmp_path / "staged")


@pytest.mark.parametrize(
    "suffix", [".json", ".ndjson", ".pq", ".item", ".inter", ".TSV", ".csv.gz"]
)
def test_other_endings_of_names_are_read_alike(suffix: str, tmp_path: Path) -> None:
    path = tmp_path / f"x{suffix}"
    if suffix == ".pq":
        parquet.write_table(pyarrow.Table.from_pylist([{"a": "1", "b": "x, y"}]), path)
    elif suffix.endswith("json"):
        path.write_text('{"a": "1", "b": "x, y"}\n')
    elif suffix == ".csv.gz":
        path.write_bytes(gzip.compress(b'a,b\n1,"x, y"\n'))
    else:
        path.write_text("a:token\tb:token_seq\n1\tx, y\n")
    damage = Damage()
    assert list(RecordFile(path).records(damage)) == [{"a": "1", "b": "x, y"}]
    assert not damage.skipped


def test_a_field_may_first_stand_in_a_later_record(tmp_path: Path) -> None:
    inter = tmp_path / "inter.jsonl"
    inter.write_text(
        '{"user_id": "u", "item_id": "a"}\n{"user_id": "u", "item_id": "b", "stars": 4}\n'
    )
    rows, _, _ = stage(Table(inter, mapping=TableMapping({"rating": "stars"})), tmp_path / "staged")
    assert rows == [("u", "a", None, None), ("u", "b", 4.0, None)]


@pytest.mark.parametrize("separator", [",", "\t", "::"])
def test_rows_with_a_cell_too_few_or_too_many_are_left_out(separator: str, tmp_path: Path) -> None:
    rows = [["a", "b"], ["1", "2"], ["3"], ["4", "5", "6"], ["7", ""]]
    (tmp_path / "x.csv").write_text("".join(separator.join(row) + "\n" for row in rows))
    damage = Damage()
    got = list(RecordFile(tmp_path / "x.csv", separator).records(damage))
    assert got == [{"a": "1", "b": "2"}, {"a": "7", "b": ""}]
    assert damage.skipped == {MALFORMED.format("x.csv"): 2}
