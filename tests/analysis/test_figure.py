"""Texts that have to fit into a picture, and come out as they are written."""

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


def test_titles_that_begin_alike_keep_their_end():
    spools = [f"PLA 3D Printer Filament, 1 kg Spool, {colour}" for colour in ("Silver", "Blue")]
    titles = [*spools, "PLA", spools[0], "Nitrile gloves, powder free, one hundred"]
    shown = figure.shorten_titles(titles, 20)
    assert shown == [
        "PLA 3D…pool, Silver",
        "PLA 3D… Spool, Blue",
        "PLA",
        "PLA 3D…pool, Silver",
        "Nitrile gloves, pow…",
    ]
    assert all(len(title) <= 20 for title in shown)
    assert figure.shorten_titles([], 20) == []


def test_neighbouring_paths_stay_apart():
    paths = [
        "Skin_Care>Face>Creams_&_Moisturizers>Night",
        "Skin_Care>Face>Creams_&_Moisturizers>Eye",
    ]
    assert len({figure.shorten(path, 26) for path in paths}) == 1
    assert len({figure.shorten_label(path, 26) for path in paths}) == 2


def test_several_categories_share_the_room():
    assert figure.shorten_labels(["a>b", "c"], 10) == "a>b, c"
    assert figure.shorten_labels(["Makeup>Nails>Nail_Polish", "Gift"], 16) == "…>Nail_Polish +1"
    genres = ["Comedy", "Fantasy", "Romance", "Sci-Fi"]
    assert figure.shorten_labels(genres, 24) == "Comedy, Fantasy +2"
    assert figure.shorten_labels([], 10) == ""


def test_categories_of_a_picture_do_not_look_alike():
    labels = [f"Shop>A very long sub category name {n}" for n in range(3)]
    labels.append("Store>A very long sub category name 0")
    assert len({figure.shorten_label(label, 24) for label in labels}) == 1
    shown = figure.shorten_each_label([*labels, "Gift", labels[0]], 24)
    assert len(set(shown)) == 5
    assert shown[0] == shown[-1]
    assert all(len(label) <= 24 for label in shown)
    alone = [figure.shorten_labels([label, "Gift"], 24, labels) for label in labels]
    assert len(set(alone)) == 4
    assert all(label.endswith(" +1") and len(label) <= 24 for label in alone)


@pytest.mark.parametrize(
    "title", ["Amazon.com $25 Gift Card_$ 0", r"5$ \foo $6", r"a\$b", "$x^2$", "100 % _ ^ { } \\"]
)
def test_titles_are_no_formulas(title, tmp_path):
    pytest.importorskip("matplotlib")
    from matplotlib.text import Text

    drawing, ((axes, other),) = figure.new(1, 2, (14.0, 8.0), sharey=True)
    axes.barh([0, 1], [1, 2], label=title)
    axes.set_yticks([0, 1], [title, title])
    axes.set_title(title)
    axes.set_xlabel(title)
    axes.annotate(title, (1, 1))
    axes.legend(title=title)
    drawing.suptitle(title)
    other.plot([0, 1], [0, 1])
    other.xaxis.set_major_formatter(lambda value, place: title)  # makes its labels when drawn
    other.set_xlim(0, 4)
    figure.save(drawing, tmp_path / "picture.png")
    assert (tmp_path / "picture.png").read_bytes().startswith(b"\x89PNG")
    drawn = [text for text in drawing.findobj(Text) if text.get_text() == title]
    assert len(drawn) > 8
    assert all(text._preprocess_math(title) == (title, False) for text in drawn)


def test_colours_that_repeat_come_with_other_markers_and_lines():
    styles = figure.styles([f"row {number}" for number in range(20)])
    assert len({tuple(style.values()) for style in styles.values()}) == 20
    assert styles["row 0"] == {"color": figure.COLOURS[0], "marker": "o", "ls": "-"}
    assert styles["row 8"] == {"color": figure.COLOURS[0], "marker": "s", "ls": "--"}
