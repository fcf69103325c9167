"""Lists that stand in the cells of text tables, as data frames and RecBole write them."""

from __future__ import annotations

from typing import Any

from recbole_cammsr.data.literals import lacks_comma
from recbole_cammsr.data.quoted_cells import labels_in

from .category_labels import SEPARATOR
from .literals import json_or_literal


def list_in_cell(value: Any, numbers: bool = False) -> Any:
    """Read a list that is written as text; a title such as ``[1984]`` stays a text.

    Args:
        value: Any value.
        numbers: Whether a list may hold numbers, as those of categories do.

    Returns:
        The list, where the value is the JSON or the Python literal of a list without numbers, or
        with them if they may be; else the value itself.
    """
    if not isinstance(value, str):
        return value
    text = value.strip()
    if not (text.startswith("[") and text.endswith("]")):
        return value
    try:
        found = json_or_literal(text)
    except ValueError:
        return value
    kinds = (str, dict, int, float) if numbers else (str, dict)
    return found if _is_list_of(kinds, found) and not lacks_comma(text) else value


def words_in_sequence(cell: str) -> list[str]:
    """Read the words of a ``token_seq`` cell, as the models of this package do.

    Args:
        cell: Words separated by blanks, or Python strings separated by commas, as in the data sets
            that RecBole's authors have prepared.

    Returns:
        The words.
    """
    return labels_in(cell.strip(), True, " ")


def paths_in_sequence(cell: str) -> list[list[str]]:
    """Read the labels of a ``token_seq`` cell as paths.

    This package writes a path as the label of each of its levels, ``Beauty Beauty>Nails``. A label
    that continues no other one of the cell is a level of its own, whatever signs it holds.

    Args:
        cell: See ``words_in_sequence``.

    Returns:
        The levels of each label that no other one continues: ``[["Beauty", "Nails"]]``.
    """
    labels = dict.fromkeys(words_in_sequence(cell))
    levels: dict[str, list[str]] = {}
    continued = set()
    for label in labels:
        parts, end = [], len(label)
        cut = label.rfind(SEPARATOR)
        while cut > 0:
            if label[:cut] in labels:
                parts.append(label[cut + 1 : end])
                continued.add(label[:cut])
                end = cut
            cut = label.rfind(SEPARATOR, 0, cut)
        levels[label] = [label[:end], *reversed(parts)]
    return [path for label, path in levels.items() if label not in continued]


def _is_list_of(kinds: tuple[type, ...], value: object) -> bool:
    """Whether a value is a list, of any depth, of these kinds, nulls and nothing else."""
    return isinstance(value, list) and all(
        part is None or isinstance(part, kinds) or _is_list_of(kinds, part) for part in value
    )
