"""Item categories from the `.item` atomic file, aligned by token like the features.

Read on their own rather than through RecBole's item features: RecBole adds every item of the
`.item` file to the vocabulary and joins its columns to every batch.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from recbole_cammsr.data.atomic_header import header_of
from recbole_cammsr.data.missing_cells import MISSING_CELLS
from recbole_cammsr.data.quoted_cells import cells_of, labels_in
from recbole_cammsr.data.text_encoding import other_encoding

#: labels for each labelled item from which on they are names of items rather than of kinds
NEARLY_NAMES = 0.5

_ESCAPE = "set `category_weight: 0` to run without category guidance"


@dataclass(frozen=True)
class CategoryTable:
    """Category labels per item id.

    Attributes:
        field: column of the `.item` file.
        labels: label names, index = class number.
        targets: ``(n_items, C)`` bool, which labels an item has; row 0 (padding) has none.
        digest: of label names and targets.
    """

    field: str
    labels: tuple[str, ...]
    targets: torch.Tensor
    digest: str

    @property
    def multi_label(self) -> bool:
        """Whether any item has more than one label (binary instead of categorical task)."""
        return bool((self.targets.sum(dim=1) > 1).any())

    @property
    def covered(self) -> int:
        """Number of items with at least one label."""
        return int(self.targets.any(dim=1).sum())

    def report(self) -> str:
        """One line for the log."""
        items = len(self.targets) - 1
        kind = "several labels per item" if self.multi_label else "one label per item"
        return (
            f"categories: field {self.field}, {len(self.labels)} labels, {kind}, "
            f"{self.covered}/{items} items labelled ({100 * self.covered / max(items, 1):.1f}%)"
        )

    def doubts(self) -> list[str]:
        """Sentences about labels that hardly guide anything, for the log."""
        if len(self.labels) == 1:
            return [
                f"category_field {self.field!r} has the one label {self.labels[0]!r}, so there is "
                f"nothing to predict; name another column or {_ESCAPE}"
            ]
        if len(self.labels) > NEARLY_NAMES * self.covered:
            return [
                f"category_field {self.field!r} has {len(self.labels)} labels for {self.covered} "
                f"labelled items, more like names of items than kinds of them, and the category "
                f"task costs items x labels; name another column or {_ESCAPE}"
            ]
        return []


def categories_of(
    config: Any, folder: str, field: str, token_to_id: Mapping[str, int]
) -> CategoryTable:
    """:func:`read_categories` of the `.item` file that a data set's settings describe.

    Args:
        config: RecBole's Config.
        folder: of the data set's files.
        field: name of the category column.
        token_to_id: the data set's ``field2token_id`` of the item field.
    """
    return read_categories(
        os.path.join(folder, f"{config['dataset']}.item"),
        field,
        config["ITEM_ID_FIELD"],
        token_to_id,
        field_separator=config["field_separator"],
        sequence_separator=config["seq_separator"],
        encoding=config["encoding"] or "utf-8",
    )


def read_categories(
    path: str,
    field: str,
    item_field: str,
    token_to_id: Mapping[str, int],
    field_separator: str = "\t",
    sequence_separator: str = " ",
    encoding: str = "utf-8",
) -> CategoryTable:
    """Read one column of an `.item` file as category labels.

    Args:
        path: the `.item` file.
        field: name of the category column, of type ``token`` or ``token_seq``.
        item_field: name of the item column.
        token_to_id: the data set's ``field2token_id`` of the item field, id 0 being padding.
        field_separator: between columns.
        sequence_separator: between the labels of a ``token_seq``, but for cells that are Python
            strings (:func:`~recbole_cammsr.data.quoted_cells.python_strings`).
        encoding: of the file.

    Returns:
        Labels and targets; labels are those that items of the data set have, sorted.

    Raises:
        FileNotFoundError: no such file.
        ValueError: the column is absent or of another type, a column or an item stands twice, a
            line has more or fewer cells than the first, a quote is left open, or no item of the
            data set has a label.
    """
    if not os.path.isfile(path):
        raise FileNotFoundError(
            f"item file {path} does not exist, so there is no `category_field` {field!r}; write "
            f"the file or {_ESCAPE}."
        )
    try:
        rows, several = _read_columns(path, field, item_field, field_separator, encoding)
    except UnicodeDecodeError as error:
        raise ValueError(other_encoding(path, encoding, error)) from error

    seen: set[int] = set()
    items: list[int] = []
    names: list[str] = []
    for token, cell in rows:
        item = token_to_id.get(token, 0)
        if item == 0:
            continue
        if item in seen:
            raise ValueError(
                f"item file {path} names item {token!r} twice; keep one line per item."
            )
        seen.add(item)
        cell = cell.strip()
        if cell in MISSING_CELLS:
            continue
        for name in labels_in(cell, several, sequence_separator):
            items.append(item)
            names.append(name)
    if not names:
        raise ValueError(
            f"item file {path}: no item of the data set has a value in {field!r}; name another "
            f"`category_field` or {_ESCAPE}."
        )
    # an array of names would give every one of them the room of the longest
    labels = sorted(set(names))
    number = {label: index for index, label in enumerate(labels)}
    targets = torch.zeros((len(token_to_id), len(labels)), dtype=torch.bool)
    targets[torch.tensor(items), torch.tensor([number[name] for name in names])] = True
    digest = hashlib.blake2b(digest_size=16)
    digest.update("\n".join(labels).encode())
    digest.update(np.packbits(targets.numpy()).tobytes())
    return CategoryTable(field, tuple(labels), targets, digest.hexdigest())


def _read_columns(
    path: str, field: str, item_field: str, separator: str, encoding: str
) -> tuple[list[tuple[str, str]], bool]:
    """Item and label(s) of every line, and whether a cell holds several labels."""
    with open(path, encoding=encoding) as handle:
        header = header_of(handle.readline(), separator, f"item file {path}")
        header.check_names()
        types = header.types  # of no interest here is whether other columns have one
        untyped = [
            name for name in (item_field, field) if name in header.names and name not in types
        ]
        if untyped:
            raise ValueError(
                f"item file {path}: its first line names {', '.join(map(repr, untyped))} without a "
                f"type; write `{item_field}:token` and `{field}:token` (`{field}:token_seq` where "
                f"items have several), or {_ESCAPE}."
            )
        if field not in types or item_field not in types:
            raise ValueError(
                f"item file {path} has the fields {list(types)} but not {field!r} as "
                f"`category_field` and {item_field!r}; name the right one or {_ESCAPE}."
            )
        if types[field] not in ("token", "token_seq"):
            raise ValueError(
                f"item file {path}: category field {field!r} has type {types[field]!r}; it must "
                f"be `token` or `token_seq`, or {_ESCAPE}."
            )
        names = header.names
        item_column, label_column = names.index(item_field), names.index(field)
        rows = []
        for number, cells in cells_of(path, handle, separator, first=2):
            if len(cells) == len(names):
                rows.append((cells[item_column], cells[label_column]))
            elif any(cell.strip() for cell in cells):
                # a title with a separator in it would move the label to another column
                raise ValueError(
                    f"item file {path}: line {number} has {len(cells)} cells where the first line "
                    f"has {len(names)}; take separators, line breaks and double quotes out of its "
                    "texts."
                )
    return rows, types[field] == "token_seq"
