"""Texts that have to fit into a picture."""

from __future__ import annotations

import pytest

from recbole_cammsr.analysis import figure


@pytest.mark.parametrize(
    ("label", "length", "expected"),
    [
        ("Makeup>Nails", 12, "Makeup>Nails"),
        ("Makeup>Nails>Nail_Polish", 20, "…>Nails>Nail_Polish"),
        ("Makeup>Nails>Nail_Polish", 18, "…>Nail_Polish"),
        ("Makeup>Nails>Nail_Polish", 8, "…>Nail_…"),
        ("Additive_Manufacturing", 8, "Additiv…"),
        ("", 8, ""),
    ],
)
def test_a_category_keeps_its_last_levels(label, length, expected):
    shown = figure.shorten_label(label, length)
    assert shown == expected
    assert len(shown) <= length


def test_neighbouring_paths_stay_apart():
    paths = [
        "Skin_Care>Face>Creams_&_Moisturizers>Night",
        "Skin_Care>Face>Creams_&_Moisturizers>Eye",
    ]
    assert len({figure.shorten(path, 26) for path in paths}) == 1
    assert len({figure.shorten_label(path, 26) for path in paths}) == 2


def test_several_categories_share_the_room():
    assert figure.shorten_labels(["a>b", "c"], 10) == "a>b, c"
    assert figure.shorten_labels(["Makeup>Nails>Nail_Polish", "Gift"], 16) == "…>Nail_Polish,…"
    assert figure.shorten_labels([], 10) == ""
