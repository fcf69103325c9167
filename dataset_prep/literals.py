"""Values written as JSON or as Python literals; none of them is run as code."""

from __future__ import annotations

import ast
import json
import warnings


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


def python_literal(text: str) -> object:
    """Read a Python literal, as ``repr`` writes lists and dictionaries.

    Args:
        text: One value.

    Returns:
        The value.

    Raises:
        ValueError: If it is no literal, or nested too deeply.
    """
    try:
        with warnings.catch_warnings():
            # A backslash in a text that is no list after all is nothing to tell the user.
            warnings.simplefilter("ignore")
            value: object = ast.literal_eval(text)
    except (SyntaxError, TypeError, RecursionError, MemoryError) as error:
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
