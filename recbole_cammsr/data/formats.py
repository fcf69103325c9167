"""Readers of item feature files: every format ends as tokens plus one row of values per token.

Formats (docs/data.md, "Feature files"):

========================  ======================================================================
``x.npz``                 arrays ``item_id`` (unicode) and ``feature``; the default of dataset_prep;
                          memory-mapped unless compressed
``x.npy`` + ``x.ids``     rows and one token a line; memory-mapped
``x.npy`` / ``x.pt``      rows with an item map given by ``ids`` (HM4SR, MMRec)
``x.feat1CLS`` ...        headerless float32 rows with ``item2index`` given by ``ids`` (UniSRec);
                          memory-mapped
anything else             RecBole atomic file with ``item_id:token`` and one ``float_seq`` column
========================  ======================================================================

Nothing is unpickled: ``.npz``/``.npy`` are read with ``allow_pickle=False`` and ``.pt`` with
``weights_only=True``.
"""

from __future__ import annotations

import os
import re
import zipfile
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from recbole_cammsr.data.atomic_features import read_atomic_features
from recbole_cammsr.data.item_map import as_tokens, is_list, read_item_map
from recbole_cammsr.data.npz_member import map_npz_member
from recbole_cammsr.data.plain_rows import first_line, load_rows, pickled_error

#: what readers raise on files that are cut off, ragged or of another format
_UNREADABLE = (
    OSError,
    EOFError,
    zipfile.BadZipFile,
    UnicodeDecodeError,
    pd.errors.ParserError,
)


class RawFeatures(NamedTuple):
    """A feature file as it stands on disk.

    Attributes:
        path: file the values came from.
        tokens: item tokens, unicode array of shape ``(n,)``, in the order of the rows.
        values: float array or memory map of shape ``(n, d)``.
    """

    path: str
    tokens: np.ndarray
    values: np.ndarray


class FeatureFile(NamedTuple):
    """Where a modality's features are.

    Attributes:
        path: the file with the values.
        ids: file that maps rows to tokens, or ``row`` where the token *is* the row number;
            None where the format carries its tokens or has them in ``<stem>.ids``.
        offset: row number of the item whose number is 0 (1 where row 0 is padding).
    """

    path: str
    ids: str | None = None
    offset: int = 0


def features_of(config: Any, file: FeatureFile) -> RawFeatures:
    """:func:`read_features` as a data set's settings describe its files.

    Args:
        config: RecBole's Config.
        file: path and, for row-aligned formats, the item map.
    """
    return read_features(
        file,
        config["ITEM_ID_FIELD"],
        config["field_separator"],
        config["seq_separator"],
        config["encoding"] or "utf-8",
    )


def read_features(
    file: FeatureFile,
    item_field: str = "item_id",
    field_separator: str = "\t",
    sequence_separator: str = " ",
    encoding: str = "utf-8",
) -> RawFeatures:
    """Read a feature file of any supported format.

    Args:
        file: path and, for row-aligned formats, the item map.
        item_field: name of the token column of an atomic file.
        field_separator: between the columns of an atomic file.
        sequence_separator: between the values of a feature in an atomic file.
        encoding: of an atomic file.

    Returns:
        Tokens and values, not yet validated against a data set.

    Raises:
        FileNotFoundError: the file or its item map does not exist.
        ValueError: the content is not what the format promises, or the format has its tokens and
            an item map or an offset is given too.
    """
    path = file.path
    if not os.path.isfile(path):
        raise FileNotFoundError(
            f"feature file {path} does not exist; name the right file in `modality_files` or take "
            f"its modality out of `modalities`."
        )
    extension = os.path.splitext(path)[1].lower()
    row_aligned = extension in (".npy", ".pt", ".pth") or bool(re.search(r"\.feat\w*$", path))
    if not row_aligned and (file.ids is not None or file.offset):
        raise ValueError(
            f"feature file {path} has the tokens of its items, and `modality_files` gives it "
            f"`{'offset' if file.ids is None else 'ids'}` too, which is for rows without tokens "
            f"(.npy, .pt, .feat1CLS); leave that out."
        )
    try:
        if extension == ".npz":
            return _read_npz(path)
        if row_aligned:
            return _read_row_aligned(file, extension)
        separators = field_separator, sequence_separator
        return RawFeatures(path, *read_atomic_features(path, item_field, *separators, encoding))
    except (FileNotFoundError, PermissionError):
        raise  # the item map is absent, in a sentence of its own; the system names what it refuses
    except _UNREADABLE as error:
        raise ValueError(
            f"feature file {path} cannot be read ({first_line(error)}); it is truncated or not in "
            f"the format that its name says: write it again."
        ) from error


def _read_npz(path: str) -> RawFeatures:
    with open(path, "rb") as file:  # of a path that may not be opened it would say no, too
        is_archive = zipfile.is_zipfile(file)
    if not is_archive:
        raise ValueError(
            f"feature file {path} is no .npz archive; it is cut off, or something else under that "
            f"name (a Git LFS pointer, a web page): write or fetch it again."
        )
    with np.load(path, allow_pickle=False) as archive:
        missing = [name for name in ("item_id", "feature") if name not in archive.files]
        if missing:
            raise ValueError(
                f"feature file {path} has arrays {sorted(archive.files)} but not {missing}; write "
                "it with `np.savez(path, item_id=tokens, feature=values)`."
            )
        arrays = {}
        for name in ("item_id", "feature"):
            try:
                mapped = map_npz_member(path, name) if name == "feature" else None
                arrays[name] = archive[name] if mapped is None else mapped
            except ValueError as error:
                if "allow_pickle" in str(error):
                    raise pickled_error(path, f"array `{name}`") from error
                raise ValueError(
                    f"feature file {path}: array `{name}` cannot be read ({first_line(error)}); "
                    f"write the file again."
                ) from error
    return RawFeatures(
        path, as_tokens(arrays["item_id"], f"feature file {path}: `item_id`"), arrays["feature"]
    )


def _read_row_aligned(file: FeatureFile, extension: str) -> RawFeatures:
    path = file.path
    ids_path = file.ids or os.path.splitext(path)[0] + ".ids"
    row_of_token: Mapping[str, int] | None = None
    if ids_path != "row":
        if not os.path.isfile(ids_path):
            raise FileNotFoundError(
                f"feature file {path} has rows without tokens and its item map {ids_path} does not "
                f"exist; give `modality_files: {{<modality>: {{file: ..., ids: <map file or "
                "row>}}`."
            )
        row_of_token = read_item_map(ids_path)

    values = load_rows(path, extension, row_of_token)
    if values.ndim != 2:
        raise ValueError(
            f"feature file {path} has shape {values.shape}; it must be two-dimensional, one row "
            "per item."
        )
    if row_of_token is None:
        tokens = np.arange(len(values) - file.offset).astype(str)
        return RawFeatures(path, tokens, values[file.offset :])

    if is_list(ids_path) and len(row_of_token) + file.offset != len(values):
        # shifted by a row of padding, every item would get its neighbour's features
        raise ValueError(
            f"item map {ids_path} lists {len(row_of_token)} items and {path} has {len(values)} "
            f"rows, with `offset` {file.offset}; a list names every row in order: use the one that "
            "was made with this file, and `offset: 1` where row 0 is padding."
        )
    rows = np.fromiter(row_of_token.values(), dtype=np.int64, count=len(row_of_token)) + file.offset
    all_but_last = len(rows) == len(values) - 1 and np.array_equal(
        np.sort(rows), np.arange(len(rows))
    )
    if all_but_last and not values[0].any():
        first = str(list(row_of_token)[int(rows.argmin())])
        raise ValueError(
            f"item map {ids_path} gives item {first!r} row 0 of {path}, which is all zero, and no "
            f"item its last row, {len(values) - 1}: row 0 is padding, it seems; set `offset: 1`, "
            "or leave the last row out of the file."
        )
    outside = (rows < 0) | (rows >= len(values))
    tokens = np.array(list(row_of_token), dtype=str)
    if outside.any():
        first = str(tokens[outside][0])
        raise ValueError(
            f"item map {ids_path} names row {rows[outside][0]} for item {first!r}, "
            f"but {path} has {len(values)} rows; use the map that was made with this file."
        )
    by_row = np.argsort(rows, kind="stable")
    rows, tokens = rows[by_row], tokens[by_row]
    if len(rows) and np.array_equal(rows, np.arange(rows[0], rows[0] + len(rows))):
        return RawFeatures(path, tokens, values[rows[0] : rows[-1] + 1])  # no copy of the file
    return RawFeatures(path, tokens, values[rows])
