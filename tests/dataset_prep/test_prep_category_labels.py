"""Category labels: grouping by hand and by property; levels inside blank-joined phrases."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st
from recbole_cammsr.dataset_prep.category_labels import as_paths, flat_labels, path_labels
from recbole_cammsr.dataset_prep.category_phrase import segment_phrases, split_item_text


def test_paths_from_every_nesting():
    assert as_paths([["Beauty", "Nail Polish"]]) == [("Beauty", "Nail_Polish")]
    assert as_paths(["Beauty", "Hair"]) == [("Beauty", "Hair")]
    assert as_paths("Beauty") == [("Beauty",)]
    assert as_paths(None) == as_paths([]) == as_paths("") == as_paths([[" "]]) == []
    assert as_paths([["A", "B"], ["A", "C"]]) == [("A", "B"), ("A", "C")]
    with pytest.raises(ValueError, match="path"):
        as_paths([["A", 3]])
    with pytest.raises(ValueError, match="path"):
        as_paths({"a": 1})


def test_small_labels_join_their_parent():
    items = [[("A", "x")]] * 3 + [[("A", "y")]] * 2 + [[("B", "z")]] + [[]]
    labels = path_labels(items, min_count=2)
    assert [label.category for label in labels] == ["A>x"] * 3 + ["A>y"] * 2 + ["Other", ""]
    assert labels[0].categories == ("A", "A>x")
    assert labels[5].categories == ("Other",)
    assert labels[6].categories == ()
    labels = path_labels(items, min_count=3)
    # The two left of A>y make A too small for a label of its own.
    assert [label.category for label in labels] == ["A>x"] * 3 + ["Other"] * 3 + [""]
    assert labels[3].categories == ("A",)
    assert [label.category for label in path_labels(items, level=1)][:6] == ["A"] * 5 + ["B"]


def test_several_paths_give_every_label_once():
    (label,) = path_labels([[("A", "x"), ("A", "y"), ("A", "x")]])
    assert label.category == "A>x"
    assert label.categories == ("A", "A>x", "A>y")


PATHS = st.lists(st.lists(st.sampled_from("abc"), max_size=3).map(tuple), max_size=40)


@given(PATHS, st.integers(1, 6))
def test_every_label_is_large_enough_and_an_ancestor(paths, min_count):
    items = [[path] if path else [] for path in paths]
    labels = path_labels(items, min_count=min_count)
    single = Counter(label.category for label in labels)
    several = Counter(name for label in labels for name in label.categories)
    for counts in (single, several):
        assert all(n >= min_count for name, n in counts.items() if name not in ("", "Other"))
    for path, label in zip(paths, labels):
        assert bool(label.category) == bool(label.categories) == bool(path)
        if label.category not in ("", "Other"):
            parts = tuple(label.category.split(">"))
            assert path[: len(parts)] == parts
            assert label.category in label.categories
    assert path_labels(items, min_count=min_count) == labels


def test_flat_labels_take_the_rarest_kept_tag():
    items = [as_paths(tags) for tags in (["Drama"], ["Drama", "War"], ["War", "Drama"], ["Noir"])]
    labels = flat_labels(items, min_count=2)
    assert [label.category for label in labels] == ["Drama", "War", "War", "Other"]
    assert labels[1].categories == ("Drama", "War")


def test_counts_and_levels_below_one_are_refused():
    with pytest.raises(ValueError, match="level"):
        path_labels([], level=0)
    with pytest.raises(ValueError, match="fewest"):
        flat_labels([], min_count=0)


@pytest.mark.parametrize(
    ("text", "root", "expected"),
    [
        ("Tape 3 in. wide. R & S Tapes Duct Tape. Acme Co. Inc. ", "R & S", "Tapes Duct Tape"),
        ("Tape. R & S things. R & S Tapes. Acme.", "R & S", "Tapes"),
        ("Vinyl Tubing - 10 feet. . Acme. ", "R & S", ""),
        ("Vinyl Tubing", None, ""),
    ],
)
def test_split_item_text(text, root, expected):
    title, phrase = split_item_text(text, root)
    assert phrase == expected
    assert text.startswith(title)
    assert title
    assert not title.endswith(".")


def test_segment_phrases_by_ends_and_branches():
    phrases = ["Tools & Parts", *(f"Tools & Parts Saw {x}" for x in "abc"), "Nails", ""]
    paths = segment_phrases(phrases, min_branches=3)
    assert paths[0] == [("Tools_&_Parts",)]
    assert paths[1] == [("Tools_&_Parts", "Saw", "a")]
    assert paths[4] == [("Nails",)]
    assert paths[5] == []


@given(st.lists(st.lists(st.sampled_from(["A", "B", "&", "C,"]), max_size=4).map(" ".join)))
def test_segments_spell_their_phrase(phrases):
    for phrase, paths in zip(phrases, segment_phrases(phrases, 2)):
        assert "_".join("_".join(path) for path in paths) == phrase.replace(" ", "_")


def test_an_item_of_the_parent_itself_counts_with_the_small_labels_that_join_it():
    items = [[("A",)], [("A",)], [("A", "x")], [("A", "x", "y")]]
    assert [label.category for label in path_labels(items, min_count=4)] == ["A"] * 4
    assert [label.category for label in path_labels(items, min_count=2)] == ["A", "A", "A>x", "A>x"]


def test_tags_count_once_an_item_and_those_equally_rare_go_by_name():
    items = [as_paths(tags) for tags in (["War", "Drama"], ["Drama", "War"], [["Noir"], ["Noir"]])]
    labels = flat_labels(items, min_count=2)
    # Whatever the order within an item, so that items with the same tags have the same label.
    assert [label.category for label in labels] == ["Drama", "Drama", "Other"]
    assert flat_labels(items)[2].categories == ("Noir",)
