"""Columns of several words of atomic files, read by ``cammsr-prep table``."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("pyarrow")
pytest.importorskip("duckdb")
from recbole_cammsr.dataset_prep import cli
from recbole_cammsr.dataset_prep.atomic_file import write_atomic_file
from recbole_cammsr.dataset_prep.category_labels import path_labels
from recbole_cammsr.dataset_prep.cells import as_category_paths
from recbole_cammsr.dataset_prep.interaction_filter import ITEM_HEADER

TITLE, CATEGORY, LABELS, BRAND, DESCRIPTION, IMAGE = range(6)


def prepared(folder: Path, header: str, cells: list[str], *more: str) -> dict[str, list[str]]:
    """Item to the cells of the ``.item`` file that is made of items ``0``, ``1``, ..."""
    rows = "".join(f"{number}\t{cell}\n" for number, cell in enumerate(cells))
    (folder / "in.item").write_text(f"item_id:token\t{header}\n{rows}", encoding="utf-8")
    log = "".join(f"u\t{number}\t{number + 1}\n" for number in range(len(cells)))
    (folder / "in.inter").write_text(f"user_id:token\titem_id:token\ttimestamp:float\n{log}")
    given = ["table", "--interactions", str(folder / "in.inter"), "--items"]
    given += [str(folder / "in.item"), "--dataset", "d", "--output", str(folder / "out")]
    given += ["--quiet", "--min-per-user", "0", "--min-per-item", "0"]
    assert cli.main([*given, "--category-min-count", "1", *more]) == 0
    lines = (folder / "out" / "d.item").read_text(encoding="utf-8").splitlines()[1:]
    return {item: rest for item, *rest in (line.split("\t") for line in lines)}


def test_words_of_a_category_column_are_labels_each(tmp_path: Path) -> None:
    cells = ["Animation Children's Comedy", " Comedy ", ""]
    for more in ([], ["--category-kind", "flat"]):
        items = prepared(tmp_path, "class:token_seq", cells, "--categories-field", "class", *more)
        labels = [items[item][LABELS] for item in "012"]
        assert labels == ["Animation Children's Comedy", "Comedy", ""]


def test_python_strings_of_prepared_data_sets_are_labels_each(tmp_path: Path, capsys: Any) -> None:
    cells = ["""'Beauty', 'Bath & Body', "Men's\"""", '"\'Beauty\', ""Men\'s"""', "'Beauty'"]
    items = prepared(tmp_path, "categories:token_seq", cells, "--category-kind", "flat")
    labels = [items[item][LABELS] for item in "012"]
    assert labels == ["Beauty Bath_&_Body Men's", "Beauty Men's", "Beauty"]
    assert "--category-separator" not in capsys.readouterr().out


@pytest.mark.parametrize("kind", ["token", "token_seq"])
def test_only_a_token_seq_holds_several(kind: str, tmp_path: Path) -> None:
    header = f"title:token_seq\tcategories:{kind}\tbrand:token_seq\tdescription:token_seq"
    (cells,) = prepared(tmp_path, header, ["A B\tSki Fi\tB C\tC 'D'"]).values()
    assert cells[LABELS] == ("Ski_Fi" if kind == "token" else "Ski Fi")
    assert [cells[TITLE], cells[BRAND], cells[DESCRIPTION]] == ["A B", "B C", "C 'D'"]


def test_images_are_words_of_a_token_seq_and_one_name_elsewhere(tmp_path: Path) -> None:
    cells = ["http://x/1.jpg http://x/2.jpg", "'a b.jpg', 'c.jpg'", "['d.jpg', 'e.jpg']"]
    items = prepared(tmp_path, "image:token_seq", cells)
    images = [items[item][IMAGE] for item in "012"]
    assert images == ["http://x/1.jpg http://x/2.jpg", "a%20b.jpg c.jpg", "d.jpg e.jpg"]
    (row,) = prepared(tmp_path, "image:token", ["my photo.jpg"]).values()
    assert row[IMAGE] == "my%20photo.jpg"


@pytest.mark.parametrize("kind", ["path", "flat"])
def test_a_separator_goes_before(kind: str, tmp_path: Path) -> None:
    more = ["--category-separator", ", ", "--category-kind", kind]
    (cells,) = prepared(tmp_path, "categories:token_seq", ["Food, Bubble Tea"], *more).values()
    assert cells[LABELS] == ("Food Food>Bubble_Tea" if kind == "path" else "Food Bubble_Tea")


def test_lists_with_commas_in_one_text_are_told(tmp_path: Path, capsys: Any) -> None:
    prepared(tmp_path, "categories:token_seq", ["Food, Bubble Tea"])
    assert (
        "in.item: 1 of 1 texts in 'categories' hold ', ' and are split at blanks: where they are "
        'lists, give --category-separator ", " --category-kind flat'
    ) in capsys.readouterr().out.replace("\n  ", " ")


def test_an_item_file_of_this_package_comes_out_as_it_went_in(tmp_path: Path) -> None:
    shoes = ("Clothing, Shoes & Jewelry", "Women > 40", "Shoes")
    paths = [
        [shoes, (shoes[0], "Men's"), ("Gifts",)],
        [("Toys", "Age > 12"), ("Toys", "Age > 12", "[Other]")],
        [("Gifts",), shoes[:2]],
        [],
    ]
    tokens = [
        [tuple(level.replace(" ", "_") for level in path) for path in several] for several in paths
    ]
    labels = path_labels(tokens)
    rows = [
        (f"{n}", "T", one.category, " ".join(one.categories), "", "", "http://x/1 http://x/2")
        for n, one in enumerate(labels)
    ]
    # the one label of an item whose first path goes on in another one is that other one's
    rows[1] = (*rows[1][:2], "Toys>Age_>_12>[Other]", *rows[1][3:])
    write_atomic_file(tmp_path / "own.item", ITEM_HEADER, rows)
    header, *lines = (tmp_path / "own.item").read_text(encoding="utf-8").splitlines()
    prepared(tmp_path, header.split("\t", 1)[1], [line.split("\t", 1)[1] for line in lines])
    assert (tmp_path / "out" / "d.item").read_bytes() == (tmp_path / "own.item").read_bytes()
    assert rows[0][3].split(" ")[1:3] == [
        "Clothing,_Shoes_&_Jewelry>Women_>_40",
        "Clothing,_Shoes_&_Jewelry>Women_>_40>Shoes",
    ]


@pytest.mark.parametrize(
    ("cell", "paths"),
    [
        ("a a>b a>b>c", [["a", "b", "c"]]),
        ("a>b>c a a>b", [["a", "b", "c"]]),
        ("a a>b>c", [["a", "b>c"]]),
        ("a>b", [["a>b"]]),
        (">a a> a", [[">a"], ["a", ""]]),
        ("a ab a>b ab", [["a", "b"], ["ab"]]),
        ("[x] y", [["[x]"], ["y"]]),
        ("['a', 'b']", [["a", "b"]]),
        ("  ", []),
        (None, []),
    ],
)
def test_labels_that_continue_another_one_of_the_cell_are_paths(
    cell: str | None, paths: list[list[str]]
) -> None:
    got = as_category_paths(cell, several=True)
    assert sorted(got) == sorted(paths)


def test_an_array_without_commas_is_no_category() -> None:
    with pytest.raises(ValueError, match="no list of labels or paths"):
        as_category_paths("['a' 'b']", several=True)


def test_genres_of_recboles_example_are_labels_each(tmp_path: Path) -> None:
    found = importlib.util.find_spec("recbole")
    if found is None or found.origin is None:
        pytest.skip("RecBole is not installed")
    source = Path(found.origin).parent / "dataset_example" / "ml-100k"
    given = ["table", "--interactions", str(source / "ml-100k.inter"), "--dataset", "ml"]
    given += ["--items", str(source / "ml-100k.item"), "--title-field", "movie_title"]
    given += ["--categories-field", "class", "--category-kind", "flat", "--quiet"]
    given += ["--category-min-count", "1", "--output", str(tmp_path)]
    assert cli.main(given) == 0
    rows = [x.split("\t") for x in (tmp_path / "ml.item").read_text().splitlines()[1:]]
    labels = {row[0]: row[1:][LABELS].split(" ") for row in rows}
    assert labels["1"] == ["Animation", "Children's", "Comedy"]
    assert len({label for several in labels.values() for label in several}) == 19
