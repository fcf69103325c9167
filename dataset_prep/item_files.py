"""Names of image files of items."""

from __future__ import annotations

import os
from collections.abc import Iterator

from .item_records import column_types, read_items
from .list_cells import words_in_sequence


def read_files(
    path: str | os.PathLike[str], item_field: str, file_field: str
) -> Iterator[tuple[str, str]]:
    """Read the image file of each item that names one.

    Args:
        path: Items, see ``item_records.read_items``.
        item_field: Name of the item id.
        file_field: Name of the field with the file's name, or with a list whose first one is taken.

    Yields:
        Item token, and the name as the field spells it.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If the file cannot be read, or no item has the field.
    """
    types = column_types(path)
    found = False
    for token, record in read_items(path, item_field, [file_field]):
        found = found or file_field in record
        value = record.get(file_field)
        if isinstance(value, str) and types.get(file_field) == "token_seq":
            value = words_in_sequence(value)
        names = value if isinstance(value, (list, tuple)) else [value]
        name = next((name for name in names if isinstance(name, str) and name.strip()), None)
        if name is not None:
            yield token, name.strip()
    if not found:
        raise ValueError(f"{path}: no item has a field {file_field!r} with names of files")
