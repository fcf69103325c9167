"""A made-up explanation as a picture and as a table."""

from __future__ import annotations

import dataclasses

import pytest

from recbole_cammsr.analysis.user_explanation import (
    Ranking,
    RecommendedItem,
    SeenItem,
    UserExplanation,
)
from recbole_cammsr.analysis.user_tables import text


@pytest.fixture
def made_up():
    """An explanation whose parts are far apart, with two models beside it."""
    rows = [{"ID": 2.0, "text": -1.9}, {"ID": -1.0, "text": 1.05}, {"ID": 0.01, "text": 0.0}]
    items = [
        RecommendedItem(n + 1, f"i{n}", f"i{n}", sum(row.values()) - 1, False, [], row, row)
        for n, row in enumerate(rows)
    ]
    average = {"ID": -0.5, "text": -0.5}
    ranking = Ranking("CAMMSR", "saved/CAMMSR-1.pth", 9, items, average_parts=average)
    plain = [dataclasses.replace(item, parts={}, parts_above_average={}) for item in items]
    path = "a/very/long/folder/" * 5 + "BPR-1.pth"
    note = f"user 'u1' is not in the data of {path}; users look like x"
    others = [Ranking("SASRec", "SASRec-1.pth", 1, plain), Ranking("BPR", path, None, [], note)]
    seen = SeenItem("i9", "i9", [], [], {}, [], {})
    return UserExplanation("u1", "toy", 1, [seen], "i8", "i8", ranking, others)


def test_the_table_marks_what_it_shows_and_adds_up(made_up):
    shown = text(made_up)
    assert "CAMMSR (what was taken next is at rank 9)" in shown  # beyond the list: no mark
    assert "the average item has a score of -1.00 (ID -0.50, text -0.50)" in shown
    assert " -0.90          +0.10  +2.00  -1.90" in shown


@pytest.mark.parametrize("models", [0, 1, 2])
def test_the_picture_has_its_key_signed_numbers_and_checkpoint(
    made_up, models, tmp_path, monkeypatch
):
    pytest.importorskip("matplotlib")
    from matplotlib.text import Text

    from recbole_cammsr.analysis import figure, user_figure

    drawn = []
    monkeypatch.setattr(figure, "save", lambda drawing, path: drawn.append(drawing))
    found = dataclasses.replace(made_up, others=made_up.others[:models])
    user_figure.draw(found, tmp_path / "user.png")
    texts = [one for one in drawn[0].findobj(Text) if one.get_text()]
    (key,) = [one.get_text() for one in texts if "How to read" in one.get_text()]
    assert key.endswith("checkpoint CAMMSR-1.pth")
    assert ("blue: also in the list on the left" in key) == (models > 0)
    inside = {one.get_text() for one in texts if one.get_color() == "white"}
    assert inside == {"+2.00", "-1.90", "-1.00", "+1.05"}  # not of the bar that has no room
    assert {"  +0.10", "  +0.05", "  +0.01"} <= {one.get_text() for one in texts}
    if models == 2:
        (panel,) = [one for one in drawn[0].axes if one.get_title().startswith("BPR")]
        assert panel.get_title().replace("\n", " ") == (
            "BPR: no ranking user 'u1' is not in the data of this model; users look like x"
        )
