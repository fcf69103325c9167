"""Fonts for what matplotlib's own font has no characters for: CJK, other scripts, emoji."""

from __future__ import annotations

import logging
import unicodedata
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

#: what systems come with, or install as a package; matplotlib takes each character from the first
#: that has it. Colour emoji fonts are none of these: they hold bitmaps, which it cannot scale
FALLBACKS = (
    *("Noto Sans CJK SC", "Noto Sans CJK JP", "Noto Sans CJK TC", "Noto Sans CJK KR"),
    *("Noto Sans SC", "Noto Sans JP", "Noto Sans TC", "Noto Sans KR"),
    *("Source Han Sans SC", "Source Han Sans CN", "WenQuanYi Micro Hei", "WenQuanYi Zen Hei"),
    *("Droid Sans Fallback", "IPAGothic", "IPAexGothic", "TakaoGothic", "NanumGothic"),
    *("PingFang SC", "PingFang HK", "Hiragino Sans GB", "Hiragino Sans", "Heiti TC"),
    *("Apple SD Gothic Neo", "AppleGothic", "Arial Unicode MS"),
    *("Microsoft YaHei", "SimHei", "SimSun", "Yu Gothic", "Meiryo", "MS Gothic", "Malgun Gothic"),
    *("Noto Sans", "Noto Sans Thai", "Noto Sans Devanagari", "Noto Sans Bengali", "Tahoma"),
    *("Leelawadee UI", "Nirmala UI", "Noto Emoji", "Noto Sans Symbols2", "Segoe UI Emoji"),
    *("Segoe UI Symbol", "Symbola", "FreeSans", "FreeSerif", "Unifont"),
)
_said = False


def families_for(text: str) -> list[str]:
    """Families that together have the characters of a text, as far as fonts are installed.

    Where characters remain, the log says so, once a process: pictures have boxes for them.

    Args:
        text: everything that a picture says.

    Returns:
        Matplotlib's own families, and behind them those that have what they lack.
    """
    from matplotlib import font_manager, rcParams

    families = list(rcParams["font.family"])
    missing = {character for character in text if _is_drawn(character)}
    for family in families:
        missing -= _characters(family)
    installed = {entry.name for entry in font_manager.fontManager.ttflist} if missing else set()
    for family in (*FALLBACKS, *_families_to_install(missing)):
        if family in installed and missing & (has := _characters(family)):
            families.append(family)
            missing -= has
    if missing:
        _say(missing)
    return families


@contextmanager
def without_warnings() -> Iterator[None]:
    """Keep matplotlib's warnings of missing characters, one each, off the terminal."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", r"Glyph \d+ .* missing from")
        warnings.filterwarnings("ignore", r"Matplotlib currently does not support \w+ natively")
        yield


def _characters(family: str) -> set[str]:
    from matplotlib import font_manager

    path = font_manager.findfont(font_manager.FontProperties(family=[family]))
    return set(map(chr, font_manager.get_font(path).get_charmap()))


def _is_drawn(character: str) -> bool:
    """Whether a character has a shape; variation selectors stand behind emoji and have none."""
    if character.isspace() or "\ufe00" <= character <= "\ufe0f":
        return False
    return unicodedata.category(character) not in ("Cc", "Cf")


def _say(missing: set[str]) -> None:
    global _said
    if _said:
        return
    _said = True
    examples = " ".join(sorted(missing)[:5])
    families = ", ".join(_families_to_install(missing)[:4])
    logging.getLogger(__name__).warning(
        f"pictures show boxes for characters that no installed font has, such as {examples}; "
        f"install one that has them{families and f', e.g. {families}'}"
    )


def _families_to_install(missing: set[str]) -> list[str]:
    """Free fonts that have the scripts of some characters; Noto's are named by the script."""
    families: dict[str, None] = {}
    for character in sorted(missing):
        script = unicodedata.name(character, "").split(" ")[0].title()
        if script in ("Cjk", "Hiragana", "Katakana", "Hangul"):
            families["Noto Sans CJK"] = None
        elif unicodedata.category(character) == "So":
            families["Noto Emoji"] = None
        elif unicodedata.category(character)[0] in "LM" and script:
            families[f"Noto Sans {script}"] = None
    return list(families)
