"""Cells of a table, and what they mean: ids, numbers, times, categories and texts."""

from __future__ import annotations

import html
import math
import re
from datetime import date, datetime, timezone
from typing import Any

from .list_cells import list_in_cell, paths_in_sequence

# a cell in quotes, those within it doubled
_QUOTED = re.compile(r'"(?:[^"]|"")*"')


def cells_in_line(line: str, separator: str = "\t") -> list[str]:
    """Split a line of a table whose separator parts cells within quotes as well.

    Data frames put a cell that holds a double quote into quotes and double those within it, and
    RecBole takes them off again; dumps hold bare quotes.

    Args:
        line: The line, without its line break.
        separator: What stands between cells.

    Returns:
        The cells; where the separator is one character, one that as a whole is such a quoted cell
        without its quotes, any other as it stands.
    """
    cells = line.split(separator)
    return [_unquoted(cell) for cell in cells] if '"' in line and len(separator) == 1 else cells


def _unquoted(cell: str) -> str:
    return cell[1:-1].replace('""', '"') if _QUOTED.fullmatch(cell) else cell


def as_id(value: Any) -> str:
    """Spell an id; whole numbers stored as floats, as data frames do, lose their ``.0``.

    Args:
        value: Text, UTF-8 bytes, number or None.

    Returns:
        The id, empty for none and for what names nothing: a truth value, a list or an object.
    """
    if isinstance(value, str):
        return value.strip()
    if value is None or isinstance(value, (bool, list, tuple, dict)):
        return ""
    if isinstance(value, bytes):
        value = value.decode("utf-8", "replace")
    if isinstance(value, float) and not math.isfinite(value):
        return ""
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value).strip()


def as_number(value: Any) -> float | None:
    """Read a number.

    Args:
        value: Number, text or None.

    Returns:
        The number, None for an empty cell.

    Raises:
        ValueError: If the value is no number.
    """
    if value is None or (isinstance(value, str) and not value.strip()):
        return None
    if isinstance(value, str) and "_" in value:  # Python's own spelling of numbers, or a date's
        raise ValueError(f"{value!r:.100} is no number")
    try:
        return float(value)
    except (TypeError, OverflowError) as error:
        raise ValueError(f"{value!r:.100} is no number") from error


def spells_number(cell: str) -> bool:
    """Say whether a text spells a number, which names of columns hardly do.

    Args:
        cell: The text.

    Returns:
        Whether it is one.
    """
    try:
        float(cell)
    except ValueError:
        return False
    return True


def as_seconds(value: Any, units: int = 1) -> float | None:
    """Read a time.

    Args:
        value: A number, its text, an ISO date or date and time (UTC where it names no zone, or says
            so as in ``2020-09-17 13:11:32 UTC``), or a ``datetime``.
        units: Units of numbers in a second, e.g. 1000.

    Returns:
        Seconds since 1970, None for an empty cell.

    Raises:
        ValueError: If the value is none of these.
    """
    if isinstance(value, date):
        moment = value if isinstance(value, datetime) else datetime(*value.timetuple()[:3])
    else:
        try:
            number = as_number(value)
            return None if number is None else number / units
        except ValueError:
            # Python before 3.11 does not read a Z for UTC, and none " UTC" as BigQuery writes it.
            text = str(value).strip().removesuffix(" UTC").replace("Z", "+00:00")
            moment = datetime.fromisoformat(text)
    return (moment if moment.tzinfo else moment.replace(tzinfo=timezone.utc)).timestamp()


def as_category_paths(
    value: Any, separator: str | None = None, several: bool = False
) -> list[list[str]]:
    """Read categories.

    Args:
        value: None, one label, a list of labels (one path), a list of such lists, or the JSON or
            Python literal of a list. Labels are texts or whole numbers, spelled as ids are.
        separator: What stands between the levels of a path given as one text.
        several: Whether a text is a cell of a ``token_seq`` column, which holds labels without an
            order, or paths as this package writes them; a separator goes before.

    Returns:
        The paths.

    Raises:
        ValueError: If the value is none of these.
    """
    value = list_in_cell(value, numbers=True)
    if isinstance(value, str):
        text = value.strip()
        if separator is not None:
            # The signs of an HTML entity, as in "Health &amp; Beauty", separate nothing.
            levels = html.unescape(text).split(html.unescape(separator))
            value = [label.strip() for label in levels if label.strip()]
        elif several and not text.startswith(("['", '["')):
            value = paths_in_sequence(text)
        elif text.startswith("["):
            raise ValueError(f"{text!r:.100} is no list of labels or paths")
        else:
            value = [text] if text else []
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return []
    nested = list(value) if isinstance(value, (list, tuple)) else [value]
    if not any(isinstance(part, (list, tuple)) for part in nested):
        nested = [nested]
    for path in nested:
        if not isinstance(path, (list, tuple)) or not all(map(_is_label, path)):
            raise ValueError(f"{value!r:.100} is no label, path or list of paths")
    return [[x if isinstance(x, str) else as_id(x) for x in path] for path in nested if path]


def _is_label(value: Any) -> bool:
    """Whether a value is a text or a whole number; data frames store some of these as floats."""
    if isinstance(value, float):
        return value.is_integer()
    return isinstance(value, (str, int)) and not isinstance(value, bool)


def as_text(value: Any) -> str | None:
    """Read a text; a list of texts, as some dumps store a description, is joined by blanks.

    Args:
        value: Text, UTF-8 bytes, list of texts, number or None.

    Returns:
        The text, None for none.

    Raises:
        ValueError: If the value is an object, or a list of objects or lists.
    """
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return None
    if isinstance(value, dict) or (
        isinstance(value, (list, tuple))
        and any(isinstance(part, (dict, list, tuple)) for part in value)
    ):
        raise ValueError(f"{value!r:.100} is no text")
    if isinstance(value, (list, tuple)):
        return " ".join(str(part) for part in value if part is not None) or None
    if isinstance(value, bytes):
        value = value.decode("utf-8", "replace")
    return str(value) or None
