"""Lists that stand in the cells of text tables, as data frames write them."""

from __future__ import annotations

from typing import Any

from recbole_cammsr.data.literals import lacks_comma

from .literals import json_or_literal


def list_in_cell(value: Any) -> Any:
    """Read a list that is written as text; a title such as ``[1984]`` stays a text.

    Args:
        value: Any value.

    Returns:
        The list, where the value is the JSON or the Python literal of a list without numbers; else
        the value itself.
    """
    if not isinstance(value, str):
        return value
    text = value.strip()
    if not (text.startswith("[") and text.endswith("]")):
        return value
    try:
        found = json_or_literal(text)
    except ValueError:
        return value
    return found if _is_list_of_texts(found) and not lacks_comma(text) else value


def _is_list_of_texts(value: object) -> bool:
    """Whether a value is a list, of any depth, of texts, objects and nothing else."""
    return isinstance(value, list) and all(
        part is None or isinstance(part, (str, dict)) or _is_list_of_texts(part) for part in value
    )
