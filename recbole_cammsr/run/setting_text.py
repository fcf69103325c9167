"""What RecBole makes of the text of a setting, and settings as sentences show them."""

from __future__ import annotations

import ast
import re
from collections.abc import Collection
from typing import Any

_ARITHMETIC = re.compile(r"[\d\s.eE+\-*/()_]+")
#: a list of words without quotes, and what is no word in it
_BARE_WORDS = re.compile(r"\[\s*[^\W\d]\w*(\s*,\s*[^\W\d]\w*)*\s*\]")
_NO_WORDS = frozenset({"True", "False", "None", "inf", "nan"})


def value(text: str) -> Any:
    """What RecBole makes of the text of a setting; arithmetic stays text.

    Args:
        text: of a command line, or of a configuration file.
    """
    try:
        return ast.literal_eval(text)
    except (ValueError, SyntaxError):
        return {"true": True, "false": False}.get(text.lower(), text)


def is_arithmetic(text: str) -> bool:
    """Whether RecBole computes the text of a setting, as in ``5*2``; a number by itself is not."""
    has_digit = any(map(str.isdigit, text))
    return has_digit and _ARITHMETIC.fullmatch(text) is not None and isinstance(value(text), str)


def with_quoted_words(text: str) -> str:
    """``[a,b]`` as ``['a','b']``: RecBole would take the first for one word.

    Args:
        text: of a setting's value; anything else is left as it is.
    """
    words = [word.strip() for word in text.strip()[1:-1].split(",")]
    if not _BARE_WORDS.fullmatch(text.strip()) or _NO_WORDS & set(words):
        return text
    return f"[{','.join(map(repr, words))}]"


def shown(value: Any) -> str:
    """A list as it is typed, without quotes; anything else as it is."""
    return f"[{', '.join(map(str, value))}]" if isinstance(value, (list, tuple)) else str(value)


def compared(before: Any, now: Any, names: Collection[str]) -> str:
    """What settings were and are, as in "n_layers: 2, not 1 and use_id: True, not False".

    Args:
        before: settings by name.
        now: as ``before``.
        names: the settings that differ.
    """
    return " and ".join(f"{name}: {shown(before[name])}, not {shown(now[name])}" for name in names)
