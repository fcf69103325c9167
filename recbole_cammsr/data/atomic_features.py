"""Item features in RecBole's atomic files."""

from __future__ import annotations

import codecs

import numpy as np
import pandas as pd

from recbole_cammsr.data.atomic_header import header_of
from recbole_cammsr.data.text_encoding import other_encoding


def read_atomic_features(
    path: str,
    item_field: str,
    field_separator: str,
    sequence_separator: str,
    encoding: str,
) -> tuple[np.ndarray, np.ndarray]:
    """Read the tokens and the one ``float_seq`` column of an atomic file.

    Args:
        path: of the file.
        item_field: name of the token column.
        field_separator: between columns.
        sequence_separator: between the values of a feature.
        encoding: of the file; UTF-8 with or without a byte order mark.

    Returns:
        Tokens, unicode array of shape ``(n,)``, and ``(n, d)`` float32.

    Raises:
        ValueError: the content is not what the format promises.
    """
    try:
        frame, vectors = _read_table(path, item_field, field_separator, encoding)
    except UnicodeDecodeError as error:
        raise ValueError(f"feature file {other_encoding(path, encoding, error)}") from error
    cells = frame[vectors].tolist()
    try:
        separator = sequence_separator.strip() or None  # None: any white space, as ever
        rows = [np.array(cell.split(separator), dtype=np.float32) for cell in cells]
    except ValueError as error:
        raise ValueError(
            f"feature file {path}: column `{vectors}` has a value that is not a number ({error})."
        ) from error
    tokens = frame[item_field].to_numpy(dtype=str)
    if len({len(row) for row in rows}) > 1:
        usual = len(rows[0])
        odd = next(i for i, row in enumerate(rows) if len(row) != usual)
        raise ValueError(
            f"feature file {path}: item {str(tokens[odd])!r} has {len(rows[odd])} values and the "
            f"first item {usual}; every item needs the same dimension."
        )
    values = np.stack(rows) if rows else np.empty((0, 0), dtype=np.float32)
    return tokens, values


def _read_table(
    path: str, item_field: str, field_separator: str, encoding: str
) -> tuple[pd.DataFrame, str]:
    """All cells as text, and the name of the column of features."""
    if codecs.lookup(encoding).name == "utf-8":
        encoding = "utf-8-sig"
    with open(path, encoding=encoding) as handle:
        header = header_of(handle.readline(), field_separator, f"feature file {path}")
    header.check_names()
    columns = header.columns
    types = header.types  # hardly any in a file of another kind, which is told what it must have
    vectors = [name for name, kind in types.items() if kind == "float_seq"]
    if item_field not in types or len(vectors) != 1:
        raise ValueError(
            f"feature file {path} has the header {list(columns[:4])}; as an atomic file it must "
            f"have `{item_field}:token` and one `float_seq` column, separated by "
            f"{field_separator!r} (`field_separator`)."
        )
    # quoted cells as RecBole reads them
    frame = pd.read_csv(
        path, sep=field_separator, dtype=str, keep_default_na=False, encoding=encoding
    )
    if not isinstance(frame.index, pd.RangeIndex):  # pandas takes the first cells for row names
        raise ValueError(
            f"feature file {path}: its lines have more cells than the {len(columns)} of the "
            f"header; give every column a name."
        )
    frame.columns = header.names
    broken = frame.apply(lambda column: column.str.contains("[\\r\\n]").any())
    if broken.any():
        raise ValueError(
            f"feature file {path}: column `{frame.columns[broken][0]}` has a cell of several "
            "lines, so a double quote is not closed where it should be; take double quotes out."
        )
    return frame, vectors[0]
