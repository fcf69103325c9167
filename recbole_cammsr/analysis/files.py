"""Files that are either complete or absent."""

from __future__ import annotations

import hashlib
import io
import json
import re
import zipfile
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.lib import format as npy

from recbole_cammsr.data.mapped_pages import release_pages
from recbole_cammsr.run.atomic_write import atomic_open

#: characters of a name that stay readable; file systems allow some 255 bytes
_LONGEST = 100
#: of features that are in memory at a time
_BLOCK_BYTES = 1 << 22


def stem(text: str) -> str:
    """A file name without extension, another one for every text.

    Args:
        text: such as a user's token; kept as it is where a file may be called so everywhere.

    Returns:
        ASCII letters, digits, ``_``, ``-`` and ``.``; a digest of the text where it had others.
    """
    plain = re.sub(r"[^A-Za-z0-9_.-]+", "_", text)[:_LONGEST]
    if plain == text:
        return plain
    digest = hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:8]
    return f"{plain.strip('_')}-{digest}".lstrip("-")


def write_bytes(path: Path, content: bytes) -> None:
    """Write beside the final name, flush to disk, rename; folders are made.

    Args:
        path: the final file.
        content: all of it.

    Raises:
        OSError: the system refused, as on a full disk; its ``filename`` is set.
    """
    with atomic_open(path) as file:
        file.write(content)


def write_text(path: Path, content: str) -> None:
    """Write UTF-8 text, complete or not at all."""
    write_bytes(path, content.encode("utf-8"))


def write_json(path: Path, content: Any) -> None:
    """Write JSON with a stable layout, complete or not at all."""
    write_text(path, json.dumps(content, indent=1, ensure_ascii=False) + "\n")


def write_arrays(path: Path, arrays: Mapping[str, np.ndarray]) -> None:
    """Write an ``.npz`` that ``np.load(allow_pickle=False)`` reads, complete or not at all.

    Raises:
        ValueError: an array has dtype object, which only pickle could store.
    """
    for name, array in arrays.items():
        if array.dtype == object:
            raise ValueError(f"array {name!r} for {path} has dtype object; use a plain dtype.")
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **arrays)  # type: ignore[arg-type]
    write_bytes(path, buffer.getvalue())


def write_features(path: Path, tokens: np.ndarray, values: np.ndarray, kept: np.ndarray) -> None:
    """Write some rows of features to an ``.npz``, complete or not at all.

    Not compressed, so that it can be memory-mapped as the original; and block by block, so that a
    mapped original is not read into memory.

    Args:
        path: the final file.
        tokens: ``(n,)`` of the items.
        values: ``(n, d)``, an array or a memory map.
        kept: ``(n,)`` bool, the rows to be written.

    Raises:
        OSError: the system refused, as on a full disk.
    """
    shape = (int(kept.sum()), *values.shape[1:])
    header = {"descr": npy.dtype_to_descr(values.dtype), "fortran_order": False, "shape": shape}
    size = max(1, _BLOCK_BYTES * len(values) // max(values.nbytes, 1))
    with atomic_open(path) as file, zipfile.ZipFile(file, "w") as archive:
        with archive.open("item_id.npy", "w", force_zip64=True) as member:
            npy.write_array(member, tokens[kept], allow_pickle=False)
        with archive.open("feature.npy", "w", force_zip64=True) as member:
            npy.write_array_header_1_0(member, header)
            for start in range(0, len(values), size):
                block = slice(start, start + size)
                member.write(values[block][kept[block]].tobytes())
                release_pages(values)


def write_csv(path: Path, rows: Iterable[Mapping[str, Any]], columns: Sequence[str]) -> None:
    """Write rows as CSV with exactly these columns; floats keep all their digits."""
    frame = pd.DataFrame(list(rows), columns=list(columns))
    write_text(path, frame.to_csv(index=False, lineterminator="\n"))


def read_csv(path: Path, columns: Sequence[str], writer: str) -> pd.DataFrame:
    """Read rows as text, with at least these columns.

    Args:
        path: the file.
        columns: what it must have.
        writer: the program that writes such files, for what is said of one that is not.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: the file is no CSV, or lacks a column.
    """
    if not path.is_file():
        raise FileNotFoundError(f"{path} is no file; name what {writer} has written")
    try:
        rows = pd.read_csv(path, dtype=str)
    except (pd.errors.EmptyDataError, pd.errors.ParserError, UnicodeDecodeError) as error:
        reason = str(error).strip()
        raise ValueError(f"{path} is not what {writer} writes: {reason}") from error
    missing = [column for column in columns if column not in rows]
    if missing:
        raise ValueError(f"{path} lacks the columns {missing}; {writer} writes them")
    return rows


def numbers(rows: pd.DataFrame, columns: Sequence[str], path: Path) -> pd.DataFrame:
    """Columns of text as numbers.

    Args:
        rows: of :func:`read_csv`.
        columns: those that hold numbers.
        path: the file that the rows are from.

    Raises:
        ValueError: a cell is empty, a word, or no finite number.
    """
    parsed = rows[list(columns)].apply(pd.to_numeric, errors="coerce").astype(float)
    wrong = rows[~np.isfinite(parsed).all(axis=1)]
    if len(wrong):
        raise ValueError(f"{path} has no number in a column of {wrong.iloc[0].tolist()}")
    return parsed
