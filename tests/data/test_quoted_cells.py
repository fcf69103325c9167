"""Cells in double quotes are RecBole's, and labels that are Python strings are read as such."""

from __future__ import annotations

import io

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from recbole_cammsr.data.quoted_cells import cells_of, joined, labels_in, python_strings


def rows_of(text: str, separator: str = "\t") -> list[list[str]]:
    return [row for _, row in cells_of("x.item", io.StringIO(text), separator)]


# no cell of blanks alone, and none that pandas takes for a missing one
CELL = st.text(st.sampled_from("ab'\", \\"), min_size=1, max_size=8).filter(str.strip)


@given(st.lists(st.lists(CELL, min_size=3, max_size=3), min_size=1, max_size=5))
def test_cells_are_those_of_recboles_reader(rows):
    # as pandas writes them, which made RecBole's prepared data sets
    header = ["x", "y", "z"]
    text = pd.DataFrame(rows, columns=header).to_csv(sep="\t", index=False)
    read = pd.read_csv(
        io.StringIO(text), delimiter="\t", dtype=str, engine="python", keep_default_na=False
    )
    assert rows_of(text) == [header, *read.to_numpy().tolist()]
    assert read.to_numpy().tolist() == rows


@given(st.lists(st.lists(CELL, min_size=2, max_size=4), min_size=1, max_size=5))
def test_what_is_joined_is_read_again(rows):
    assert rows_of(joined(rows, "\t")) == rows


def test_rows_have_the_number_of_their_last_line():
    text = 'a\tb\n\n"two\nlines"\tc\n'
    assert list(cells_of("x.item", io.StringIO(text), "\t", first=2)) == [
        (2, ["a", "b"]),
        (5, ["two\nlines", "c"]),
    ]


def test_an_open_quote_is_refused():
    with pytest.raises(ValueError, match=r"x\.item: a double quote is not closed .*'Men\\tx\\n"):
        rows_of('a\t"Men\tx\nb\t"Women\ty\n')
    with pytest.raises(ValueError, match="not closed"):
        rows_of('a\t"Men\nb\tWomen\n')
    with pytest.raises(ValueError, match="not closed"):
        rows_of('a\tb\nc\t"Men\n')


def test_a_quote_inside_a_cell_and_long_cells_are_text():
    assert rows_of('a\t12" vinyl\n') == [["a", '12" vinyl']]
    assert len(rows_of("a\t" + "b" * 200_000 + "\n")[0][1]) == 200_000


def test_separators_of_several_characters_have_no_quotes():
    assert rows_of('"a"::b\n\n', "::") == [['"a"', "b"]]
    assert joined([["a", "b"]], "::") == "a::b\n"


@pytest.mark.parametrize(
    ("cell", "labels"),
    [
        ("'Beauty', 'Skin Care'", ["Beauty", "Skin Care"]),
        ("'Bath, Shower & Soap', \"Men's\"", ["Bath, Shower & Soap", "Men's"]),
        ("'Beauty'", ["Beauty"]),
        ("'90s rock", ["'90s", "rock"]),
        ("war 'drama'", ["war", "'drama'"]),
        ("'a' + 'b'", ["'a'", "+", "'b'"]),
        ("'a', 1, 'b'", ["'a',", "1,", "'b'"]),
        ("war  drama", ["war", "drama"]),
        ("'x' 'y'", ["'x'", "'y'"]),  # Python would join them
        ("['x', \"y z\"]", ["x", "y z"]),
        ('["x", "y\\u00e9"]', ["x", "yé"]),
        ("['x']", ["x"]),
        ("[]", []),
        ("['x' 'y']", ["['x'", "'y']"]),
        ("[1984] drama [x]", ["[1984]", "drama", "[x]"]),
        ("[1984]", ["[1984]"]),
        ("' x', 'y '", ["x", "y"]),
    ],
)
def test_labels_of_a_sequence(cell, labels):
    assert labels_in(cell, True, " ") == labels


@pytest.mark.parametrize("cell", ["Action, Drama & War", "Action,Drama & War", "['Action', ',']"])
def test_labels_have_no_blanks_around_them(cell):
    expected = ["Action", ","] if "[" in cell else ["Action", "Drama & War"]
    assert labels_in(cell, True, ",") == expected
    assert labels_in("Action, | |Drama ", True, "|") == ["Action,", "Drama"]


def test_lists_that_pandas_writes_are_labels():
    lists = [["x", "y z"], ["it's", 'a "b"'], []]
    text = pd.DataFrame({"labels": lists}).to_csv(sep="\t", index=False)
    cells = [row[0] for row in rows_of(text)[1:]]
    assert [labels_in(cell, True, " ") for cell in cells] == lists


def test_a_single_token_is_one_label_whatever_it_looks_like():
    assert labels_in("'a', 'b'", False, " ") == ["'a', 'b'"]
    assert python_strings("'a', 'b'") == ["a", "b"]
    assert python_strings("a") is None
