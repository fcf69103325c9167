"""Atomic files read as text, with every line that RecBole's reader would stumble over."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from recbole_cammsr.data.atomic_header import BYTE_ORDER_MARK, header_of
from recbole_cammsr.data.missing_cells import MISSING_CELLS
from recbole_cammsr.data.quoted_cells import cells_of

from .finding import Section, some


@dataclass(frozen=True)
class AtomicTable:
    """An atomic file.

    Attributes:
        path: The file.
        types: Field name to its type, in the order of the header.
        cells: Field name to its ``n`` cells as text.
        rows: The number ``n`` of rows.
    """

    path: Path
    types: dict[str, str]
    cells: dict[str, pd.Series]
    rows: int


def read_atomic_table(path: Path, section: Section) -> AtomicTable | None:
    """Read an atomic file; what is wrong with it becomes findings.

    Args:
        path: The file, tab-separated with a header of ``name:type``.
        section: Receives the findings.

    Returns:
        The table, or None where it cannot be read.
    """
    try:
        first, odd_lines, quoted, rows = _scan(path)
        header = header_of(first, "\t", path.name)
        if quoted:
            odd_lines, rows = _scan_quoted(path, len(header.columns))
    except UnicodeDecodeError as error:
        section.error(f"{path.name}: not UTF-8 ({error.reason} at byte {error.start}): convert it")
        return None
    except ValueError as error:  # a quote that is not closed
        section.error(str(error))
        return None
    if first.startswith(BYTE_ORDER_MARK):
        section.error(f"{path.name}: begins with a byte order mark: save it as UTF-8 without one")
        return None
    try:
        header.check(separator_hint="")
    except ValueError as error:
        section.error(str(error))
        return None
    if odd_lines:
        section.error(
            f"{path.name}: {len(odd_lines):,} lines do not have the {len(header.columns)} cells of "
            f"the header, e.g. line {odd_lines[0]}: write one tab between cells"
            + (", and close every double quote that begins a cell" if quoted else "")
        )
        return None
    if quoted:
        section.note(
            f"{path.name}: {len(quoted):,} lines have cells in double quotes, e.g. line "
            f"{quoted[0]}; they are read without them"
        )
    if rows == 0:
        section.error(f"{path.name}: the file has a header but no row")
        return None
    quoting = csv.QUOTE_MINIMAL if quoted else csv.QUOTE_NONE
    frame = pd.read_csv(
        path, sep="\t", dtype=str, keep_default_na=False, quoting=quoting, encoding="utf-8"
    )
    types = header.types
    frame.columns = list(types)
    return AtomicTable(path, types, {name: frame[name] for name in types}, len(frame))


def check_tokens(table: AtomicTable, field: str, section: Section) -> None:
    """Look for ids that do not survive RecBole's reader.

    Args:
        table: The file.
        field: A field of type ``token``.
        section: Receives the findings.
    """
    distinct = pd.unique(table.cells[field])
    empty = int((table.cells[field] == "").sum())
    if empty:
        section.error(f"{table.path.name}: field {field} is empty in {empty:,} rows: drop them")
    odd = sorted(
        token for token in distinct if token and (token in MISSING_CELLS or token != token.strip())
    )
    if odd:
        section.error(
            f"{table.path.name}: field {field} has {len(odd):,} tokens that are read as missing or "
            f"have blanks around them, e.g. {some(odd)}: rename them"
        )


def numbers(table: AtomicTable, field: str, section: Section) -> np.ndarray | None:
    """Read a ``float`` field.

    Args:
        table: The file.
        field: Its name.
        section: Receives the findings.

    Returns:
        Finite float64 values (n,), or None where some cell is no finite number.
    """
    values = pd.to_numeric(table.cells[field], errors="coerce").to_numpy(dtype=np.float64)
    bad = np.flatnonzero(~np.isfinite(values))
    if len(bad):
        section.error(
            f"{table.path.name}: field {field} is no finite number in {len(bad):,} rows, e.g. "
            f"{table.cells[field].iloc[bad[0]]!r} in line {bad[0] + 2}"
        )
        return None
    return values


def _scan(path: Path) -> tuple[str, list[int], list[int], int]:
    """Return the first line, numbers of lines with another number of cells, quoted lines, rows."""
    odd: list[int] = []
    quoted: list[int] = []
    rows = 0
    with path.open(encoding="utf-8", newline="\n") as file:
        first = file.readline()
        tabs = first.count("\t")
        for number, line in enumerate(file, start=2):
            if line in ("\n", "\r\n"):
                continue
            rows += 1
            if line.count("\t") != tabs or "\r" in line[:-2]:
                odd.append(number)
            if line[0] == '"' or '\t"' in line:
                quoted.append(number)
    return first, odd, quoted, rows


def _scan_quoted(path: Path, cells: int) -> tuple[list[int], int]:
    """The same of a file with quoted cells: numbers of odd lines, and rows."""
    with path.open(encoding="utf-8") as file:
        file.readline()
        found = [(number, len(row)) for number, row in cells_of(path.name, file, "\t", first=2)]
    return [number for number, count in found if count != cells], len(found)
