"""First lines of atomic files: names and types, with or without what editors put around them."""

from __future__ import annotations

import pytest
from recbole.utils.enum_type import FeatureType

from recbole_cammsr.data.atomic_header import TYPES, header_of, read_header


def test_types_are_recboles():
    assert set(TYPES) == {kind.value for kind in FeatureType}


@pytest.mark.parametrize("end", ["", "\n", "\r\n"])
@pytest.mark.parametrize("mark", ["", "\ufeff"])
def test_names_and_types(tmp_path, mark, end):
    path = tmp_path / "fine.inter"
    columns = ["user_id:token", "text:token_seq", "time:float", "vector:float_seq"]
    path.write_bytes((mark + ",".join(columns) + end).encode())
    header = read_header(str(path), ",", "utf-8")
    assert header.columns == tuple(columns)
    assert header.names == ["user_id", "text", "time", "vector"]
    assert header.types["text"] == "token_seq"
    header.check()


def test_nothing_is_refused_unasked():
    header = header_of("item_id:token\ttitle\ttitle:token_seq:x\n", "\t", "x.item")
    assert header.names == ["item_id", "title", "title"]
    assert header.types == {"item_id": "token", "title": "token_seq:x"}
    assert header_of("", "\t", "x.item").types == {}


@pytest.mark.parametrize(
    ("line", "says"),
    [
        (
            "user_id\titem_id:token",
            "column 'user_id' in the first line of .*odd.inter is not named",
        ),
        ("user_id:token\titem_id:string", "'item_id:string' in the first line of .* a type out of"),
        ("user_id:token,item_id:token", "'user_id:token,item_id:token' in .* separated by '.t' "),
        (":token\titem_id:token", "':token' in the first line"),
        ("196\t242\t3\t881250949", "columns '196', '242', '3', … in .*odd.inter are not named"),
        ("", "the first line of .*odd.inter is empty; name its columns there"),
        (
            "user_id:token\ttime:float\ttime:token",
            "'time' stands twice in the first line of .*inter",
        ),
    ],
)
def test_what_recbole_cannot_read_is_named_with_its_file(tmp_path, line, says):
    path = tmp_path / "odd.inter"
    path.write_text(f"{line}\nu1\ti1\n")
    with pytest.raises(ValueError, match=says):
        read_header(str(path), "\t", "utf-8").check()


def test_another_encoding_is_named_or_passed_over(tmp_path):
    path = tmp_path / "odd.inter"
    path.write_bytes("user_id:token\tné:token\n".encode("latin-1"))
    with pytest.raises(ValueError, match=r"odd\.inter is not text in utf-8: .*`encoding`"):
        read_header(str(path), "\t", "utf-8")
    header = read_header(str(path), "\t", "utf-8", errors="replace")
    assert header.names == ["user_id", "n\ufffd"]


@pytest.mark.parametrize("end", ["", "\n", "\r\n", "\r"])
def test_a_line_end_is_no_part_of_a_column_and_a_separator_before_it_opens_one(end):
    assert header_of(f"user_id:token\ttime:float{end}", "\t", "x").names == ["user_id", "time"]
    header = header_of(f"user_id:token\t{end}", "\t", "x")
    assert header.columns == ("user_id:token", "")
    with pytest.raises(ValueError, match="column '' in the first line of x is not named"):
        header.check()
