"""True and predicted categories side by side."""

from __future__ import annotations

import pytest

from recbole_cammsr.analysis import label_match
from recbole_cammsr.analysis.label_match import shown_beside


@pytest.mark.parametrize(
    ("true", "predicted", "mark"),
    [("ab", "ba", "✓"), ("ab", "ac", "≈"), ("a", "b", "✗"), ("", "b", "?")],
)
def test_a_mark_says_how_right_a_prediction_is(true, predicted, mark):
    assert label_match.mark(list(true), list(predicted)) == mark


def test_what_differs_is_never_cut_away():
    true = ["Children's", "Drama", "Fantasy"]
    predicted = ["Children's", "Drama", "Romance"]
    assert shown_beside(true, predicted, 24) == "Children's +1, Fantasy"
    assert shown_beside(predicted, true, 24) == "Children's +1, Romance"
    assert shown_beside(predicted, true, 26) == "Children's, Drama, Romance"
    assert shown_beside(predicted, true, 12) == "+2, Romance"
    assert shown_beside(predicted, predicted, 24) == "Children's, Drama +1"
    assert shown_beside(predicted, [], 24) == "Children's, Drama +1"
    assert shown_beside([], true, 24) == ""


def test_labels_are_cut_only_where_there_is_no_room():
    several = ["Drama", "War", "Documentary"]
    assert shown_beside(several, ["Drama"], 20) == "+1, War, Documentary"
    assert shown_beside(["Documentary"], ["Documentary"], 8) == "Documen…"  # not only a number


def test_differing_labels_share_the_room_and_do_not_look_alike():
    true = ["Shop>A very long sub category name 0", "Gift"]
    predicted = ["Gift", "Shop>A very long sub category name 1"]
    both = [*true, *predicted]
    shown = [shown_beside(true, predicted, 24, both), shown_beside(predicted, true, 24, both)]
    assert len(set(shown)) == 2
    assert all(len(text) <= 24 and text.startswith("+1, ") for text in shown)
    genres = ["Action", "Adventure", "Animation", "Children's"]
    assert shown_beside(genres, ["War"], 24) == "Acti…, Adve…, Anim…, Chil…"
