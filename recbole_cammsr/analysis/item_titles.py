"""What to call an item: a title from the `.item` file where there is one, else its token."""

from __future__ import annotations

import os
import unicodedata

from recbole_cammsr.data.atomic_header import read_header
from recbole_cammsr.data.quoted_cells import cells_of
from recbole_cammsr.data.text_encoding import other_encoding

#: columns that hold a title, in order of preference
TITLE_FIELDS = ("title", "item_title", "movie_title", "product_title", "item_name", "name")


def read_titles(
    path: str,
    item_field: str,
    title_field: str | None = None,
    separator: str = "\t",
    encoding: str = "utf-8",
    required: bool = True,
) -> dict[str, str]:
    """Titles by item token.

    Args:
        path: the `.item` file; it may be absent unless ``title_field`` is given.
        item_field: name of the token column.
        title_field: column with the titles; None takes the first of :data:`TITLE_FIELDS`.
        separator: between columns.
        encoding: of the file.
        required: whether ``title_field`` must exist; else a file without it is read as with None.

    Returns:
        Token to printable title; empty where the file names no column of titles. Items without a
        title are left out.

    Raises:
        ValueError: the given column does not exist; names those that do. Or the file is in another
            encoding.
    """
    names: list[str] = []
    if os.path.isfile(path):
        names = read_header(path, separator, encoding).names
    if not required and not {title_field, item_field} <= set(names):
        title_field = None
    field = title_field or next((name for name in TITLE_FIELDS if name in names), None)
    if field is None or (title_field is None and item_field not in names):
        return {}
    if field not in names or item_field not in names:
        raise ValueError(
            f"item file {path} has no field {field!r} for titles; its fields are "
            f"{', '.join(names) or 'none'}"
        )
    token, title = names.index(item_field), names.index(field)
    try:
        with open(path, encoding=encoding) as file:
            rows = [row for _, row in cells_of(path, file, separator)][1:]
    except UnicodeDecodeError as error:
        raise ValueError(other_encoding(path, encoding, error)) from error
    whole = (row for row in rows if len(row) == len(names))
    titles = {row[token]: printable(row[title]) for row in whole}
    return {token: title for token, title in titles.items() if title.strip()}


def printable(text: str) -> str:
    """A text with spaces for control characters: they would act on a terminal, or break a table.

    Args:
        text: from a data set.
    """
    return "".join(" " if unicodedata.category(one) == "Cc" else one for one in text)
