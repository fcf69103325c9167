"""Categories from an .item file: one or several labels, aligned by token."""

from __future__ import annotations

import io
import tracemalloc

import pandas as pd
import pytest

from recbole_cammsr.data.categories import categories_of, read_categories
from recbole_cammsr.data.missing_cells import MISSING_CELLS

TOKEN_TO_ID = {"[PAD]": 0, "a": 1, "b": 2, "c": 3}


def write(tmp_path, header, *rows):
    path = tmp_path / "x.item"
    path.write_text("\n".join([header, *rows]) + "\n", encoding="utf-8")
    return str(path)


def test_one_label_per_item(tmp_path):
    path = write(
        tmp_path, "item_id:token\tkind:token", "c\twar film", "z\tunused", "a\tdrama", "b\t"
    )
    table = read_categories(path, "kind", "item_id", TOKEN_TO_ID)
    assert table.labels == ("drama", "war film")
    assert table.targets.int().tolist() == [[0, 0], [1, 0], [0, 0], [0, 1]]
    assert not table.multi_label
    assert table.covered == 2


@pytest.mark.parametrize("kind", ["token", "token_seq"])
def test_blanks_around_a_label_are_not_of_it(tmp_path, kind):
    path = write(tmp_path, f"item_id:token\tkind:{kind}", "a\tdrama", "b\t drama  ", "c\t  ")
    table = read_categories(path, "kind", "item_id", TOKEN_TO_ID)
    assert table.labels == ("drama",)
    assert table.targets[:, 0].tolist() == [False, True, True, False]


def test_a_data_set_says_how_its_item_file_is_written(tmp_path):
    rows = "iid:token;item_id:token;kind:token_seq\na;b;é|x\nb;a;x\n"
    (tmp_path / "shop.item").write_text(rows, encoding="latin-1")
    config = {
        **{"dataset": "shop", "ITEM_ID_FIELD": "iid", "encoding": "latin-1"},
        **{"field_separator": ";", "seq_separator": "|"},
    }
    table = categories_of(config, str(tmp_path), "kind", TOKEN_TO_ID)
    assert table.labels == ("x", "é")
    assert table.targets.int().tolist() == [[0, 0], [1, 1], [1, 0], [0, 0]]


def test_several_labels_per_item(tmp_path):
    path = write(tmp_path, "kind:token_seq\titem_id:token", "war drama\ta", "drama\tb", "\tc")
    table = read_categories(path, "kind", "item_id", TOKEN_TO_ID)
    assert table.labels == ("drama", "war")
    assert table.targets.int().tolist() == [[0, 0], [1, 1], [1, 0], [0, 0]]
    assert table.multi_label
    assert "2/3 items labelled" in table.report()


def test_digest_sees_labels_and_whose_they_are_but_not_foreign_items(tmp_path):
    def digest(*rows):
        path = write(tmp_path, "item_id:token\tkind:token", *rows)
        return read_categories(path, "kind", "item_id", TOKEN_TO_ID).digest

    base = digest("a\tdrama", "b\twar")
    assert digest("z\tcrime", "b\twar", "a\tdrama") == base
    assert digest("a\twar", "b\tdrama") != base
    assert digest("a\tdrama", "b\twestern") != base
    assert digest("a\tdrama", "c\twar") != base


def test_a_token_seq_with_one_label_each_is_single_label(tmp_path):
    path = write(tmp_path, "item_id:token\tkind:token_seq", "a\tx", "b\ty")
    assert not read_categories(path, "kind", "item_id", TOKEN_TO_ID).multi_label


def test_what_recbole_reads_as_missing_is_no_label(tmp_path):
    """RecBole reads the table with pandas, whose own list this is."""
    cells = [
        "x",
        "nothing",
        "nil",
        "-",
        "none",
        *sorted(MISSING_CELLS),
        "na",
        "Null",
        "N.A.",
        "NAN",
    ]
    table = pd.read_csv(io.StringIO("\n".join(["kind", *(f'"{c}"' for c in cells)])), dtype=str)
    tokens = {"[PAD]": 0, **{f"i{n}": n + 1 for n in range(len(cells))}}
    rows = [f"i{n}\t{cell}" for n, cell in enumerate(cells)]
    for kind in ("token", "token_seq"):
        path = write(tmp_path, f"item_id:token\tkind:{kind}", *rows)
        found = read_categories(path, "kind", "item_id", tokens)
        expected = set(table["kind"].dropna())
        assert set(found.labels) == expected
        assert found.covered == len(expected)


def test_labels_that_guide_nothing_are_remarked_on(tmp_path):
    header, tokens = "item_id:token\tkind:token", {"[PAD]": 0, **{f"i{n}": n + 1 for n in range(9)}}

    def doubts(label_of):
        path = write(tmp_path, header, *(f"i{n}\t{label_of(n)}" for n in range(9)))
        return read_categories(path, "kind", "item_id", tokens).doubts()

    assert doubts(lambda n: n % 4) == []
    (sentence,) = doubts(lambda n: "all")
    assert "'kind' has the one label 'all'" in sentence
    (sentence,) = doubts(lambda n: n // 2)
    assert "'kind' has 5 labels for 9 labelled items" in sentence


@pytest.mark.parametrize(
    ("header", "rows", "field", "message"),
    [
        ("item_id:token\tkind:token", ["a\tx"], "genre", r"\['item_id', 'kind'\].*'genre'"),
        ("item_id:token\tkind:float", ["a\t1"], "kind", "type 'float'"),
        ("item_id:token\tkind:token", ["a\tx", "a\ty"], "kind", "'a' twice"),
        ("item_id:token\tkind:token", ["z\tx", "a\t"], "kind", "no item of the data set"),
        ("item_id:token\tkind:token", ["a\tx", "b\ty\tz"], "kind", "line 3 has 3 cells .* has 2"),
        ("item_id:token\ttitle:token\tkind:token", ["a\tx"], "kind", "line 2 has 2 cells .* has 3"),
        ("item_id:token\tkind:token\tkind:float", ["a\tx\t1"], "kind", "'kind' stands twice in"),
    ],
)
def test_refusals_say_how_to_run_without_guidance_or_what_to_fix(
    tmp_path, header, rows, field, message
):
    path = write(tmp_path, header, *rows)
    with pytest.raises(ValueError, match=message) as caught:
        read_categories(path, field, "item_id", TOKEN_TO_ID)
    assert path in str(caught.value)


def test_another_encoding_is_named(tmp_path):
    path = write(tmp_path, "item_id:token\tkind:token", "a\tx")
    with open(path, "ab") as file:
        file.write("b\té\n".encode("latin-1"))
    with pytest.raises(ValueError, match=r"not text in utf-8: .*`encoding`") as caught:
        read_categories(path, "kind", "item_id", TOKEN_TO_ID)
    assert path in str(caught.value)
    table = read_categories(path, "kind", "item_id", TOKEN_TO_ID, encoding="latin-1")
    assert table.labels == ("x", "é")


def test_other_columns_may_lack_their_type_and_the_file_may_have_a_byte_order_mark(tmp_path):
    path = write(tmp_path, "\ufeffitem_id:token\ttitle\tkind:token", "a\tThe A\tx")
    assert read_categories(path, "kind", "item_id", TOKEN_TO_ID).labels == ("x",)


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_line_ends_and_empty_lines(tmp_path, end):
    path = tmp_path / "x.item"
    path.write_bytes(end.join(["item_id:token\tkind:token", "a\tx", "", "b\ty"]).encode())
    table = read_categories(str(path), "kind", "item_id", TOKEN_TO_ID)
    assert table.labels == ("x", "y")


def test_a_missing_item_file_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match="category_weight: 0"):
        read_categories(str(tmp_path / "no.item"), "kind", "item_id", TOKEN_TO_ID)


def test_a_file_as_recboles_authors_write_it(tmp_path):
    """Columns of Python strings, quoted where pandas has to: RecBole's prepared Amazon sets."""
    labels = {
        "a": ["Beauty", "Bath, Shower & Soap"],
        "b": ["Men's", "Beauty"],
        "c": ["Women's", 'The "Best"'],
    }
    frame = pd.DataFrame(
        {
            "item_id:token": list(labels),
            "title:token": ["Dr. O'Reilly's \"Best\"", "two\nlines", "plain"],
            "kinds:token_seq": [str(names)[1:-1] for names in labels.values()],
        }
    )
    path = tmp_path / "x.item"
    frame.to_csv(path, sep="\t", index=False)
    assert '"' in path.read_text()
    table = read_categories(str(path), "kinds", "item_id", TOKEN_TO_ID)
    found = {
        token: {table.labels[column] for column in table.targets[row].nonzero().flatten()}
        for token, row in TOKEN_TO_ID.items()
        if row
    }
    assert found == {token: set(names) for token, names in labels.items()}


def test_a_first_line_without_types_is_said_to_lack_them(tmp_path):
    path = write(tmp_path, "item_id\tkind", "a\tdrama")
    with pytest.raises(ValueError, match=r"names 'item_id', 'kind' without a type; write"):
        read_categories(path, "kind", "item_id", TOKEN_TO_ID)
    path = write(tmp_path, "item_id:token\tkind", "a\tdrama")
    with pytest.raises(ValueError, match=r"names 'kind' without a type; .*`kind:token_seq`"):
        read_categories(path, "kind", "item_id", TOKEN_TO_ID)


def test_one_long_label_costs_its_own_length_only(tmp_path):
    count = 5000
    tokens = {"[PAD]": 0, **{f"i{item}": item for item in range(1, count + 1)}}
    rows = [f"i{item}\t{'abc'[item % 3]}" for item in range(1, count)]
    path = write(tmp_path, "item_id:token\tkind:token", *rows, f"i{count}\t{'x' * 20_000}")
    tracemalloc.start()
    try:
        table = read_categories(path, "kind", "item_id", tokens)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert table.labels == ("a", "b", "c", "x" * 20_000)
    assert table.targets.sum() == count
    assert peak < 20e6  # 20,000 characters for each item would be 400 MB
