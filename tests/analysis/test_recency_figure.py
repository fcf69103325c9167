"""How far back attention looks: shares and halves against closed forms."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from recbole_cammsr.analysis import recency_figure
from recbole_cammsr.model.encoder import HistoryEncoder


def encoder(position_encoding):
    return HistoryEncoder(
        dimension=8,
        max_length=20,
        layers=2,
        intervals=0,
        hidden_dropout=0.0,
        norm="layernorm",
        heads=2,
        inner=8,
        attention_dropout=0.0,
        activation="gelu",
        position_encoding=position_encoding,
        position_slope=float(np.log(2)),
    )


def test_shares_halve_with_distance_where_a_step_costs_log_two():
    shares = recency_figure.attention_by_distance(encoder("relative"))
    assert shares.shape == (2, 2, 20)
    expected = 0.5 ** np.arange(20)
    assert shares[0, 0] == pytest.approx(expected / expected.sum())
    # the second head starts with a quarter of the slope
    expected = 0.5 ** (np.arange(20) / 4)
    assert shares[1, 1] == pytest.approx(expected / expected.sum())
    assert recency_figure.items_of_half(shares).tolist() == [[1, 4]] * 2


def test_half_of_flat_attention_is_half_of_the_items():
    flat = encoder("relative")
    with torch.no_grad():
        for block in flat.blocks:
            block.recency.by_distance.zero_()
    shares = recency_figure.attention_by_distance(flat)
    assert recency_figure.items_of_half(shares).tolist() == [[10, 10]] * 2


def test_position_vectors_have_no_distances():
    assert recency_figure.attention_by_distance(encoder("absolute")) is None


@pytest.mark.parametrize("blocks", [1, 2, 4])
@pytest.mark.parametrize("name", ["CAMMSR on toy", "CAMMSR on amazon_industrial_and_scientific"])
def test_the_title_fits_into_the_picture(tmp_path, monkeypatch, blocks, name):
    pytest.importorskip("matplotlib")
    from recbole_cammsr.analysis import figure

    drawn = []
    monkeypatch.setattr(figure, "save", lambda drawing, path: drawn.append(drawing))
    recency_figure.draw(
        np.full((blocks, 2, 10), 0.1), name, "saved/CAMMSR-1.pth", tmp_path / "recency.png"
    )
    (drawing,) = drawn
    drawing.canvas.draw()
    (title,) = [text for text in drawing.texts if "how far back" in text.get_text()]
    box = title.get_window_extent()
    assert box.x0 >= 0
    assert box.x1 <= drawing.bbox.width
    assert box.y1 <= drawing.bbox.height
    assert title.get_text().replace("\n", " ").startswith(f"{name}: how far back attention looks")
    assert title.get_text().endswith("relevant")
    assert "checkpoint CAMMSR-1.pth" in [text.get_text() for text in drawing.texts]
