"""Fast reading of a regular atomic file, with the very values of RecBole's reading.

``recbole.data.dataset.Dataset._load_feat`` reads with the Python engine of pandas: a Python object
for every cell and over an hour of nothing else at hundreds of millions of cells. A file in which
every line has the header's number of fields, nothing is quoted and lines end in one way means the
same to the C engine, which reads it in chunks and makes one string a distinct token. Any other
file is left to RecBole.
"""

from __future__ import annotations

import codecs
from collections.abc import Sequence

import numpy as np
import pandas as pd

# bytes that are checked, and rows that are read, at a time
_BLOCK_BYTES = 1 << 24
_CHUNK_ROWS = 1_000_000

# beyond it RecBole's reading rounds whole numbers by another rule than numbers with a fraction
_EXACT_INTEGERS = 2.0**53


def read_regular_file(
    path: str,
    separator: str,
    encoding: str | None,
    header: Sequence[str],
    tokens: Sequence[str],
    numbers: Sequence[str],
) -> pd.DataFrame | None:
    """Read some columns of an atomic file, if it is regular.

    Args:
        path: the file.
        separator: between fields.
        encoding: of the file; None is UTF-8.
        header: all fields of the first line.
        tokens: those to read as text.
        numbers: those to read as float64.

    Returns:
        The columns in the file's order, named as in the header; text is of dtype object, missing
        cells are NaN. None where RecBole's own reading may mean something else or refuse.
    """
    wanted = [*tokens, *numbers]
    if (
        len(separator) != 1
        or separator in " \"'\r\n"
        or not separator.isascii()
        or codecs.lookup(encoding or "utf-8").name != "utf-8"
        or len(set(header)) < len(header)
        or not wanted
        or not _is_regular(path, separator, len(header))
    ):
        return None
    dtypes = {**dict.fromkeys(tokens, object), **dict.fromkeys(numbers, np.float64)}
    parts: dict[str, list[np.ndarray]] = {field: [] for field in header if field in dtypes}
    texts: dict[str, dict[str, str]] = {field: {} for field in tokens}
    try:
        with pd.read_csv(
            path,
            sep=separator,
            usecols=wanted,
            dtype=dtypes,
            encoding=encoding,
            engine="c",
            float_precision="high",  # the conversion that the Python engine uses
            quoting=3,
            skip_blank_lines=False,
            low_memory=False,
            chunksize=_CHUNK_ROWS,
        ) as reader:
            for chunk in reader:
                for field, so_far in parts.items():
                    values = chunk[field].to_numpy()
                    if field in texts:
                        values = _share_strings(values, texts[field])
                    elif bool((np.abs(values) >= _EXACT_INTEGERS).any()):
                        return None
                    so_far.append(values)
    except (ValueError, OverflowError):
        return None
    if not parts[wanted[0]]:
        return None
    columns = {}
    for field in list(parts):
        values = np.concatenate(parts.pop(field))
        columns[field] = pd.Series(values, dtype=values.dtype, copy=False)
    return pd.DataFrame(columns, copy=False)


def _share_strings(values: np.ndarray, known: dict[str, str]) -> np.ndarray:
    """The same column with one string object a distinct token, over all chunks."""
    codes, distinct = pd.factorize(values)
    # the last place is for missing cells, whose code is -1
    shared = np.empty(len(distinct) + 1, dtype=object)
    shared[:-1] = [known.setdefault(text, text) for text in distinct]
    shared[-1] = np.nan
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
