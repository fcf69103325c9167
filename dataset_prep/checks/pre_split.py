"""Checks of pre-split data: one interaction file a part, whose rows bring their histories."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

import numpy as np
import pandas as pd

from recbole_cammsr.data.missing_cells import MISSING_CELLS

from .atomic_table import AtomicTable, check_tokens, read_atomic_table
from .distribution import power_bars, spread
from .finding import Section
from .interactions import FieldNames, Interactions
from .split_steps import PartRows, check_split

#: RecBole's suffix of the field that a row's history stands in
_LIST = "_list"
# Histories that are cut into tokens in one go.
_BLOCK = 1 << 16


@dataclass(frozen=True)
class PreSplit:
    """A data set whose split was made outside.

    Attributes:
        folder: Where its files are.
        name: Its name.
        parts: Names of training, validation and test, as `benchmark_filename` has them.
    """

    folder: Path
    name: str
    parts: tuple[str, ...]

    def file(self, part: str) -> Path:
        """The interaction file of a part."""
        return self.folder / f"{self.name}.{part}.inter"


def check_pre_split(
    data: PreSplit, fields: FieldNames, begin: Callable[[str], object] = lambda what: None
) -> tuple[list[Section], Interactions | None]:
    """Check the interaction files of all parts, and the parts against each other.

    Args:
        data: The data set.
        fields: Names of the user and item fields.
        begin: Called with the name of each file before it is read.

    Returns:
        A section for each file and, where all are sound, one on the split; and the items that are
        asked for, or None where some file is not sound enough to read them.
    """
    sections, tables = [], []
    for part in data.parts:
        begin(data.file(part).name)
        section, table = _check_part(data.file(part), fields)
        sections.append(section)
        tables.append(table)
    sound = [table for table in tables if table is not None]
    if len(sound) < len(tables):
        return sections, None
    # One numbering for all parts.
    users: dict[str, int] = {}
    items: dict[str, int] = {}
    parts = [_numbered(table, fields, users, items) for table in sound]
    sections.append(check_split(dict(zip(data.parts, parts)), len(items)))
    targets = np.concatenate([part.targets for part in parts])
    return sections, Interactions(np.array(list(items)), targets)


def _check_part(path: Path, fields: FieldNames) -> tuple[Section, AtomicTable | None]:
    """Check one file by itself; the table is None where its rows cannot be used."""
    section = Section(f"interactions: {path.name}")
    if not path.is_file():
        section.error(
            f"{path.name}: no such file; name the parts that there are with --parts, training, "
            "validation and test"
        )
        return section, None
    table = read_atomic_table(path, section)
    if table is None:
        return section, None
    history = fields.item + _LIST
    for field, kind in {fields.user: "token", fields.item: "token", history: "token_seq"}.items():
        if table.types.get(field) != kind:
            section.error(
                f"{path.name}: no field {field}:{kind}; the header has "
                f"{', '.join(f'{n}:{t}' for n, t in table.types.items())}: name the fields with "
                "--user-field and --item-field, or write the file with them"
            )
    if any(finding.level == "error" for finding in section.findings):
        return section, None
    for field in (fields.user, fields.item):
        check_tokens(table, field, section)
    lengths = _lengths(table.cells[history])
    empty = int((lengths == 0).sum())
    if empty:
        section.error(
            f"{path.name}: {empty:,} rows have no item in {history}, e.g. that of "
            f"{table.cells[fields.user][lengths == 0].iloc[0]!r}: leave them out, for there is "
            "nothing to predict from"
        )
        return section, None
    section.fact("rows", table.rows)
    section.fact("users", int(table.cells[fields.user].nunique()))
    section.fact("items asked for", int(table.cells[fields.item].nunique()))
    section.fact("history length", spread(lengths))
    section.figures.append(power_bars(f"rows of {path.name} by history length", lengths))
    columns = [table.cells[field] for field in (fields.user, fields.item, history)]
    same = int(pd.concat(columns, axis=1).duplicated().sum())
    if same:
        section.warning(
            f"{path.name}: {same:,} rows stand more than once with the same user, history and "
            "item: drop the repeats"
        )
    return section, table


def _items_of(cell: str) -> list[str]:
    """Items of a history as RecBole reads them: a cell spelled like a missing value has none."""
    return [] if cell in MISSING_CELLS else [token for token in cell.split(" ") if token]


def _lengths(cells: Sequence[str] | pd.Series) -> np.ndarray:
    return np.fromiter((len(_items_of(cell)) for cell in cells), np.int64, len(cells))


def _numbered(
    table: AtomicTable, fields: FieldNames, users: dict[str, int], items: dict[str, int]
) -> PartRows:
    """Rows in numbers; the dictionaries receive tokens that are new, in order of appearance."""
    histories = table.cells[fields.item + _LIST].to_numpy()
    blocks = (histories[start : start + _BLOCK] for start in range(0, len(histories), _BLOCK))
    flat = [_numbers(list(chain.from_iterable(map(_items_of, each))), items) for each in blocks]
    return PartRows(
        users=_numbers(table.cells[fields.user].to_list(), users),
        targets=_numbers(table.cells[fields.item].to_list(), items),
        items=np.concatenate(flat),
        lengths=_lengths(histories),
    )


def _numbers(tokens: list[str], known: dict[str, int]) -> np.ndarray:
    return np.fromiter((known.setdefault(x, len(known)) for x in tokens), np.int64, len(tokens))
