"""Characters that matplotlib's font lacks: taken from another font, or said once."""

from __future__ import annotations

import logging
import warnings

import numpy as np
import pytest

pytest.importorskip("matplotlib")
from matplotlib import font_manager, rcParams

from recbole_cammsr.analysis import figure, fonts

#: of no font that machines of developers have, and of the made-up one
NOWHERE, MADE_UP = "\U000f1234", "\U000f0042"


@pytest.fixture(autouse=True)
def _nothing_said(monkeypatch):
    monkeypatch.setattr(fonts, "_said", False)


@pytest.fixture
def installed(tmp_path, monkeypatch):
    """A font of one character, a filled square, installed under one of the names looked for."""
    builder = pytest.importorskip("fontTools.fontBuilder").FontBuilder(1000)
    from fontTools.pens.ttGlyphPen import TTGlyphPen

    pen = TTGlyphPen(None)
    pen.moveTo((0, 0))
    for corner in ((0, 1000), (1000, 1000), (1000, 0)):
        pen.lineTo(corner)
    pen.closePath()
    names = [".notdef", "square"]
    builder.setupGlyphOrder(names)
    builder.setupCharacterMap({ord(MADE_UP): "square"})
    builder.setupGlyf({".notdef": TTGlyphPen(None).glyph(), "square": pen.glyph()})
    builder.setupHorizontalMetrics(dict.fromkeys(names, (1000, 0)))
    builder.setupHorizontalHeader(ascent=1000, descent=0)
    builder.setupNameTable({"familyName": "Unifont", "styleName": "Regular"})
    builder.setupOS2()
    builder.setupPost()
    builder.save(tmp_path / "made_up.ttf")
    manager = font_manager.fontManager
    monkeypatch.setattr(manager, "ttflist", [e for e in manager.ttflist if e.name != "Unifont"])
    manager.addfont(tmp_path / "made_up.ttf")


def picture(text, path):
    drawing, ((axes,),) = figure.new(1, 1, (4.0, 2.0))
    axes.axis("off")
    axes.text(0.5, 0.5, text, fontsize=30, ha="center", va="center")
    figure.save(drawing, path)
    return pytest.importorskip("PIL.Image").open(path).convert("L")


def test_text_that_matplotlib_has_changes_nothing(caplog):
    own = fonts.families_for("Crème ✓ ≈ ✗ → … “x”")
    assert own == list(rcParams["font.family"])
    assert not caplog.records


def test_missing_characters_are_said_once_and_warned_of_never(tmp_path, caplog):
    with caplog.at_level(logging.WARNING), warnings.catch_warnings():
        warnings.simplefilter("error")
        for number in range(2):
            picture(f"title {NOWHERE}\ufe0f", tmp_path / f"{number}.png")
    (record,) = caplog.records
    assert NOWHERE in record.getMessage()
    assert "\ufe0f" not in record.getMessage()
    assert "install one" in record.getMessage()
    assert "\n" not in record.getMessage()


def test_fonts_are_recommended_by_script(caplog):
    with caplog.at_level(logging.WARNING):
        fonts._say({"त", "न", "漢", "한", "\U0001f525", NOWHERE})
    (record,) = caplog.records
    end = "install one that has them, e.g. Noto Sans Devanagari, Noto Sans CJK, Noto Emoji"
    assert record.getMessage().endswith(end)


def test_a_character_is_drawn_from_an_installed_font(tmp_path, installed, caplog):
    with caplog.at_level(logging.WARNING):
        families = fonts.families_for(f"a{MADE_UP}")
        image = np.asarray(picture(MADE_UP, tmp_path / "one.png"))
    assert families[-1] == "Unifont"
    assert families[:-1] == fonts.families_for("a")
    assert not caplog.records
    dark = np.argwhere(image < 64)
    height, width = dark.max(axis=0) - dark.min(axis=0) + 1
    side = 30 / 72 * 130  # font size in pixels; matplotlib's stand-in has white inside
    assert height == pytest.approx(side, abs=2)
    assert width == pytest.approx(side, abs=2)
    assert len(dark) > 0.95 * height * width
