"""Lists of values on the command line: what a sweep tries, shares of damage."""

from __future__ import annotations

from typing import Any

from recbole_cammsr.run.setting_text import value, with_quoted_words


def read_sweep(text: str) -> tuple[str, list[Any]]:
    """``swap_weight=0.05,0.1`` as name and values; ``modalities=[text,image],[text]`` has two.

    Args:
        text: of the option.

    Returns:
        Name of the setting, and its values as RecBole reads them.

    Raises:
        ValueError: not of this form, or a bracket does not close.
    """
    name, _, rest = text.partition("=")
    words = [part.strip() for part in _apart(rest) if part.strip()]
    if not name.strip() or not words:
        raise ValueError(f"a sweep is written name=value,value, not {text!r}")
    return name.strip(), [value(with_quoted_words(word)) for word in words]


def read_shares(text: str, option: str, *, all_of_it: bool = True) -> list[float]:
    """``0,0.05,0.1`` as numbers.

    Args:
        text: of the option.
        option: its name, for the message.
        all_of_it: whether a share may be 1.

    Raises:
        ValueError: not numbers from 0 to 1.
    """
    try:
        shares = [float(part) for part in text.split(",") if part.strip()]
    except ValueError:
        shares = []
    if not shares or not all(0 <= share <= 1 for share in shares):
        raise ValueError(f"{option} takes shares from 0 to 1, such as 0,0.1,0.2, not {text!r}")
    if 1 in shares and not all_of_it:
        raise ValueError(
            f"{option} takes shares below 1, not {text!r}: something must be left; to leave out "
            f"all of it, take the modality out of `modalities`"
        )
    return shares


def _apart(text: str) -> list[str]:
    """Cut at the commas that stand in no bracket: a value may be a list."""
    parts, depth = [""], 0
    for letter in text:
        depth += (letter in "[({") - (letter in "])}")
        if depth < 0:
            break
        if letter == "," and not depth:
            parts.append("")
        else:
            parts[-1] += letter
    if depth:
        raise ValueError(f"the brackets of the sweep's values {text!r} do not close")
    return parts
