"""The feature file ``<dataset>.<modality>.npz``: one row per item token, same bytes every run."""

from __future__ import annotations

import os
import zipfile
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.lib import format as npy_format

from recbole_cammsr.run.atomic_write import atomic_open

# The oldest time a zip member can carry; a fixed one makes two runs byte-identical.
_FIXED_TIME = (1980, 1, 1, 0, 0, 0)


def feature_path(folder: str | os.PathLike[str], dataset: str, modality: str) -> Path:
    """Name the feature file of one modality.

    Args:
        folder: Folder of the data set's atomic files.
        dataset: Data set name, e.g. ``"ml-100k"``.
        modality: Modality name, e.g. ``"text"``.

    Returns:
        ``folder/<dataset>.<modality>.npz``.
    """
    return Path(folder) / f"{dataset}.{modality}.npz"


def is_feature_token(token: str) -> bool:
    """Say whether a feature file can hold an item token.

    Args:
        token: The token.

    Returns:
        False for an empty one, one with blanks around it, and one with a NUL: numpy drops trailing
        NULs of a unicode array, so that it would come back changed.
    """
    return bool(token) and token == token.strip() and "\0" not in token


def write_feature_file(
    path: str | os.PathLike[str],
    item_ids: Sequence[str],
    features: np.ndarray,
    dtype: str = "float32",
    compress: bool = False,
) -> None:
    """Write item tokens and their features, atomically and deterministically.

    Args:
        path: The ``.npz`` file.
        item_ids: ``(n,)`` distinct, non-empty item tokens.
        features: ``(n, d)`` finite features.
        dtype: ``"float16"`` or ``"float32"``.
        compress: Deflate the arrays; the bytes then depend on the zlib version too.

    Raises:
        ValueError: If shapes disagree, tokens are empty or repeat, or a value is not finite.
    """
    if features.ndim != 2 or len(item_ids) != features.shape[0]:
        raise ValueError(
            f"{Path(path).name}: feature must have shape (n, d) with one row per item token, but "
            f"has shape {features.shape} for {len(item_ids)} tokens"
        )
    write_feature_blocks(path, item_ids, [features], features.shape[1], dtype, compress)


def write_feature_blocks(
    path: str | os.PathLike[str],
    item_ids: Sequence[str],
    blocks: Iterable[np.ndarray],
    width: int,
    dtype: str = "float32",
    compress: bool = False,
) -> None:
    """Write item tokens and features that come in blocks, so that they need not fit in memory.

    Args:
        path: The ``.npz`` file; the bytes are those of ``write_feature_file``.
        item_ids: ``(n,)`` distinct, non-empty item tokens.
        blocks: Finite features ``(b, d)``, together ``n`` rows in the order of the tokens.
        width: Number ``d`` of values of a row.
        dtype: ``"float16"`` or ``"float32"``.
        compress: Deflate the arrays; the bytes then depend on the zlib version too.

    Raises:
        ValueError: If shapes disagree, tokens are empty or repeat, or a value is not finite.
    """
    name = Path(path).name
    if dtype not in ("float16", "float32"):
        raise ValueError(f"{name}: dtype must be 'float16' or 'float32', not {dtype!r}")
    tokens = _checked_tokens(name, item_ids, width)
    method = zipfile.ZIP_DEFLATED if compress else zipfile.ZIP_STORED
    kind = np.dtype(dtype).newbyteorder("<")
    with atomic_open(path) as file, zipfile.ZipFile(file, "w", method) as archive:
        with _member(archive, "item_id", method, tokens.nbytes) as member:
            _write_header(member, tokens.dtype, tokens.shape)
            member.write(tokens.tobytes())
        shape = (len(tokens), width)
        with _member(archive, "feature", method, len(tokens) * width * kind.itemsize) as member:
            _write_header(member, kind, shape)
            row = 0
            for block in blocks:
                values = _checked_values(name, tokens[row : row + len(block)], block, width, dtype)
                member.write(values.astype(kind, copy=False).tobytes())
                row += len(block)
        if row != len(tokens):
            raise ValueError(f"{name}: {row} rows of features for {len(tokens)} item tokens")


def _member(archive: zipfile.ZipFile, name: str, method: int, size: int) -> IO[bytes]:
    """Open a member for writing whose bytes do not depend on the time or the machine."""
    member = zipfile.ZipInfo(f"{name}.npy", date_time=_FIXED_TIME)
    member.compress_type = method
    member.create_system = 3
    member.external_attr = 0o644 << 16
    # The size decides on the 64-bit format; the array's header is far below the format's margin.
    member.file_size = size
    return archive.open(member, "w")


def _write_header(file: IO[bytes], dtype: np.dtype[Any], shape: tuple[int, ...]) -> None:
    """Write the header of a ``.npy`` file of a C-ordered array."""
    header = {
        "descr": npy_format.dtype_to_descr(dtype),
        "fortran_order": False,
        "shape": shape,
    }
    npy_format.write_array_header_1_0(file, header)


def _checked_tokens(name: str, item_ids: Sequence[str], width: int) -> np.ndarray:
    """Return the tokens as a unicode array (n,), or say what is wrong with them."""
    ids = [str(token) for token in item_ids]
    if not ids or width == 0:
        raise ValueError(f"{name}: no feature to write (shape {(len(ids), width)})")
    odd = [token for token in ids if not is_feature_token(token)]
    if odd:
        raise ValueError(
            f"{name}: item_id holds empty tokens or tokens with blanks around them: {odd[:5]}"
        )
    tokens = np.asarray(ids, dtype=np.str_)
    unique, counts = np.unique(tokens, return_counts=True)
    if len(unique) < len(tokens):
        raise ValueError(
            f"{name}: item_id repeats {unique[counts > 1][:5].tolist()}: keep one row per item"
        )
    return tokens


def _checked_values(
    name: str, tokens: np.ndarray, block: np.ndarray, width: int, dtype: str
) -> np.ndarray:
    """Return C-ordered values (b, d) of the type to write, or say what is wrong with them."""
    if block.ndim != 2 or block.shape[1] != width or len(block) != len(tokens):
        raise ValueError(
            f"{name}: feature must have shape (n, {width}) with one row per item token, but has "
            f"shape {block.shape} for {len(tokens)} tokens"
        )
    with np.errstate(over="ignore"):
        values = np.ascontiguousarray(block, dtype=dtype)
    bad = ~np.isfinite(values).all(axis=1)
    if bad.any():
        raise ValueError(
            f"{name}: feature is not finite as {dtype} for items "
            f"{tokens[bad][:5].tolist()} ({int(bad.sum())} in all): drop or rescale them"
        )
    return values
