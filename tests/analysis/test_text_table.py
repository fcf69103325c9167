"""Aligned plain-text tables."""

from __future__ import annotations

from recbole_cammsr.analysis.text_table import table


def test_columns_are_aligned():
    lines = table(["a", "b"], [["long name", "1"], ["x", "22.5"]])
    assert lines == ["a             b", "---------  ----", "long name     1", "x          22.5"]


def test_wide_characters_take_two_columns_and_combining_marks_none():
    lines = table(["a", "b"], [["日本", "1"], ["e\u0301te\u0301", "テ"], ["abc", "22"]])
    assert lines == [
        "a      b",
        "----  --",
        "日本   1",
        "e\u0301te\u0301   テ",
        "abc   22",
    ]
