"""Fast reading of a regular atomic file, with the very values of RecBole's reading.

``recbole.data.dataset.Dataset._load_feat`` reads with the Python engine of pandas, which makes an
object of every cell. A file in which every line has the header's number of fields, nothing is
quoted and lines end in one way means the same to the C engine, which reads it in chunks. One
string a distinct token is kept, so that memory grows with the vocabulary.
"""

from __future__ import annotations

import codecs
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from recbole_cammsr.data.atomic_header import read_header

# bytes that are checked, and rows that are read, at a time
_BLOCK_BYTES = 1 << 24
_CHUNK_ROWS = 1_000_000

# beyond it the Python engine rounds whole numbers by another rule than numbers with a fraction
_EXACT_INTEGERS = 2.0**53


def read_regular_table(
    path: str, separator: Any, encoding: str | None, kinds: Mapping[str, type]
) -> pd.DataFrame | None:
    """Read some columns of an atomic file, if it is regular.

    Args:
        path: the file.
        separator: between fields.
        encoding: of the file; None is UTF-8.
        kinds: wanted columns as the header names them (``field:type``), ``str`` or ``np.float64``.

    Returns:
        The columns in the file's order. Text is of dtype object; missing cells are NaN, or empty
        text in sequence columns. None where the Python engine may mean something else or refuse.
    """
    if not _is_plain(separator) or codecs.lookup(encoding or "utf-8").name != "utf-8":
        return None
    header = read_header(path, separator, "utf-8").columns
    if len(set(header)) < len(header) or not set(kinds) <= set(header) or not kinds:
        return None
    if not _is_regular(path, separator, len(header)):
        return None
    parts: dict[str, list[np.ndarray]] = {field: [] for field in header if field in kinds}
    texts: dict[str, dict[str, str]] = {field: {} for field in parts if kinds[field] is str}
    options: dict[str, Any] = {
        "sep": separator,
        "usecols": list(kinds),
        "dtype": {field: object if field in texts else kinds[field] for field in kinds},
        "encoding": encoding,
        "engine": "c",
        "quoting": 3,
        "skip_blank_lines": False,
        "low_memory": False,
        "chunksize": _CHUNK_ROWS,
    }
    try:
        with pd.read_csv(path, **options) as reader:
            for chunk in reader:
                for field, so_far in parts.items():
                    values = chunk[field].to_numpy()
                    if field in texts:
                        missing = "" if field.endswith("_seq") else np.nan
                        values = _share_strings(values, texts[field], missing)
                    elif bool((np.abs(values) >= _EXACT_INTEGERS).any()):
                        return None
                    so_far.append(values)
    except (ValueError, OverflowError):
        return None
    if not next(iter(parts.values())):
        return None
    columns = {}
    for field in list(parts):
        values = np.concatenate(parts.pop(field))
        columns[field] = pd.Series(values, dtype=values.dtype, copy=False)
    return pd.DataFrame(columns, copy=False)


def _is_plain(separator: Any) -> bool:
    """Whether a separator is one character that both engines take literally."""
    is_one = isinstance(separator, str) and len(separator) == 1
    return is_one and separator.isascii() and separator not in " \"'\r\n"


def _share_strings(values: np.ndarray, known: dict[str, str], missing: Any) -> np.ndarray:
    """The same column with one string object a distinct token, over all chunks."""
    codes, distinct = pd.factorize(values)
    # the last place is for missing cells, whose code is -1
    shared = np.empty(len(distinct) + 1, dtype=object)
    shared[:-1] = [known.setdefault(text, text) for text in distinct]
    shared[-1] = missing
    return shared[codes]


def _is_regular(path: str, separator: str, fields: int) -> bool:
    """Whether every line has ``fields`` fields, none is quoted, and no line ends in a lone CR.

    A single column is never regular: an empty line could be a missing cell.
    """
    if fields < 2:
        return False
    own, newline = ord(separator), ord("\n")
    seen = 0  # separators and line ends so far
    last = b""
    with open(path, "rb") as handle:
        while block := handle.read(_BLOCK_BYTES):
            if block.endswith(b"\r"):
                block += handle.read(1)
            if b'"' in block or b"\0" in block or block.count(b"\r") != block.count(b"\r\n"):
                return False
            codes = np.frombuffer(block, dtype=np.uint8)
            marks = codes[(codes == own) | (codes == newline)]
            ends_line = np.arange(seen, seen + len(marks)) % fields == fields - 1
            if not np.array_equal(marks == newline, ends_line):
                return False
            seen += len(marks)
            last = block
    # the last line may lack its line end
    return seen > fields and (seen % fields == 0) == last.endswith(b"\n")
