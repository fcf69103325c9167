"""Python literals that stand in data; none of them is run as code."""

from __future__ import annotations

import ast
import io
import re
import tokenize
import warnings

# a quote, blanks, a quote: numpy prints arrays of texts without commas, and Python would join them
_NO_COMMA = re.compile(r"""['"]\s+['"]""")


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


def lacks_comma(text: str) -> bool:
    """Whether two texts of a list stand side by side, which Python would join.

    Args:
        text: a list that can be read.
    """
    if not _NO_COMMA.search(text):
        return False
    tokens = tokenize.generate_tokens(io.StringIO(text).readline)
    kinds = [token.type for token in tokens if token.type != tokenize.NL]
    return (tokenize.STRING, tokenize.STRING) in zip(kinds, kinds[1:])
