"""Item maps: tables, JSON and lists, and those that could be read in two ways."""

from __future__ import annotations

import csv
import json

import pandas as pd
import pytest

from recbole_cammsr.data.item_map import read_item_map


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("m.ids", "a\na\n", "'a' twice"),
        ("m.json", "{", "not valid JSON"),
        ("m.json", "[1]", "one JSON object"),
        ("m.json", '{"a": 0, "b": 1, "a": 2}', "names item 'a' twice"),
        ("m.json", '{"a": 3.9}', "row number 3.9 of item 'a' is not an integer"),
        ("m.json", '{"a": NaN}', "row number nan of item 'a' is not an integer"),
        ("m.json", '{"a": Infinity}', "row number inf of item 'a' is not an integer"),
        ("m.json", '{"a": true}', "row number True of item 'a' is not an integer"),
        ("m.json", '{"a": {"row": 1}}', "of item 'a' is not an integer"),
        ("m.csv", "id,asin\n0,a\n", "'a' of item '0' is not an integer.* name the column of rows"),
        ("m.csv", 'x,0\n"y,1\n', "double quote is not closed"),
        ("m.tsv", "a\t0\nb\tx\n", "'x' of item 'b'"),
        ("m.tsv", "a\t0\nb\n", "line"),
        ("m.tsv", "", "names no item"),
    ],
)
def test_broken_item_maps_are_named(tmp_path, name, content, message):
    path = tmp_path / name
    path.write_text(content)
    with pytest.raises(ValueError, match=message):
        read_item_map(str(path))


@pytest.mark.parametrize("name", ["m.ids", "m.txt", "M.IDS"])
@pytest.mark.parametrize("end", ["\n", "\r\n", ""])
def test_a_list_has_a_token_a_line_blanks_and_all(tmp_path, name, end):
    path = tmp_path / name
    path.write_bytes((end or "\n").join(["b 1,x", "a\u2028c\x85", "7"]).encode() + end.encode())
    assert read_item_map(str(path)) == {"b 1,x": 0, "a\u2028c\x85": 1, "7": 2}


@pytest.mark.parametrize("separator", [",", "\t"])
def test_blanks_around_cells_and_empty_lines_are_nothing(tmp_path, separator):
    path = tmp_path / "m.csv"
    lines = [f"a{separator} 1", "", f" b 2 {separator}0 ", "  "]
    path.write_text("\n".join(lines) + "\n\n")
    assert read_item_map(str(path)) == {"a": 1, "b 2": 0}


def test_a_row_below_zero_in_the_first_line_is_no_header(tmp_path):
    """It belongs to no feature, which whoever reads the features says; here no item gets lost."""
    path = tmp_path / "m.tsv"
    path.write_text("a\t-1\nb\t0\n")
    assert read_item_map(str(path)) == {"a": -1, "b": 0}


@pytest.mark.parametrize("header", ["row,item_id", ",item_id", "Index,asin", "itemID,asin"])
def test_a_header_says_which_column_has_the_rows(tmp_path, header):
    path = tmp_path / "m.csv"
    path.write_text(f"{header}\n1,7\n0,1\n2,3\n")
    assert read_item_map(str(path)) == {"7": 1, "1": 0, "3": 2}
    path.write_text("asin,itemID\n1,7\n0,1\n2,3\n")  # MMRec's names of token and row
    assert read_item_map(str(path)) == {"1": 7, "0": 1, "2": 3}
    path.write_text("itemID,row_number\n1,7\n0,1\n2,3\n")
    assert read_item_map(str(path)) == {"1": 7, "0": 1, "2": 3}


@pytest.mark.parametrize(
    ("header", "lines"),
    [
        (",asin,itemID", ("0,a,2", "1,b,0", "2,c,1")),  # written by pandas with its index
        ("asin,price,itemID", ("a,1,2", "b,2,0", "c,0,1")),
        ("row,item_id,price", ("2,a,1", "0,b,2", "1,c,0")),
        (",item_id,price", ("2,a,1", "0,b,2", "1,c,0")),
        ("Unnamed: 0,asin,itemID", ("0,a,2", "1,b,0", "2,c,1")),  # read by pandas, written again
        ("Unnamed: 0,item_id,price", ("2,a,1", "0,b,2", "1,c,0")),
        ("item_id,price,item_idx", ("a,1,2", "b,2,0", "c,0,1")),
    ],
)
def test_the_column_of_rows_may_stand_anywhere(tmp_path, header, lines):
    path = tmp_path / "m.csv"
    path.write_text("\n".join([header, *lines]) + "\n")
    assert read_item_map(str(path)) == {"a": 2, "b": 0, "c": 1}


def test_a_word_within_a_name_is_no_column_of_rows(tmp_path):
    path = tmp_path / "m.csv"
    for header in ("article_number,line", "arrow_sku,pos"):
        path.write_text(f"{header}\n2,0\n0,1\n1,2\n")
        assert read_item_map(str(path)) == {"2": 0, "0": 1, "1": 2}


@pytest.mark.parametrize("content", ["asin,price,place\na,1,0\nb,0,1\n", "a,1,0\nb,0,1\n"])
def test_a_column_of_rows_is_not_guessed(tmp_path, content):
    path = tmp_path / "m.csv"
    path.write_text(content)
    with pytest.raises(ValueError, match=r"m\.csv begins with .*which column has the row numbers"):
        read_item_map(str(path))


# numbers that are a permutation of the rows
TOKENS = ["3", "0", "2", "1"]
ROW_OF = {token: row for row, token in enumerate(TOKENS)}


@pytest.mark.parametrize("quoting", [csv.QUOTE_MINIMAL, csv.QUOTE_ALL])
@pytest.mark.parametrize("sep", [",", "\t"])
@pytest.mark.parametrize("tokens", [TOKENS, ["x9", "x,2", 'x"5', "x 1"]], ids=["numbers", "words"])
def test_what_pandas_writes_is_read(tmp_path, tokens, sep, quoting):
    row_of = {token: row for row, token in enumerate(tokens)}
    path = str(tmp_path / "m.csv")
    how = {"sep": sep, "quoting": quoting}
    series = pd.Series(tokens)
    for table in (series, series.to_frame(), series.rename("asin"), series.rename("0 1")):
        table.to_csv(path, **how)
        assert read_item_map(path) == row_of
    pd.DataFrame({"asin": tokens, "n": range(4)}).to_csv(path, index=False, **how)
    assert read_item_map(path) == row_of
    if tokens is not TOKENS:
        pd.Series(row_of).to_csv(path, **how)
        assert read_item_map(path) == row_of


def test_cells_may_be_quoted_as_r_writes_them(tmp_path):
    path = tmp_path / "m.csv"
    path.write_text('"asin","row"\n"a",2\n"b","0"\n"c","1"\n')
    assert read_item_map(str(path)) == {"a": 2, "b": 0, "c": 1}


def test_whole_numbers_of_json_may_be_written_as_texts_and_floats(tmp_path):
    path = tmp_path / "m.json"
    path.write_text(json.dumps({"a": 2, "b": "0", "c": 1.0}))
    assert read_item_map(str(path)) == {"a": 2, "b": 0, "c": 1}


@pytest.mark.parametrize("header", [None, "id,asin", "new_id,old_id", "token,number"])
@pytest.mark.parametrize("rows", [[(0, 3), (1, 0), (2, 2), (3, 1)], [(2, 10), (0, 11), (1, 12)]])
def test_numbers_that_could_be_read_both_ways_are_refused(tmp_path, header, rows):
    path = tmp_path / "m.csv"
    lines = [f"{first},{second}" for first, second in rows]
    path.write_text("\n".join([*([header] if header else []), *lines]))
    with pytest.raises(ValueError, match=r"m\.csv begins with .* may have the rows; name the two"):
        read_item_map(str(path))
    for named, turned in (("token,row", False), ("row,token", True)):
        path.write_text("\n".join([named, *lines]))
        expected = {str(pair[turned]): pair[not turned] for pair in rows}
        assert read_item_map(str(path)) == expected


def test_a_series_of_rows_by_numbers_is_refused(tmp_path):
    path = str(tmp_path / "m.csv")
    pd.Series(ROW_OF).to_csv(path)
    with pytest.raises(ValueError, match=r"begins with \['', '0'\].* may have the rows"):
        read_item_map(path)
    pd.Series(ROW_OF, name="row").to_csv(path)
    assert read_item_map(path) == ROW_OF


@pytest.mark.parametrize("rows", [[(7, 0), (9, 1)], [(1, 0), (0, 1)], [(7, 3), (9, 1)]])
def test_numbers_are_token_and_row_where_they_can_be_nothing_else(tmp_path, rows):
    path = tmp_path / "item2index"
    path.write_text("".join(f"{token}\t{row}\n" for token, row in rows))
    assert read_item_map(str(path)) == {str(token): row for token, row in rows}
