"""Lists in cells: what data frames write, and texts that only look like it."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("pyarrow")
from hypothesis import given
from hypothesis import strategies as st
from pyarrow import parquet
from recbole_cammsr.dataset_prep.item_fields import NO_CATEGORY
from recbole_cammsr.dataset_prep.item_links import read_links
from recbole_cammsr.dataset_prep.list_cells import (
    list_in_cell,
    paths_in_sequence,
    words_in_sequence,
)
from recbole_cammsr.dataset_prep.staging import ITEMS, StagingWriter, read_report
from recbole_cammsr.dataset_prep.table import Table, TableMapping

LISTS = st.recursive(
    st.one_of(st.text(), st.none()), lambda inner: st.lists(inner, max_size=3), max_leaves=6
).filter(lambda value: isinstance(value, list))
ITEM: dict[str, Any] = {
    "title": ["A", 'b "c"'],
    "description": ["Soft", "it's"],
    "brand": ["Men's"],
    "categories": ["Beauty", "X, 'Y'"],
    "image": ["http://a/1.jpg", "http://a/2.jpg"],
}


@given(LISTS)
def test_both_spellings_of_a_list_are_read(value: list[Any]) -> None:
    assert list_in_cell(json.dumps(value)) == value
    assert list_in_cell(f" {value!r} ") == value


@pytest.mark.parametrize(
    "text",
    [
        "[1984]",
        "[Restored] Metropolis",
        "Metropolis [1927]",
        "[Uncut]",
        "['a' 'b']",
        '[["a"\n "b"]]',
        "[open('secret')]",
        "[" * 5000 + "]" * 5000,
        r"[\d+]",
        "",
    ],
)
def test_other_texts_stay_what_they_are(text: str) -> None:
    assert list_in_cell(text) == text


def test_quotes_side_by_side_inside_a_text_are_no_array() -> None:
    assert list_in_cell("""['say "hi" "ho"', 'b']""") == ['say "hi" "ho"', "b"]


def test_values_that_are_no_text_are_handed_on() -> None:
    assert [list_in_cell(value) for value in (None, 3, ["a"])] == [None, 3, ["a"]]


def items_of(folder: Path, spell: Callable[[Any], str], **mapping: Any) -> tuple[list[Any], Any]:
    (folder / "log.csv").write_text("user_id,item_id,timestamp\nu,a,1700000000\n")
    with open(folder / "items.csv", "w", newline="", encoding="utf-8") as file:
        rows = csv.writer(file)
        rows.writerow(["item_id", *ITEM])
        rows.writerow(["a", *map(spell, ITEM.values())])
    source = Table(folder / "log.csv", folder / "items.csv", TableMapping(**mapping))
    with StagingWriter(folder / "staged") as writer:
        source.stage(writer)
    return parquet.read_table(folder / "staged" / ITEMS).to_pylist(), read_report(folder / "staged")


@pytest.mark.parametrize("spell", [repr, json.dumps])
@pytest.mark.parametrize("mapping", [{}, {"category_separator": ", "}])
def test_lists_in_every_role_of_a_table(
    spell: Callable[[Any], str], mapping: Any, tmp_path: Path
) -> None:
    items, report = items_of(tmp_path, spell, **mapping)
    assert items == [
        {
            "item": "a",
            "title": 'A b "c"',
            "description": "Soft it's",
            "brand": "Men's",
            "categories": json.dumps([["Beauty", "X, 'Y'"]]),
            "image": "http://a/1.jpg http://a/2.jpg",
        }
    ]
    assert report["skipped"] == {}
    assert list(read_links(tmp_path / "items.csv", "item_id", "image")) == [("a", "http://a/1.jpg")]


def test_an_array_without_commas_is_no_category(tmp_path: Path) -> None:
    items, report = items_of(tmp_path, lambda value: str(value).replace(",", ""))
    assert items[0]["categories"] is None
    assert report["skipped"] == {NO_CATEGORY.format("items.csv", "categories"): 1}


def test_lists_of_objects_and_of_numbers_where_they_may_be() -> None:
    objects = [{"large": "http://a/1.jpg", "variant": "MAIN"}, None]
    assert list_in_cell(repr(objects)) == list_in_cell(json.dumps(objects)) == objects
    assert list_in_cell("[1.0, 2]", numbers=True) == [1.0, 2]
    assert list_in_cell("[[3], ['a', 4.0]]", numbers=True) == [[3], ["a", 4.0]]
    assert list_in_cell("[1.0, 2]") == "[1.0, 2]"


def test_words_and_paths_of_a_cell_keep_their_order() -> None:
    assert words_in_sequence(" z  a z ") == ["z", "a", "z"]
    assert words_in_sequence(" 'Skin Care', 'Bath, Shower' ") == ["Skin Care", "Bath, Shower"]
    assert paths_in_sequence("z b a b>y z b>c") == [["z"], ["a"], ["b", "y"], ["b", "c"]]
    assert paths_in_sequence("'Skin Care', 'Bath, Shower'") == [["Skin Care"], ["Bath, Shower"]]
