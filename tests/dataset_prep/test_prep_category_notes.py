"""What the summary says of labels that are mostly Other, or mostly lists."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("pyarrow")
pytest.importorskip("duckdb")
from recbole_cammsr.dataset_prep import cli
from recbole_cammsr.dataset_prep.category_labels import ItemLabels
from recbole_cammsr.dataset_prep.category_notes import category_notes
from recbole_cammsr.dataset_prep.category_roots import SharedRoot

OTHER, KEPT, NONE = ItemLabels("Other", ("Other",)), ItemLabels("A", ("A",)), ItemLabels("", ())


def test_only_more_than_half_of_the_labelled_items_are_told() -> None:
    assert category_notes([OTHER, KEPT, NONE], 20) == []
    (said,) = category_notes([OTHER, OTHER, KEPT, NONE], 20)
    assert said.startswith("the one label of 66.7% of the 3 labelled items is Other")
    assert "fewer than 20 items" in said
    assert category_notes([NONE], 20) == []


def prepared(folder: Path, categories: list[str], *more: str) -> None:
    rows = "".join(f"u,{n},{n}\n" for n in range(len(categories)))
    (folder / "log.csv").write_text(f"user_id,item_id,timestamp\n{rows}")
    items = "".join(f'{n},"{text}"\n' for n, text in enumerate(categories))
    (folder / "items.csv").write_text(f"item_id,categories\n{items}")
    given = ["table", "--interactions", str(folder / "log.csv"), "--dataset", "d", "--quiet"]
    given += ["--items", str(folder / "items.csv"), "--output", str(folder)]
    given += ["--min-per-user", "0", "--min-per-item", "0", "--category-min-count", "2", *more]
    assert cli.main(given) == 0


FLAT = ("--category-separator", ", ", "--category-kind", "flat")


@pytest.mark.parametrize(
    ("categories", "more", "lists", "other"),
    [
        (["Food, Bars", "Bars, Pubs", "Shops", ""], (), True, True),
        (["Food, Bars", "Bars, Pubs", "Shops", ""], FLAT, False, False),
        (["Food, Bars", "Pubs", "Pubs", "Pubs"], (), False, False),
        (["['Food, Bars', 'Pubs']"] * 2, (), False, False),
    ],
)
def test_texts_that_are_lists_are_told(
    categories: list[str], more: Any, lists: bool, other: bool, tmp_path: Path, capsys: Any
) -> None:
    prepared(tmp_path, categories, *more)
    shown = capsys.readouterr().out
    assert ("items.csv: 2 of 3 texts in 'categories' hold ', '" in shown) == lists
    assert ('--category-separator ", " --category-kind flat' in shown) == lists
    assert ("labelled items is Other" in shown) == other


def test_nothing_is_said_of_roots_where_no_item_lies_outside() -> None:
    assert category_notes([KEPT], 20, SharedRoot("Beauty", 3, 0)) == []
    assert category_notes([KEPT], 20, SharedRoot("", 3, 0)) == []
    (said,) = category_notes([KEPT], 20, SharedRoot("Beauty", 3000, 1001))
    assert said.startswith("1,001 of 3,000 items with category paths have none under 'Beauty'")
