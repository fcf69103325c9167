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
