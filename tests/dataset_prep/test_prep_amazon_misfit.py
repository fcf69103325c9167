"""Files of one Amazon release that are given as another's."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

pytest.importorskip("pyarrow")
from recbole_cammsr.dataset_prep.amazon import Amazon
from recbole_cammsr.dataset_prep.amazon_releases import RELEASES
from recbole_cammsr.dataset_prep.source_folder import shown
from recbole_cammsr.dataset_prep.staging import StagingWriter, read_report

REVIEWS = {
    "2014": {"reviewerID": "A1", "asin": "B1", "overall": 5.0, "unixReviewTime": 1400000000},
    "2023": {"user_id": "A1", "parent_asin": "B1", "rating": 5.0, "timestamp": 1400000000000},
}
ITEMS = {
    "2014": repr({"asin": "B1", "title": "It's", "categories": [["Beauty"]]}),
    "2018": json.dumps({"asin": "B1", "title": None, "category": ["Beauty"]}),
    "2023": json.dumps({"parent_asin": "B1", "title": None, "categories": ["Beauty"]}),
}


def staged(folder: Path, release: str, item: str) -> Path:
    own = REVIEWS["2023" if release == "2023" else "2014"]
    (folder / "r.json").write_text(json.dumps(own) + "\n")
    (folder / "m.json").write_text(f"{item}\n\n{item}\n")
    with StagingWriter(folder / "staged") as writer:
        Amazon(release, folder / "r.json", folder / "m.json").stage(writer)
    return folder / "staged"


@pytest.mark.parametrize("release", ["2018", "2023"])
def test_lines_of_another_syntax_are_counted_and_their_release_named(
    release: str, tmp_path: Path
) -> None:
    with pytest.raises(ValueError, match=r"m\.json: no line is an item of Amazon") as caught:
        staged(tmp_path, release, ITEMS["2014"])
    said = str(caught.value)
    field = "asin" if release == "2018" else "parent_asin"
    assert f"no line is an item of Amazon {release} (field {field}); lines that could" in said
    assert f"could not be parsed as JSON: 2, e.g. {shown(ITEMS['2014'])}: its" in said
    assert said.endswith("its lines are of another release: try --release 2014")


def test_2014_is_read_in_two_syntaxes(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"parsed as JSON or a Python literal: 2, e\.g\. 'no': ch"):
        staged(tmp_path, "2014", "no")


def test_releases_that_both_fit_by_item_are_told_apart_by_categories(tmp_path: Path) -> None:
    for given in ("2014", "2018"):
        item = json.dumps({**json.loads(ITEMS["2018"]), RELEASES[given].categories: [["Beauty"]]})
        if given == "2014":
            item = item.replace('"category"', '"other"')
        with pytest.raises(ValueError, match=rf"another release: try --release {given}$"):
            staged(tmp_path, "2023", item)
    with pytest.raises(ValueError, match=r"another release: try --release 2014 or 2018$"):
        staged(tmp_path, "2023", '{"asin": "B1"}')


@pytest.mark.parametrize(
    ("release", "given"), [("2018", "2023"), ("2023", "2018"), ("2014", "2023")]
)
def test_fields_of_another_release_are_told_as_such(
    release: str, given: str, tmp_path: Path
) -> None:
    with pytest.raises(ValueError, match=rf"field \w+\): its lines .*try --release {given}$"):
        staged(tmp_path, release, ITEMS[given])


def test_lines_of_no_release_ask_for_the_file(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"as JSON: 2, e\.g\. 'no': check --release and the file"):
        staged(tmp_path, "2018", "no")


@pytest.mark.parametrize("first", ["no", "[1, 2]", "5", "null"])
def test_the_release_is_found_below_lines_that_are_no_record(first: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"no line is an item .*: try --release 2023$"):
        staged(tmp_path, "2018", f"{first}\n{ITEMS['2023']}")
    (tmp_path / "r.json").write_text(f"{first}\n{json.dumps(REVIEWS['2023'])}\n")
    with (
        pytest.raises(ValueError, match=r"no line is a review .*: try --release 2023$"),
        StagingWriter(tmp_path / "again") as writer,
    ):
        Amazon("2014", tmp_path / "r.json").stage(writer)


@pytest.mark.parametrize("release", ["2014", "2023"])
def test_metadata_in_place_of_reviews_name_no_release(release: str, tmp_path: Path) -> None:
    """An item's field alone does not make a review."""
    (tmp_path / "r.json").write_text(ITEMS["2018" if release == "2023" else "2023"] + "\nno\n")
    with (
        pytest.raises(
            ValueError,
            match=r"no line is a review .*; lines that could not be parsed as JSON: 1, "
            r"e\.g\. 'no': check --release and the file$",
        ),
        StagingWriter(tmp_path / "staged") as writer,
    ):
        Amazon(release, tmp_path / "r.json").stage(writer)


@pytest.mark.parametrize(("release", "given"), [("2014", "2023"), ("2023", "2014")])
def test_reviews_say_what_is_expected(release: str, given: str, tmp_path: Path) -> None:
    (tmp_path / "r.json").write_text(json.dumps(REVIEWS[given]) + "\n")
    with (
        pytest.raises(ValueError, match=r"JSON lines with .*or a \.csv of ratings, .*") as caught,
        StagingWriter(tmp_path / "staged") as writer,
    ):
        Amazon(release, tmp_path / "r.json").stage(writer)
    user, item, _, time = REVIEWS[release]
    assert f"(JSON lines with {user}, {item} and {time}, or a .csv of" in str(caught.value)
    assert f": try --release {given}" in str(caught.value)


def test_reviews_of_the_release_whose_times_are_damaged_name_no_other(tmp_path: Path) -> None:
    review = {**REVIEWS["2014"], "unixReviewTime": "yesterday"}
    (tmp_path / "r.json").write_text(json.dumps(review) + "\n")
    with (
        pytest.raises(ValueError, match=r"no line is a review .*: check --release and the file$"),
        StagingWriter(tmp_path / "staged") as writer,
    ):
        Amazon("2014", tmp_path / "r.json").stage(writer)


def test_items_without_the_field_of_categories_are_a_warning(tmp_path: Path) -> None:
    said = "m.json: no item has the field 'categories' of Amazon 2014, so none has a category: "
    report = read_report(staged(tmp_path, "2014", ITEMS["2018"]))
    assert report["warnings"] == [f"{said}its lines are of another release: try --release 2018"]
    report = read_report(staged(tmp_path, "2018", json.dumps({"asin": "B1", "categories": []})))
    assert report["warnings"][0].endswith("of another release: try --release 2014")
    report = read_report(staged(tmp_path, "2014", '{"asin": "B1"}'))
    assert report["warnings"] == [f"{said}check --release and the file"]
    assert not read_report(staged(tmp_path, "2014", ITEMS["2014"]))["warnings"]
