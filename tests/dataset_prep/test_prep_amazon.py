"""Amazon releases in their raw formats, with everything ugly that they hold."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest

pytest.importorskip("pyarrow")
pytest.importorskip("duckdb")
from pyarrow import parquet
from recbole_cammsr.dataset_prep.amazon import Amazon
from recbole_cammsr.dataset_prep.amazon_releases import RELEASES
from recbole_cammsr.dataset_prep.cli import main
from recbole_cammsr.dataset_prep.staging import INTERACTIONS, ITEMS, StagingWriter, read_report


def compressed(path: Path, *lines: str | bytes) -> Path:
    rows = [line if isinstance(line, bytes) else line.encode() for line in lines]
    path.write_bytes(gzip.compress(b"\n".join(rows) + b"\n"))
    return path


def stage(folder: Path, source: Amazon) -> tuple[list[dict], dict[str, dict], dict]:
    with StagingWriter(folder / "staged") as writer:
        source.stage(writer)
    rows = parquet.read_table(folder / "staged" / INTERACTIONS).to_pylist()
    items = parquet.read_table(folder / "staged" / ITEMS).to_pylist()
    return rows, {item["item"]: item for item in items}, read_report(folder / "staged")


def review_2014(user: str, item: str, rating: float, time: int, **more: object) -> str:
    record = {
        "reviewerID": user,
        "asin": item,
        "reviewerName": 'A "quoted" name',
        "helpful": [0, 0],
        "reviewText": "Nice &amp; cheap.\nSecond line.",
        "overall": rating,
        "summary": "ok",
        "unixReviewTime": time,
        "reviewTime": "06 3, 2013",
    }
    return json.dumps({**record, **more})


@pytest.fixture
def release_2014(tmp_path: Path) -> Amazon:
    reviews = compressed(
        tmp_path / "reviews_Beauty_5.json.gz",
        review_2014("A1", "0001", 5.0, 1400000000),
        review_2014("A1", "0001", 2.0, 1300000000),
        review_2014("A2", "0002", 4.0, 1400000005),
        b'{"reviewerID": "A3", "asin": "0001", "overall": 3.0, "reviewText": "caf\xe9", '
        b'"unixReviewTime": 1400000009}',
        '{"reviewerID": "A4", "asin": "0001", "overall"',
        json.dumps({"reviewerID": "A5", "asin": "0001", "overall": 1.0}),
        '{"reviewerID": "A1", "asin": "0001", "overall": 1.0, "unixReviewTime": NaN}',
        "",
    )
    meta = compressed(
        tmp_path / "meta_Beauty.json.gz",
        "{'asin': '0001', 'title': \"Tom's &quot;Best&quot; Cream &amp; More\", 'price': 9.99, "
        "'imUrl': 'http://example.org/1.jpg', 'brand': 'Tom', "
        "'categories': [['Beauty', 'Skin Care', 'Face'], ['Beauty', 'Gifts']], "
        "'description': 'Soft<br>skin', 'related': {'also_bought': ['0002']}}",
        "{'asin': '0002', 'categories': [['Beauty']]}",
        "{'asin': '0003', 'title': __import__('os').getcwd()}",
        "{'asin': '0004', 'title': 'cut sho",
    )
    return Amazon("2014", reviews, meta)


def test_2014(tmp_path: Path, release_2014: Amazon) -> None:
    rows, items, report = stage(tmp_path, release_2014)
    assert [(r["user"], r["item"], r["rating"], r["timestamp"]) for r in rows] == [
        ("A1", "0001", 5.0, 1400000000.0),
        ("A1", "0001", 2.0, 1300000000.0),
        ("A2", "0002", 4.0, 1400000005.0),
        ("A3", "0001", 3.0, 1400000009.0),
    ]
    assert set(items) == {"0001", "0002"}
    assert json.loads(items["0001"]["categories"]) == [
        ["Beauty", "Skin Care", "Face"],
        ["Beauty", "Gifts"],
    ]
    assert items["0001"]["image"] == "http://example.org/1.jpg"
    assert items["0002"]["title"] is None
    # Code in the metadata is a malformed line like one that is cut short.
    assert sorted(report["skipped"].values()) == [1, 2, 2]
    assert any("not utf-8" in note for note in report["notes"])


def test_2014_metadata_in_json_keeps_what_python_reads_otherwise(tmp_path: Path) -> None:
    reviews = compressed(tmp_path / "r.json.gz", review_2014("A1", "1", 5.0, 1400000000))
    item = {"asin": "1", "title": "Smile \U0001f600", "price": None, "inStock": True}
    meta = compressed(
        tmp_path / "m.json.gz",
        json.dumps({**item, "categories": [["Beauty", "Eyes"]]}),
        '{"asin": "2", "title": "a\\/b", "imUrl": "http:\\/\\/e.org\\/2.jpg"}',
        repr({"asin": "3", "title": 'quotes "and" \\ud83d', "categories": [["It's"]]}),
    )
    _, items, report = stage(tmp_path, Amazon("2014", reviews, meta))
    assert items["1"]["title"] == "Smile \U0001f600"
    assert json.loads(items["1"]["categories"]) == [["Beauty", "Eyes"]]
    assert items["2"]["title"] == "a/b"
    assert items["2"]["image"] == "http://e.org/2.jpg"
    # A line as released keeps the meaning that it has in Python.
    assert items["3"]["title"] == 'quotes "and" \\ud83d'
    assert json.loads(items["3"]["categories"]) == [["It's"]]
    assert report["skipped"] == {}


def test_2018(tmp_path: Path) -> None:
    def review(user: str, item: object, **more: object) -> str:
        record = {"overall": 5.0, "verified": True, "reviewerID": user, "asin": item}
        return json.dumps({**record, "unixReviewTime": 1500000000, "style": {"Size:": "S"}, **more})

    reviews = compressed(
        tmp_path / "All_5.json.gz",
        review("A1", "B1", image=["http://example.org/user.jpg"]),
        review("A2", "B2", overall="4.0"),
        review("A2", 7),
        "[1, 2]",
    )
    meta = compressed(
        tmp_path / "meta_All.json.gz",
        json.dumps(
            {
                "asin": "B1",
                "title": "Lamp",
                "category": ["Home", "Light &amp; Lamps"],
                "description": ["One.", "", "Two."],
                "brand": "Lux",
                "imageURL": ["http://example.org/s1.jpg", "http://example.org/s2.jpg"],
                "imageURLHighRes": ["http://example.org/1.jpg", "http://example.org/2.jpg"],
            }
        ),
        json.dumps({"asin": "B2", "title": "var t = new Date().getTime();", "category": []}),
        json.dumps({"asin": "B3", "imageURL": ["http://example.org/s3.jpg"], "category": None}),
    )
    rows, items, report = stage(tmp_path, Amazon("2018", reviews, meta))
    assert [(r["user"], r["item"], r["rating"]) for r in rows] == [("A1", "B1", 5), ("A2", "B2", 4)]
    assert items["B1"]["image"] == "http://example.org/1.jpg http://example.org/2.jpg"
    assert json.loads(items["B1"]["categories"]) == [["Home", "Light &amp; Lamps"]]
    assert items["B1"]["description"] == "One. Two."
    assert items["B2"]["title"] is None
    assert items["B3"]["image"] == "http://example.org/s3.jpg"
    assert sorted(report["skipped"].values()) == [1, 1]


def test_2023_milliseconds_and_main_category_in_place_of_empty_categories(tmp_path: Path) -> None:
    reviews = compressed(
        tmp_path / "All_Beauty.jsonl.gz",
        json.dumps(
            {
                "rating": 4.0,
                "title": "t",
                "text": "x",
                "images": [],
                "asin": "VARIANT",
                "parent_asin": "P1",
                "user_id": "U1",
                "timestamp": 1588687728923,
            }
        ),
    )
    meta = compressed(
        tmp_path / "meta_All_Beauty.jsonl.gz",
        json.dumps(
            {
                "main_category": "All Beauty",
                "title": "Brush",
                "store": "Yes To",
                "categories": [],
                "description": ["Soft.", "Long."],
                "images": [
                    {"thumb": "http://e.org/t", "large": "http://e.org/l", "hi_res": None},
                    {"thumb": "http://e.org/t2", "large": None},
                    "odd",
                ],
                "parent_asin": "P1",
            }
        ),
        json.dumps({"main_category": None, "categories": ["A", "B"], "parent_asin": "P2"}),
    )
    rows, items, report = stage(tmp_path, Amazon("2023", reviews, meta))
    assert rows[0]["item"] == "P1"
    assert rows[0]["timestamp"] == 1588687728.923
    assert json.loads(items["P1"]["categories"]) == "All Beauty"
    assert json.loads(items["P2"]["categories"]) == [["A", "B"]]
    assert items["P1"]["image"] == "http://e.org/l http://e.org/t2"
    assert items["P1"]["brand"] == "Yes To"
    assert any("1 of 2 items have empty categories" in note for note in report["notes"])


def test_2023_images_as_an_object_of_lists(tmp_path: Path) -> None:
    images = {
        "P1": {
            "hi_res": [None, "http://e.org/2h"],
            "large": ["http://e.org/1l", "http://e.org/2l"],
            "thumb": ["http://e.org/1t", "http://e.org/2t", "http://e.org/3t"],
            "variant": ["MAIN", "PT01"],
        },
        "P2": {
            "hi_res": ["http://e.org/1"],
            "large": (None, "http://e.org/2"),
            "thumb": None,
            "variant": ["PT01", "MAIN"],
        },
        "P3": {"hi_res": None, "large": [], "variant": None},
        "P4": [
            {"large": "http://e.org/side", "variant": "PT01"},
            {"large": "http://e.org/main", "variant": "MAIN"},
        ],
        "P5": {},
    }
    review = {"rating": 4.0, "user_id": "U1", "timestamp": 1588687728923, "parent_asin": "P1"}
    reviews = compressed(tmp_path / "r.jsonl.gz", json.dumps(review))
    meta = compressed(
        tmp_path / "m.jsonl.gz",
        *(
            json.dumps({"parent_asin": item, "categories": ["A"], "images": value})
            for item, value in images.items()
        ),
    )
    _, items, _ = stage(tmp_path, Amazon("2023", reviews, meta))
    assert {name: item["image"] for name, item in items.items()} == {
        "P1": "http://e.org/1l http://e.org/2h http://e.org/3t",
        "P2": "http://e.org/2 http://e.org/1",
        "P3": None,
        "P4": "http://e.org/main http://e.org/side",
        "P5": None,
    }


@pytest.mark.parametrize("skip", [0, 1, 2])
def test_main_category_stands_in_whatever_levels_of_paths_are_skipped(
    tmp_path: Path, skip: int, capsys: pytest.CaptureFixture[str]
) -> None:
    review = {"rating": 4.0, "user_id": "U1", "timestamp": 1588687728923}
    items = {"P1": [], "P2": ["Beauty", "Makeup", "Eyes"], "P3": []}
    main_of = {"P1": "All Beauty", "P2": "Premium Beauty", "P3": None}
    reviews = compressed(
        tmp_path / "r.jsonl.gz", *(json.dumps({**review, "parent_asin": item}) for item in items)
    )
    meta = compressed(
        tmp_path / "m.jsonl.gz",
        *(
            json.dumps({"parent_asin": item, "categories": path, "main_category": main_of[item]})
            for item, path in items.items()
        ),
    )
    arguments = ["amazon", "--release", "2023", "--reviews", str(reviews), "--meta", str(meta)]
    arguments += ["--dataset", "b", "--output", str(tmp_path / "b"), "--min-per-user", "0"]
    arguments += ["--min-per-item", "0", "--category-min-count", "1", "--quiet"]
    assert main([*arguments, "--category-skip-levels", str(skip)]) == 0
    shown = capsys.readouterr().out
    header, *lines = (tmp_path / "b" / "b.item").read_text().splitlines()
    rows = [dict(zip(header.split("\t"), line.split("\t"))) for line in lines]
    labels = {row["item_id:token"]: row["category:token"] for row in rows}
    path = ">".join(["Beauty", "Makeup", "Eyes"][skip:])
    assert labels == {"P1": "All_Beauty", "P2": path, "P3": ""}
    assert "1 of 3 items have empty categories; their main_category stands in" in shown


def test_file_of_another_release_is_named(tmp_path: Path, release_2014: Amazon) -> None:
    wrong = Amazon("2023", release_2014.reviews, release_2014.meta)
    with (
        pytest.raises(ValueError, match=r"reviews_Beauty_5.*try --release 2014 or 2018"),
        StagingWriter(tmp_path / "staged") as writer,
    ):
        wrong.stage(writer)


def test_command_is_a_no_op_the_second_time_and_notices_changes(
    tmp_path: Path, release_2014: Amazon, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["amazon", "--release", "2014", "--reviews", str(release_2014.reviews)]
    arguments += ["--meta", str(release_2014.meta), "--dataset", "b", "--output"]
    arguments += [str(tmp_path / "b"), "--min-per-user", "0", "--min-per-item", "0", "--quiet"]
    arguments += ["--category-min-count", "1"]
    assert main(arguments) == 0
    assert "users" in capsys.readouterr().out
    inter = tmp_path / "b" / "b.inter"
    assert inter.read_text().splitlines() == [
        "user_id:token\titem_id:token\trating:float\ttimestamp:float",
        "A1\t0001\t2\t1300000000",
        "A2\t0002\t4\t1400000005",
        "A3\t0001\t3\t1400000009",
    ]
    item = (tmp_path / "b" / "b.item").read_text().splitlines()[1].split("\t")
    assert item[:3] == ["0001", "Tom's Best Cream & More", "Beauty>Skin_Care>Face"]
    record = (tmp_path / "b" / "b.prep.json").read_bytes()
    modified = inter.stat().st_mtime_ns

    assert main(arguments) == 0
    assert "nothing to do" in capsys.readouterr().out
    assert inter.stat().st_mtime_ns == modified
    assert main([*arguments, "--duplicates", "all"]) == 0
    assert len(inter.read_text().splitlines()) == 5
    assert main(arguments) == 0
    assert (tmp_path / "b" / "b.prep.json").read_bytes() == record

    compressed(Path(release_2014.reviews), review_2014("A9", "0002", 1.0, 1))
    assert main(arguments) == 0
    assert inter.read_text().splitlines()[1:] == ["A9\t0002\t1\t1"]


def test_errors_are_one_sentence(
    tmp_path: Path, release_2014: Amazon, capsys: pytest.CaptureFixture[str]
) -> None:
    base = ["amazon", "--release", "2014", "--dataset", "b", "--output", str(tmp_path)]
    assert main([*base, "--reviews", str(tmp_path / "absent.gz")]) == 1
    error = capsys.readouterr().err
    assert "absent.gz: no such file" in error
    assert error.count("\n") == 1
    assert main([*base, "--reviews", str(release_2014.reviews), "--min-rating", "9"]) == 1
    assert "rating threshold removed the last 3" in capsys.readouterr().err
    assert main(["amazom"]) == 2
    assert "no command 'amazom'" in capsys.readouterr().err


def test_a_byte_order_mark_costs_no_review(tmp_path: Path) -> None:
    lines = [review_2014("A1", "1", 5.0, 1), review_2014("A2", "1", 5.0, 2)]
    reviews = tmp_path / "r.json"
    reviews.write_bytes(b"\xef\xbb\xbf" + "\n".join(lines).encode() + b"\n")
    rows, _, report = stage(tmp_path / "staged", Amazon("2014", reviews))
    assert [row["user"] for row in rows] == ["A1", "A2"]
    assert report["skipped"] == {}


def test_reviews_need_no_rating_and_numbers_are_numbers(tmp_path: Path) -> None:
    given = [4, "4.5", None, True, "good", 10**400, "nan"]
    times: list[object] = [True, 10**400, "Infinity", None, [1]]
    reviews = compressed(
        tmp_path / "r.json.gz",
        *(review_2014(f"A{n}", "1", rating, n) for n, rating in enumerate(given)),
        *(review_2014("B", "1", 5.0, time) for time in times),
    )
    rows, _, report = stage(tmp_path, Amazon("2014", reviews))
    assert [(row["user"], row["rating"], row["timestamp"]) for row in rows] == [
        (f"A{n}", rating, float(n))
        for n, rating in enumerate([4.0, 4.5, None, None, None, None, None])
    ]
    assert list(report["skipped"].values()) == [len(times)]


def test_categories_are_paths_however_they_are_nested(tmp_path: Path) -> None:
    given = {"1": "Lamps", "2": ["A", ["B", "C"]], "3": [["A", "B"], "C"], "4": [[], [""]]}
    reviews = compressed(tmp_path / "r.json.gz", review_2014("A1", "1", 5.0, 1))
    meta = compressed(
        tmp_path / "m.json.gz",
        *(json.dumps({"asin": item, "category": value}) for item, value in given.items()),
    )
    _, items, _ = stage(tmp_path, Amazon("2018", reviews, meta))
    found = {name: item["categories"] for name, item in items.items()}
    assert {name: paths and json.loads(paths) for name, paths in found.items()} == {
        "1": [["Lamps"]],
        "2": [["A"], ["B", "C"]],
        "3": [["A", "B"], ["C"]],
        "4": None,
    }


def test_empty_categories_are_those_of_the_release(tmp_path: Path) -> None:
    reviews = compressed(tmp_path / "r.json.gz", review_2014("A1", "1", 5.0, 1))
    meta = compressed(tmp_path / "m.json.gz", json.dumps({"asin": "1", "category": []}), "null")
    _, _, report = stage(tmp_path, Amazon("2018", reviews, meta))
    assert report["warnings"] == []
    assert report["skipped"] == {"m.json.gz: line is not a record": 1}


def test_images_are_the_best_texts_that_there_are(tmp_path: Path) -> None:
    reviews = compressed(tmp_path / "r.json.gz", review_2014("A1", "1", 5.0, 1))
    fields = {
        "1": {"image": ["http://e.org/i"], "imageURL": [""], "imageURLHighRes": []},
        "2": {"image": ["http://e.org/i"], "imageURL": ["http://e.org/u", None, 7]},
    }
    meta = compressed(
        tmp_path / "m.json.gz",
        *(json.dumps({"asin": item, "category": [], **more}) for item, more in fields.items()),
    )
    _, items, _ = stage(tmp_path, Amazon("2018", reviews, meta))
    assert {name: item["image"] for name, item in items.items()} == {
        "1": "http://e.org/i",
        "2": "http://e.org/u",
    }
    images = [
        {"hi_res": "http://e.org/h", "large": "http://e.org/l", "variant": "A"},
        {"hi_res": 7, "variant": "B"},
        {"large": "", "thumb": "http://e.org/t", "variant": "MAIN"},
    ]
    assert RELEASES["2023"].images({"images": images}) == ["http://e.org/t", "http://e.org/h"]
