"""Python literals that stand in data; none of them is run as code."""

from __future__ import annotations

import ast
import warnings


def python_literal(text: str) -> object:
    """Read a Python literal, as ``repr`` writes lists and dictionaries.

    Args:
        text: one value.

    Returns:
        The value.

    Raises:
        ValueError: it is no literal, or nested too deeply.
    """
    try:
        with warnings.catch_warnings():
            # a backslash in a text that is no literal after all is nothing to tell the user
            warnings.simplefilter("ignore")
            value: object = ast.literal_eval(text)
    except (SyntaxError, TypeError, RecursionError, MemoryError) as error:
        raise ValueError(str(error)) from error
    return value
