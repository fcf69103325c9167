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
    rows = [{"ID": 2.0, "text": -1.9}, {"ID": -1.0, "text": 1.05}, {"ID": -0.01, "text": 0.0}]
    items = [
        RecommendedItem(n + 1, f"i{n}", f"i{n}", sum(row.values()) - 2, False, n == 1, [], row, row)
        for n, row in enumerate(rows)
    ]
    average = {"ID": -1.0, "text": -1.0}
    ranking = Ranking("CAMMSR", "saved/CAMMSR-1.pth", 9, items, True, average_parts=average)
    plain = [dataclasses.replace(item, parts={}, parts_above_average={}) for item in items]
    path = "a/very/long/folder/" * 5 + "BPR-1.pth"
    note = f"user 'u1' is not in the data of {path}; users look like x"
    others = [
        Ranking("SASRec", "SASRec-1.pth", 1, plain, True, "its data set is another"),
        Ranking("BPR", path, None, [], False, note),
        Ranking("GRU4Rec", "GRU4Rec-1.pth", 1, plain[::2], False),
    ]
    seen = SeenItem("i9", "i9", ["a", "b"], ["a", "c"], {}, [], {})
    return UserExplanation("u1", "toy", 1, [seen], "i8", "i8", ranking, others)


def test_the_table_marks_what_it_shows_and_adds_up(made_up):
    shown = text(made_up)
    assert "CAMMSR (what was taken next is at rank 9)" in shown  # beyond the list: no mark
    assert "the average item has a score of -2.00 (ID -1.00, text -1.00)" in shown
    assert " -1.90          +0.10  +2.00  -1.90" in shown


def test_the_table_names_what_the_user_has_already_and_how_each_model_ranks(made_up):
    with_them = "  with the user's own items: 1 of 3 is the user's already, named own\n"
    lines = text(made_up).splitlines()
    assert text(made_up).count(with_them) == 2
    assert lines.count("  without the user's own items") == 1
    assert [line.split()[:3] for line in lines if " own  " in line and "score" not in line] == [
        ["2", "i1", "own"],
        ["2", "i1", "own"],
    ]
    assert [line for line in lines if "≈" in line][:1] == ["i9        a, b  ≈       a, c"]
    assert "✓ ≈ ✗: category right, partly right, wrong; +n: n labels more that both have" in lines


def test_scores_that_are_close_are_told_apart(made_up):
    close = [
        dataclasses.replace(item, score=0.031 + 0.0004 * item.rank)
        for item in made_up.others[0].items
    ]
    other = dataclasses.replace(made_up.others[0], items=close)
    shown = text(dataclasses.replace(made_up, others=[other]))
    assert all(f"  {score}\n" in f"{shown}\n" for score in ("0.03140", "0.03180", "0.03220"))


@pytest.mark.parametrize("models", [0, 1, 2, 3])
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
    beside = ["", "; beside it SASRec-1.pth", *2 * ["; beside it SASRec-1.pth and BPR-1.pth"]]
    assert key.endswith(f"checkpoint CAMMSR-1.pth{beside[models]}")
    assert ("1 more in the table: GRU4Rec" in key) == (models == 3)
    assert "[own]: the user has it already" in key
    shown = [one.get_text() for one in texts]
    assert "2. i1 [own]" in shown
    assert shown.count("[own]") == (models > 0)
    (title,) = [one for one in shown if one.startswith("CAMMSR: what lifts")]
    assert title.endswith("\nwith the user's own items: 1 of 3 is the user's already")
    if models:
        (title,) = [one for one in shown if one.startswith("SASRec beside it")]
        said = ["with the user's own items: 1 of 3 is the user's already"]
        assert title.splitlines()[1:] == [*said, "not compared alike: its data set is another"]
    assert ("blue: also in the list on the left" in key) == (models > 0)
    inside = {one.get_text() for one in texts if one.get_color() == "white"}
    assert inside == {"+2.00", "-1.90", "-1.00", "+1.05"}  # not of the bar that has no room
    assert {"  +0.10", "  +0.05", "  -0.01"} <= {one.get_text() for one in texts}
    if models == 2:
        (panel,) = [one for one in drawn[0].axes if one.get_title().startswith("BPR")]
        assert panel.get_title().replace("\n", " ") == (
            "BPR: no ranking user 'u1' is not in the data of this model; users look like x"
        )
