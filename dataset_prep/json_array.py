"""JSON files that hold one array where one object a line is wanted."""

from __future__ import annotations

import os
import re

# The first line of an array of objects, written in one line or in many.
_ARRAY = re.compile(r"\s*\[\s*(\{|$)")


def refuse_json_array(path: str | os.PathLike[str], first_line: str) -> None:
    """Refuse an array of objects, which would be read as lines that are all damaged.

    Args:
        path: The file.
        first_line: Its first line that is not blank.

    Raises:
        ValueError: If the line begins an array of objects.
    """
    if _ARRAY.match(first_line):
        raise ValueError(
            f"{path}: is a JSON array; write one object a line, e.g. with `jq -c '.[]'`"
        )
