"""Three repositories' files, made small, become the table and items that they describe."""

from __future__ import annotations

import gzip
import importlib.util
import json
import os
import pickle
from pathlib import Path

import numpy as np
import pytest

SCRIPT = Path(__file__).resolve().parents[2] / "docs" / "measurements" / "join_amazon_beauty.py"
TITLES = {"7": "Soap", "8": "Crème, 50 ml", "9": "Brush"}
CATEGORIES = {"7": [["Beauty", "Bath"]], "8": [["Beauty", "Skin"]], "9": [["Beauty", "Tools"]]}


@pytest.fixture
def script():
    spec = importlib.util.spec_from_file_location("join_amazon_beauty", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def checkouts(script, tmp_path):
    found = script.Checkouts(*(tmp_path / name for name in script.Checkouts._fields))
    files = {
        found.s3rec / "data" / "Beauty.txt": "1 1 2\n2 2 3 1\n",
        found.ticoserec / "data" / "Beauty" / "Beauty_time_org_rank.txt": "1 50 60\n2 10 10 90\n",
        found.transrec / "data" / "beauty" / "rec_data" / "sequential_data.txt": "1 8 7\n2 7 9 8\n",
    }
    for path, text in files.items():
        path.parent.mkdir(parents=True)
        path.write_text(text)
    folder = found.transrec / "data" / "beauty" / "rec_data"
    np.save(folder / "title_maps.npy", np.array({"id2title": TITLES}, dtype=object))
    np.save(folder / "category_map.npy", np.array({"id2category": CATEGORIES}, dtype=object))
    return found


def test_places_match_items_and_times(script, checkouts, tmp_path):
    assert script.join(checkouts, tmp_path / "out") == (5, 3)
    rows = (tmp_path / "out" / "interactions.tsv").read_text().splitlines()
    expected = ["1\t1\t50", "1\t2\t60", "2\t2\t10", "2\t3\t10", "2\t1\t90"]
    assert rows == ["user_id\titem_id\ttimestamp", *expected]
    with gzip.open(tmp_path / "out" / "items.jsonl.gz", "rt", encoding="utf-8") as file:
        items = [json.loads(line) for line in file]
    assert items == [
        {"item_id": number, "title": TITLES[name], "categories": CATEGORIES[name]}
        for number, name in ((1, "8"), (2, "7"), (3, "9"))
    ]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("1 8 7\n2 7 9 9\n", "item 1 of user 2 is not always item 9"),
        ("1 8 7\n2 7 9\n", "user 2 has 3 items in one file, 2 in another"),
    ],
)
def test_histories_that_do_not_fit_are_refused(script, checkouts, tmp_path, text, message):
    (checkouts.transrec / "data" / "beauty" / "rec_data" / "sequential_data.txt").write_text(text)
    with pytest.raises(ValueError, match=message):
        script.join(checkouts, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_times_out_of_order_are_refused(script, checkouts, tmp_path):
    path = checkouts.ticoserec / "data" / "Beauty" / "Beauty_time_org_rank.txt"
    path.write_text("1 60 50\n2 10 10 90\n")
    with pytest.raises(ValueError, match="user 1 has 2 items and 2 times out of order"):
        script.join(checkouts, tmp_path / "out")


class Harmful:
    def __reduce__(self):
        return os.mkdir, ("harmed",)


def test_nothing_that_a_file_names_is_called(script, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "title_maps.npy"
    np.save(path, np.array({"id2title": Harmful()}, dtype=object))
    with pytest.raises(ValueError, match=r"asks for .*mkdir, and may hold text and lists only"):
        script.read_mapping(path, "id2title")
    assert not (tmp_path / "harmed").exists()
    path.write_bytes(pickle.dumps({"id2title": {}}))
    with pytest.raises(ValueError, match=r"is no \.npy file"):
        script.read_mapping(path, "id2title")
    np.save(path, np.array({"other": {}}, dtype=object))
    with pytest.raises(ValueError, match="holds no dictionary with 'id2title'"):
        script.read_mapping(path, "id2title")
