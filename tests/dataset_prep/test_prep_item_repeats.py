"""Metadata that stand more than once: counted, and a warning where they contradict each other."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("pyarrow")
pytest.importorskip("duckdb")
import duckdb
from recbole_cammsr.dataset_prep import cli
from recbole_cammsr.dataset_prep.item_repeats import repeated_items
from recbole_cammsr.dataset_prep.staging import ITEMS, StagingWriter

SAME, OTHER = (
    "skipped: record that repeats an item",
    "skipped: record of an item that stands elsewhere with other fields",
)


def counts(folder: Path, *items: dict[str, Any]) -> dict[str, int]:
    with StagingWriter(folder / "staged") as writer:
        for item in items:
            writer.item(**item)
    with duckdb.connect() as connection:
        return repeated_items(connection, folder / "staged" / ITEMS)


def test_items_that_stand_once_give_nothing(tmp_path: Path) -> None:
    assert counts(tmp_path) == {}
    assert counts(tmp_path, {"item": "a", "title": "A"}, {"item": "b", "title": "A"}) == {}


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"title": "B"},
        {"title": "A", "description": "x"},
        {"title": "A", "brand": "x"},
        {"title": "A", "categories": [["x"]]},
        {"title": "A", "image": "x.jpg"},
    ],
)
def test_every_field_may_contradict(fields: dict[str, Any], tmp_path: Path) -> None:
    same = {"item": "a", "title": "A"}
    assert counts(tmp_path, same, same, same) == {SAME: 2}
    found = counts(tmp_path, same, {"item": "b", **fields}, {"item": "b", "title": "A"}, same)
    (warning,) = set(found) - {SAME, OTHER}
    assert (found[SAME], found[OTHER], found[warning]) == (1, 1, 1)
    assert warning.startswith("warning: items stand more than once with different fields, e.g. 'b'")


def test_the_summary_of_amazon_tells_them(tmp_path: Path, capsys: Any) -> None:
    review = {"reviewerID": "A1", "asin": "1", "overall": 5.0, "unixReviewTime": 1400000000}
    (tmp_path / "r.json").write_text(json.dumps(review) + "\n")
    first = "{'asin': '1', 'title': 'Cream', 'categories': [['Beauty']], 'price': 1}\n"
    # Another price is nothing that an atomic file holds.
    again = [first.replace("'price': 1", "'price': 2"), first.replace("'1'", "'2'")]
    (tmp_path / "m.json").write_text("".join([first, *again, again[1].replace("Cream", "Other")]))
    given = ["amazon", "--release", "2014", "--reviews", str(tmp_path / "r.json"), "--dataset", "d"]
    given += ["--meta", str(tmp_path / "m.json"), "--output", str(tmp_path), "--quiet"]
    for _ in range(2):  # made, and read from its record
        assert cli.main([*given, "--min-per-user", "0", "--min-per-item", "0"]) == 0
        rows = [line.rsplit(maxsplit=1) for line in capsys.readouterr().out.splitlines()]
        shown = {row[0].strip(): row[-1] for row in rows}
        assert shown[SAME] == shown[OTHER] == "1"
        assert any(row.startswith("warning: items stand more than once") for row in shown)
    assert "\tCream\t" in (tmp_path / "d.item").read_text()


def test_a_text_in_another_field_contradicts_and_every_record_but_one_counts(
    tmp_path: Path,
) -> None:
    one, other = {"item": "b", "title": "A"}, {"item": "b", "brand": "A"}
    found = counts(tmp_path, one, other, one, one, {"item": "a"})
    assert (found.get(SAME), found[OTHER]) == (None, 3)
