"""Items that stand under several roots: the shared one decides their label."""

from __future__ import annotations

import json
from itertools import permutations
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("pyarrow")
pytest.importorskip("duckdb")
from recbole_cammsr.dataset_prep import cli
from recbole_cammsr.dataset_prep.category_roots import SharedRoot, below_roots, shared_root

BEAUTY, HEALTH, TOOLS = ("Beauty", "Face"), ("Health", "Household"), ("Tools", "Saws", "Hand")


def test_the_root_of_more_than_half_of_the_items_is_shared() -> None:
    items = [[BEAUTY], [HEALTH, BEAUTY], [HEALTH], []]
    # Both roots have two of three items: the one that comes first in the source.
    assert shared_root(items) == SharedRoot("Beauty", 3, 1)
    assert shared_root([[BEAUTY], [HEALTH]]) == SharedRoot("", 2, 0)
    assert shared_root([[BEAUTY, BEAUTY], [HEALTH], [TOOLS]]) == SharedRoot("", 3, 0)
    assert shared_root([[]]) == SharedRoot("", 0, 0)


def test_paths_under_the_shared_root_go_first_and_keep_their_order() -> None:
    items = [[HEALTH, BEAUTY, TOOLS, ("Beauty", "Hair")], [BEAUTY], [TOOLS], "Label", None]
    below, shared = below_roots(items, 1)
    assert shared == SharedRoot("Beauty", 3, 1)
    assert below == [
        [("Face",), ("Hair",), ("Household",), ("Saws", "Hand")],
        [("Face",)],
        [("Saws", "Hand")],
        [("Label",)],
        [],
    ]
    assert below_roots(items, 2)[0] == [[("Hand",)], [], [("Hand",)], [("Label",)], []]


def test_without_a_shared_root_or_levels_to_skip_the_source_decides() -> None:
    items = [[HEALTH, BEAUTY], [TOOLS], [("Garden", "Hoses")]]
    assert below_roots(items, 1)[0][0] == [("Household",), ("Face",)]
    assert below_roots([[HEALTH, BEAUTY], [BEAUTY]], 0) == ([[HEALTH, BEAUTY], [BEAUTY]], None)


@pytest.mark.parametrize(("skip", "note"), [("0", False), ("1", True)])
def test_the_summary_counts_items_outside_of_the_root(
    skip: str, note: bool, tmp_path: Path, capsys: Any
) -> None:
    paths = {"a": [HEALTH, BEAUTY], "b": [BEAUTY], "c": [TOOLS], "d": []}
    rows = "".join(f"u,{item},{n}\n" for n, item in enumerate(paths))
    (tmp_path / "log.csv").write_text(f"user_id,item_id,timestamp\n{rows}")
    (tmp_path / "items.jsonl").write_text(
        "".join(json.dumps({"item_id": i, "categories": p}) + "\n" for i, p in paths.items())
    )
    given = ["table", "--interactions", str(tmp_path / "log.csv"), "--dataset", "d", "--quiet"]
    given += ["--items", str(tmp_path / "items.jsonl"), "--output", str(tmp_path)]
    given += ["--min-per-user", "0", "--min-per-item", "0", "--category-min-count", "1"]
    for _ in range(2):  # made, and read from its record
        assert cli.main([*given, "--category-skip-levels", skip]) == 0
        said = "note: 1 of 3 items with category paths have none under 'Beauty', the root that most"
        assert (said in capsys.readouterr().out) == note
    first = (tmp_path / "d.item").read_text().splitlines()[1].split("\t")
    assert first[2] == ("Face" if note else "Health>Household")


def test_of_roots_of_as_many_items_the_first_in_the_source_is_shared() -> None:
    for paths in permutations([BEAUTY, HEALTH, TOOLS, ("Garden", "Hoses")]):
        assert shared_root([paths, paths[::-1]]) == SharedRoot(paths[0][0], 2, 0)


def test_paths_of_one_root_keep_the_order_of_the_source() -> None:
    for levels in permutations(["Face", "Hair", "Nails"]):
        paths = [("Tools", levels[1]), *[("Beauty", x) for x in levels], ("Tools", levels[0])]
        below, shared = below_roots([paths, [BEAUTY]], 1)
        assert shared == SharedRoot("Beauty", 2, 0)
        assert below[0] == [(x,) for x in (*levels, levels[1], levels[0])]
