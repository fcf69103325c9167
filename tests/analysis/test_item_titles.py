"""Titles of items: found, named, harmless to a terminal."""

from __future__ import annotations

import pytest

from recbole_cammsr.analysis.item_titles import read_titles


def test_titles_are_found_or_named(tmp_path):
    path = tmp_path / "x.item"
    path.write_text("item_id:token\tname:token_seq\ttitle:token_seq\na\tn\tThe A\nb\tm\t\n")
    assert read_titles(str(path), "item_id") == {"a": "The A"}
    assert read_titles(str(path), "item_id", "name") == {"a": "n", "b": "m"}
    assert read_titles(str(tmp_path / "none.item"), "item_id") == {}
    path.write_text('item_id:token\ttitle:token\na\t"The ""A"""\nb\t12" vinyl\n')
    assert read_titles(str(path), "item_id") == {"a": 'The "A"', "b": '12" vinyl'}
    path.write_text("item_id:token\tname:token_seq\ttitle:token_seq\na\tn\tThe A\n")
    with pytest.raises(ValueError, match="no field 'label' for titles; its fields are item_id"):
        read_titles(str(path), "item_id", "label")
    assert read_titles(str(path), "item_id", "label", required=False) == {"a": "The A"}
    assert read_titles(str(path), "item_id", "name", required=False) == {"a": "n"}
    assert read_titles(str(tmp_path / "none.item"), "item_id", "name", required=False) == {}


def test_control_characters_in_titles_are_spaces(tmp_path):
    path = tmp_path / "x.item"
    path.write_text("item_id:token\ttitle:token\na\tA\x1b[31m\x85B\nb\t\x07\nc\té\u200d漢\n")
    assert read_titles(str(path), "item_id") == {"a": "A [31m B", "c": "é\u200d漢"}


def test_a_byte_order_mark_is_no_part_of_a_name_and_another_encoding_is_named(tmp_path):
    path = tmp_path / "x.item"
    path.write_text("\ufeffitem_id:token\ttitle:token\na\tA\n", encoding="utf-8")
    assert read_titles(str(path), "item_id") == {"a": "A"}
    for head in ("", "b\tB\n" * 10_000):
        path.write_bytes(f"item_id:token\ttitle:token\n{head}a\té\n".encode("latin-1"))
        with pytest.raises(ValueError, match=r"x\.item is not text in utf-8: .*`encoding`"):
            read_titles(str(path), "item_id")
