"""What a model does over the whole catalogue, against loops and formulas."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import pytest

from recbole_cammsr.analysis import catalogue
from recbole_cammsr.analysis.catalogue import ByCategory
from recbole_cammsr.analysis.item_view import ItemView


def made_up_view():
    rng = np.random.default_rng(0)
    true = np.zeros((7, 3), dtype=bool)
    true[[1, 2, 3, 4], 0] = True
    true[5, 1] = True  # item 6 has no label
    predicted = np.full((7, 3), 0.1)
    predicted[[1, 2, 3, 5], [0, 0, 2, 1]] = 0.8
    predicted[4] = (0.2, 0.6, 0.2)
    weights = rng.uniform(0.5, 1.5, (7, 2))
    weights[3, 1] = 0.0  # missing
    attention = np.array([[1.0, 0.0]] * 4 + [[0.5, 0.5]] * 3)
    vectors = rng.normal(size=(7, 2, 4))
    return ItemView(
        **{"modality_names": ("ID", "text"), "expert_names": ("a", "b"), "labels": ("x", "y", "z")},
        **{
            "modalities": vectors,
            "present": weights > 0,
            "items": vectors.sum(axis=1),
            "candidates": vectors[:, 0],
        },
        **{"weights": weights, "weighted": True, "attention": attention},
        **{"usable": np.array([[True, False]] * 4 + [[True, True]] * 3)},
        **{"predicted": predicted, "true": true, "several_labels": False},
    )


def test_an_item_stands_under_its_rarest_label_and_no_label_is_empty():
    """Every item has the tops of the tree: one is the rarest of those without another, at most."""
    leaves = [0] * 6 + [1] * 5 + [2] * 4 + [3] * 3 + [4] * 2
    true = np.zeros((len(leaves) + 2, 8), dtype=bool)
    for item, leaf in enumerate(leaves, start=1):
        true[item, [5, 6, leaf]] = True
    true[7, 7] = True  # an item of leaf 1 has a label of its own, and its top alone
    view = dataclasses.replace(made_up_view(), true=true, labels=tuple("abcdeXYZ"))
    for most in range(1, 8):
        found = catalogue.rarest_labels(view, most)
        assert len(found) == min(most, 6)
        assert all(members.any() for members in found.values())
        assert np.sum(list(found.values()), axis=0).max() == 1
        sizes = [true[:, label].sum() for label in found]
        assert sizes == sorted(sizes, reverse=True)
        for label, members in found.items():
            assert (members <= true[1:, label]).all()
            rarer = [other for other in found if true[:, other].sum() < true[:, label].sum()]
            assert not true[1:, rarer][members].any()
    assert list(catalogue.rarest_labels(view, 3)) == [6, 0, 1]
    assert list(catalogue.rarest_labels(view, 6)) == [0, 1, 2, 3, 4, 7]
    assert catalogue.rarest_labels(dataclasses.replace(view, true=None), 3) == {}


def test_the_map_lists_the_categories_that_it_shows(tmp_path, monkeypatch):
    pytest.importorskip("matplotlib")
    from recbole_cammsr.analysis import catalogue_figures, figure

    drawn = []
    monkeypatch.setattr(figure, "save", lambda drawing, path: drawn.append(drawing))
    view = made_up_view()
    true = view.true.copy()
    true[[1, 2, 3], 1] = true[[4, 5, 6], 2] = true[1:, 0] = True  # x is of all items
    true[5, 1] = False
    view = dataclasses.replace(view, true=true, several_labels=True)
    catalogue_figures.item_map(
        view, "CAMMSR on toy", "saved/CAMMSR-1.pth", tmp_path / "item_map.png"
    )
    (panel,) = drawn[0].axes
    listed = [text.get_text() for text in panel.get_legend().get_texts()]
    assert listed == ["y (3)", "z (3)"]
    dots = [len(one.get_offsets()) for one in panel.collections]
    assert sorted(dots) == [3, 3, 6]
    assert drawn[0].texts[-1].get_text() == "checkpoint CAMMSR-1.pth"


def test_pictures_say_what_their_numbers_are_and_tell_categories_apart(tmp_path, monkeypatch):
    pytest.importorskip("matplotlib")
    from recbole_cammsr.analysis import catalogue_figures, figure

    drawn = []
    monkeypatch.setattr(figure, "save", lambda drawing, path: drawn.append(drawing))
    alike = tuple(f"Shop>A very long name of a category {n}" for n in range(3))
    view = dataclasses.replace(made_up_view(), labels=alike, several_labels=True)
    written = catalogue_figures.draw_all(view, "CAMMSR on toy", "saved/CAMMSR-1.pth", tmp_path)
    shown = dict(zip([path.name for path in written], drawn))
    titles = {name: drawing.axes[0].get_title() for name, drawing in shown.items()}
    assert "Mean weight" in titles["modality_weights.png"]
    assert "an item of n categories has n guesses" in titles["category_confusion.png"]
    for name in ("modality_weights.png", "category_confusion.png"):
        rows = [tick.get_text() for tick in shown[name].axes[0].get_yticklabels()]
        assert len({row.rpartition(" (")[0] for row in rows}) == len(rows)
    assert all("checkpoint CAMMSR-1.pth" in [t.get_text() for t in d.texts] for d in drawn)


def test_means_by_category_are_those_of_a_loop():
    view = made_up_view()
    table = catalogue.weights_by_category(view)
    assert table.rows == ("all items", "x", "y")
    assert table.counts == (6, 4, 1)
    text_of_x = [view.weights[item, 1] for item in (1, 2, 4)]  # item 3 lacks it
    assert table.means[1] == pytest.approx([view.weights[1:5, 0].mean(), np.mean(text_of_x)])


def test_confusion_counts_true_against_predicted():
    table = catalogue.confusion(made_up_view())
    assert table.rows == ("x", "y")
    assert table.columns == ("x", "y", "others")
    assert table.means.tolist() == [[0.5, 0.25, 0.25], [0.0, 1.0, 0.0]]


def test_confusion_of_several_labels_shares_a_miss_among_the_wrong_ones():
    view = made_up_view()
    true = np.zeros((2, 3), dtype=bool)
    true[1, :2] = True
    predicted = np.array([[0, 0, 0], [0.9, 0.1, 0.5]])
    several = ItemView(**{**view.__dict__, "true": true, "predicted": predicted})
    table = catalogue.confusion(several)
    assert table.rows == ("x", "y")
    assert table.means.tolist() == [[1.0, 0.0, 0.0], [0.0, 0.0, 1.0]]


def test_a_label_that_is_missed_counts_once_however_many_guesses_are_wrong():
    """Item 1 has two labels and two wrong guesses, item 2 one label, which is found."""
    view = dataclasses.replace(
        made_up_view(),
        labels=("w", "x", "y", "z"),
        true=np.array([[0, 0, 0, 0], [1, 1, 0, 0], [1, 0, 0, 0]], dtype=bool),
        predicted=np.array([[0, 0, 0, 0], [0.1, 0.2, 0.9, 0.8], [0.9, 0.1, 0.2, 0.3]]),
    )
    table = catalogue.confusion(view)
    assert table.rows == ("w", "x")
    assert table.counts == (2, 1)
    assert table.columns == ("w", "x", "others")
    assert table.means.tolist() == [[0.5, 0.0, 0.5], [0.0, 0.0, 1.0]]


def test_a_category_whose_items_all_lack_a_modality_has_no_mean_of_it():
    view = made_up_view()
    present = view.present.copy()
    present[5, 1] = False  # the one item of y
    lacking = dataclasses.replace(view, present=present)
    table = catalogue.weights_by_category(lacking)
    assert np.isnan(table.means).tolist() == [[False, False], [False, False], [False, True]]
    assert catalogue.mechanism(lacking)["weight_by_category"]["y"]["text"] is None
    present = present.copy()
    present[:, 1] = False
    nowhere = catalogue.mechanism(dataclasses.replace(view, present=present))
    assert nowhere["weight_mean"]["text"] is None
    assert nowhere["weight_deviation"]["text"] is None


def test_means_leave_the_padding_out_and_figures_have_every_category():
    count = 30
    rng = np.random.default_rng(2)
    attention = rng.dirichlet((1, 1), size=count + 1)
    weights = rng.uniform(0.5, 1.5, (count + 1, 2))
    view = dataclasses.replace(
        made_up_view(),
        labels=tuple(f"label {n}" for n in range(count)),
        true=np.vstack([np.zeros(count, dtype=bool), np.eye(count, dtype=bool)]),
        predicted=None,
        weights=weights,
        present=np.ones((count + 1, 2), dtype=bool),
        attention=attention,
        usable=np.ones((count + 1, 2), dtype=bool),
        items=np.zeros((count + 1, 4)),
    )
    table = catalogue.attention_by_category(view, most=3)
    assert table.rows == ("all items", "label 0", "label 1", "label 2")
    assert table.means == pytest.approx(np.vstack([attention[1:].mean(axis=0), attention[1:4]]))
    found = catalogue.mechanism(view)
    for name, values in (("weight_by_category", weights), ("attention_by_category", attention)):
        rows = found[name]
        assert len(rows) == 1 + count
        assert list(rows["all items"].values())[1:] == pytest.approx(values[1:].mean(axis=0))
        assert list(rows["label 29"].values())[1:] == pytest.approx(values[30])


def test_mechanism_figures_are_the_formulas():
    found = catalogue.mechanism(made_up_view())
    view = made_up_view()
    assert found["weight_deviation"]["ID"] == pytest.approx(view.weights[1:, 0].std())
    present = view.weights[[1, 2, 4, 5, 6], 1]
    assert found["weight_deviation"]["text"] == pytest.approx(present.std())
    assert found["attention"] == pytest.approx({"a": 0.75, "b": 0.25})
    assert found["attention_entropy"] == pytest.approx(1.0)  # of the items with a choice
    assert found["category_accuracy"] == pytest.approx(3 / 5)
    assert found["most_frequent_label"] == pytest.approx(4 / 5)
    by_category = found["weight_by_category"]
    assert list(by_category) == ["all items", "x", "y"]
    assert by_category["y"] == {"items": 1, "ID": view.weights[5, 0], "text": view.weights[5, 1]}
    assert found["attention_by_category"]["x"] == {"items": 4, "a": 7 / 8, "b": 1 / 8}


def test_entropy_counts_usable_experts_that_get_no_attention_at_all():
    """A sharp softmax gives exact zeros, which say nothing about what can be used."""
    usable = [[1, 1, 1], [1, 0, 0], [1, 1, 1], [1, 1, 0], [1, 1, 1], [1, 0, 1], [1, 1, 1]]
    shares = [[1, 0, 0], [1, 0, 0], [1, 0, 0], [0.5, 0.5, 0], [0.5, 0.5, 0], [0, 0, 1], [1, 1, 1]]
    attention = np.array(shares, dtype=float)
    attention /= attention.sum(axis=1, keepdims=True)
    view = dataclasses.replace(
        made_up_view(),
        expert_names=("a", "b", "c"),
        usable=np.array(usable, dtype=bool),
        attention=attention,
    )
    expected = []
    for item in range(1, 7):
        experts = [k for k in range(3) if usable[item][k]]
        if len(experts) > 1:
            terms = [attention[item][k] for k in experts if attention[item][k] > 0]
            entropy = -sum(share * math.log(share) for share in terms)
            expected.append(entropy / math.log(len(experts)))
    assert expected == pytest.approx([0, 1, math.log(2) / math.log(3), 0, 1])
    found = catalogue.mechanism(view)["attention_entropy"]
    assert found == pytest.approx(sum(expected) / len(expected))
    alone = dataclasses.replace(view, usable=np.eye(3, dtype=bool)[[0] * 7])
    assert "attention_entropy" not in catalogue.mechanism(alone)


def test_a_mean_of_nothing_is_none_in_json():
    table = ByCategory(("all items",), (2,), ("ID", "text"), np.array([[1.5, np.nan]]))
    assert table.to_json() == {"all items": {"items": 2, "ID": 1.5, "text": None}}


def test_the_plane_keeps_as_much_variance_as_can_be():
    rng = np.random.default_rng(1)
    vectors = rng.normal(size=(50, 6)) * [5, 3, 1, 1, 0.5, 0.1]
    places, shares = catalogue.plane(vectors)
    values = np.linalg.eigvalsh(np.cov(vectors.T))[::-1]
    assert places.var(axis=0, ddof=1) == pytest.approx(values[:2])
    assert shares == pytest.approx(values[:2] / values.sum())
