"""Values written as JSON or as Python literals."""

from __future__ import annotations

import json

from recbole_cammsr.data.literals import python_literal


def json_value(text: str) -> object:
    """Read JSON.

    Args:
        text: One value.

    Returns:
        The value.

    Raises:
        ValueError: If it is no JSON, or nested too deeply.
    """
    try:
        value: object = json.loads(text)
    except RecursionError as error:
        raise ValueError(str(error)) from error
    return value


def json_or_literal(text: str) -> object:
    """Read JSON, or else a Python list or dictionary.

    Args:
        text: One value.

    Returns:
        The value.

    Raises:
        ValueError: If it is neither.
    """
    try:
        return json_value(text)
    except ValueError:
        stripped = text.strip()
        if (stripped[:1], stripped[-1:]) not in (("{", "}"), ("[", "]")):
            raise
        return python_literal(stripped)
