"""Items and their fields, from an ``.item`` file, a CSV or TSV table, or JSON lines."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from .category_labels import OTHER, SEPARATOR
from .cells import as_id, cells_in_line
from .feature_file import is_feature_token
from .list_cells import list_in_cell, words_in_sequence
from .table_reader import Record, field, open_text, read_records, read_table, table_suffix

#: names of columns that hold labels; a tagline is a text
LABEL_NAMES = r"^(categor|genre|class)|tags?$"
_LABEL_FIELD = re.compile(LABEL_NAMES, re.IGNORECASE)
_JSON_SUFFIXES = (".jsonl", ".json", ".ndjson")
# Tables that are no text.
_BINARY_SUFFIXES = (".parquet", ".pq", ".feather", ".arrow", ".orc", ".xlsx", ".xls")


@dataclass(frozen=True)
class ItemScan:
    """What a first pass over the items finds.

    Attributes:
        tokens: The items.
        fields: Names of the wanted fields that some item has.
    """

    tokens: frozenset[str]
    fields: tuple[str, ...]


def read_items(
    path: str | os.PathLike[str], item_field: str, fields: Sequence[str]
) -> Iterator[tuple[str, Record]]:
    """Read item tokens and fields, one item at a time.

    Labels of an atomic file's category columns are written as words again: of
    ``"Makeup Makeup>Nails"`` the most specific, ``"Makeup Nails"``.

    Args:
        path: JSON lines (``.jsonl``, ``.json``, ``.ndjson``), else a table with a header
            (``.csv`` with commas, others with tabs); optionally ``.gz``.
        item_field: Name of the item id.
        fields: Names of the fields to read.

    Yields:
        Item token, and the fields that the item has.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If the file cannot be read, or a column or the item id is absent.
    """
    suffix = table_suffix(path)
    if suffix in _BINARY_SUFFIXES:
        raise ValueError(
            f"{path}: items are read from .item, .csv, .tsv and JSON lines (.jsonl, .json, "
            f".ndjson), each optionally .gz, not from {suffix}: write it as one of these"
            + ", or let cammsr-prep table make an .item file of it"
            * (suffix == ".parquet")
        )
    if suffix in _JSON_SUFFIXES:
        for record in read_records(path):
            yield as_id(field(record, item_field, path)), record
        return
    kinds = column_types(path)
    for token, *cells in read_table(path, (item_field, *fields)):
        yield (
            token,
            {
                name: label_words(cell)
                if _LABEL_FIELD.search(name) and kinds.get(name, "").startswith("token")
                # a cell of an atomic file is text, another may spell a list
                else (cell if kinds else list_in_cell(cell))
                for name, cell in zip(fields, cells)
            },
        )


def scan_items(path: str | os.PathLike[str], item_field: str, fields: Sequence[str]) -> ItemScan:
    """Read all items once, so that a wrong field or token is known before hours of encoding.

    Args:
        path: See ``read_items``.
        item_field: Name of the item id.
        fields: Names of the fields to look for.

    Returns:
        The items and the fields found.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If the file cannot be read, is empty, a field is in no item, an item stands
            twice, or its id can be none of a feature file.
    """
    tokens: set[str] = set()
    absent = set(fields)
    for number, (token, record) in enumerate(read_items(path, item_field, fields), start=1):
        if not is_feature_token(token):
            raise ValueError(
                f"{path}, item {number}: its {item_field} is {token!r}, which is empty or has "
                "blanks around it: give it an id, or take it out"
            )
        if token in tokens:
            raise ValueError(f"{path}: item {token!r} occurs twice: keep one row per item")
        tokens.add(token)
        absent = {name for name in absent if name not in record} if absent else absent
    if not tokens:
        raise ValueError(f"{path}: no item in the file")
    if absent:
        raise ValueError(f"{path}: no item has a field {sorted(absent)}: check the names of fields")
    return ItemScan(frozenset(tokens), tuple(fields))


def label_words(cell: str) -> str:
    """Write category labels as words.

    Args:
        cell: Space-separated label tokens such as ``"Skin_Care Skin_Care>Face"``, or Python
            strings, as in RecBole's prepared data sets.

    Returns:
        ``"Skin Care Face"``: labels that another one continues are left out, several that remain
        are separated by commas. The label of rare categories, ``Other``, says nothing and is left
        out.
    """
    labels = words_in_sequence(cell)
    leaves = [
        label
        for label in dict.fromkeys(labels)
        if label != OTHER and not any(other.startswith(label + SEPARATOR) for other in labels)
    ]
    return ", ".join(label.replace(SEPARATOR, " ").replace("_", " ").strip() for label in leaves)


def column_types(path: str | os.PathLike[str]) -> dict[str, str]:
    """Read the types in the header of an atomic file.

    Args:
        path: The file.

    Returns:
        Field name to type; empty for another table.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it is no text.
    """
    if table_suffix(path) in _JSON_SUFFIXES:
        return {}
    with open_text(path) as file:
        header = cells_in_line(file.readline().rstrip("\r\n"))
    return dict(cell.partition(":")[::2] for cell in header if ":" in cell)
