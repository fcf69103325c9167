"""Pictures of results: what is drawn where."""

from __future__ import annotations

import pytest

from recbole_cammsr.analysis.summary import Cell

matplotlib = pytest.importorskip("matplotlib")


def test_values_stand_in_order_whichever_model_has_them(tmp_path, monkeypatch):
    from recbole_cammsr.analysis import figure, result_figures

    drawn = []
    monkeypatch.setattr(figure, "save", lambda drawing, path: drawn.append(drawing))
    series = {
        "a failed run": {0.0: Cell.of([0.3]), 0.5: Cell.of([0.1])},
        "all": {value: Cell.of([mean]) for value, mean in ((0.5, 0.4), (0.2, 0.5), (0.0, 0.6))},
        "words": {"none": Cell.of([0.2]), 10.0: Cell.of([0.7])},
    }
    result_figures.curves(series, {}, "title", "share", "NDCG@10", tmp_path / "curve.png")
    (panel,) = drawn[0].axes
    ticks = [label.get_text() for label in panel.get_xticklabels()]
    assert ticks == ["0.0", "0.2", "0.5", "10.0", "none"]
    lines = [part.lines[0] for part in panel.containers]
    points = [(line.get_xdata().tolist(), line.get_ydata().tolist()) for line in lines]
    assert points == [([0, 2], [0.3, 0.1]), ([0, 1, 2], [0.6, 0.5, 0.4]), ([3, 4], [0.7, 0.2])]


@pytest.mark.parametrize(
    ("values", "places", "label"),
    [
        ([0.0, 0.05, 0.5], [0.0, 0.05, 0.5], "share"),
        ([0.001, 0.01, 0.1], [-3, -2, -1], "share (logarithmic scale)"),
        ([1.0, float("inf")], [0, 1], "share"),
        ([0.0, 1e-5, 1e-4, 1e-3], [0, 1, 2, 3], "share (values placed evenly)"),
        ([-0.5, 0.0, 0.5], [-0.5, 0.0, 0.5], "share"),
    ],
)
def test_numbers_stand_to_scale(tmp_path, monkeypatch, values, places, label):
    from recbole_cammsr.analysis import figure, result_figures

    drawn = []
    monkeypatch.setattr(figure, "save", lambda drawing, path: drawn.append(drawing))
    series = {"CAMMSR": {value: Cell.of([0.5]) for value in values}}
    result_figures.curves(series, {}, "title", "share", "NDCG@10", tmp_path / "curve.png")
    (panel,) = drawn[0].axes
    assert panel.containers[0].lines[0].get_xdata() == pytest.approx(places)
    assert panel.get_xticks() == pytest.approx(places)
    assert [text.get_text() for text in panel.get_xticklabels()] == [str(value) for value in values]
    assert panel.get_xlabel() == label


@pytest.mark.parametrize(
    ("values", "says"),
    [((0.5, 0.7, 0.6), ["points: means of 3 seeds, bars: standard deviations"]), ((0.5,), [])],
)
def test_a_curve_says_what_its_bars_are(tmp_path, monkeypatch, values, says):
    from recbole_cammsr.analysis import figure, result_figures

    drawn = []
    monkeypatch.setattr(figure, "save", lambda drawing, path: drawn.append(drawing))
    series = {"CAMMSR": {value: Cell.of(values) for value in (0.1, 0.2)}}
    result_figures.curves(series, {}, "title", "share", "NDCG@10", tmp_path / "curve.png")
    assert [text.get_text() for text in drawn[0].texts] == says


def test_ticks_do_not_cover_each_other(tmp_path, monkeypatch):
    from recbole_cammsr.analysis import figure, result_figures

    drawn = []
    monkeypatch.setattr(figure, "save", lambda drawing, path: drawn.append(drawing))
    series = {"CAMMSR": {value: Cell.of([0.5]) for value in (0.0, 0.01, 0.9)}}
    result_figures.curves(series, {}, "title", "share", "NDCG@10", tmp_path / "curve.png")
    assert drawn[0].axes[0].get_xticks().tolist() == [0.0, 0.9]


def test_lines_of_groups_are_told_apart_and_none_is_covered(tmp_path, monkeypatch):
    from recbole_cammsr.analysis import figure, result_figures

    drawn = []
    monkeypatch.setattr(figure, "save", lambda drawing, path: drawn.append(drawing))
    labels = [f"row {number}" for number in range(10)]
    rows = [
        {"dataset": "toy", "model": label, "breakdown": kind, "group": group}
        | {"test_rows": 3, "metric": "ndcg@10", "value": 0.0}
        for label in labels
        for kind in ("history length", "category")
        for group in ("a", "b")
    ]
    result_figures.breakdowns(rows, "ndcg@10", "row 0", tmp_path / "breakdown.png")
    lines, words = drawn[0].axes
    looks = {(one.get_color(), one.get_marker(), one.get_linestyle()) for one in lines.get_lines()}
    assert len(looks) == 10
    assert not any(one.get_clip_on() for one in lines.get_lines())
    assert {one.get_linestyle() for one in words.get_lines()} == {"None"}
    assert lines.get_legend() is None
    assert [text.get_text() for text in words.get_legend().get_texts()] == labels
    drawn[0].draw_without_rendering()
    right = words.get_window_extent().x1
    assert words.get_legend().get_window_extent().x0 >= right


def test_categories_that_begin_alike_have_ticks_that_differ(tmp_path, monkeypatch):
    from recbole_cammsr.analysis import figure, result_figures

    drawn = []
    monkeypatch.setattr(figure, "save", lambda drawing, path: drawn.append(drawing))
    names = [f"Hair Care Products for {who}" for who in ("Women", "Men")]
    rows = [
        {"dataset": "toy", "model": "ours", "breakdown": "category", "group": name}
        | {"test_rows": 3, "metric": "ndcg@10", "value": 0.1}
        for name in names
    ]
    result_figures.breakdowns(rows, "ndcg@10", "ours", tmp_path / "breakdown.png")
    ticks = [label.get_text() for label in drawn[0].axes[0].get_yticklabels()]
    assert [tick.endswith(f"{who} (3)") for tick, who in zip(ticks, ("Women", "Men"))] == [True] * 2
    assert drawn[0].axes[0].get_title().endswith("item to be found (test rows)")
    rows = [{**rows[0], "group": f"category {number}"} for number in range(20)]
    result_figures.breakdowns(rows, "ndcg@10", "ours", tmp_path / "breakdown.png")
    assert drawn[1].axes[0].get_title().endswith("(the 12 most frequent of 20, test rows)")
