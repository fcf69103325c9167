"""The feature file ``<dataset>.<modality>.npz``: one row per item token, same bytes every run."""

from __future__ import annotations

import io
import os
import zipfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.lib import format as npy_format

from .atomic_write import atomic_open

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
    tokens, values = _checked(Path(path), item_ids, features, dtype)
    method = zipfile.ZIP_DEFLATED if compress else zipfile.ZIP_STORED
    with atomic_open(path) as file, zipfile.ZipFile(file, "w", method) as archive:
        for name, array in (("item_id", tokens), ("feature", values)):
            buffer = io.BytesIO()
            npy_format.write_array(buffer, array, allow_pickle=False)
            member = zipfile.ZipInfo(f"{name}.npy", date_time=_FIXED_TIME)
            member.compress_type = method
            member.create_system = 3
            member.external_attr = 0o644 << 16
            archive.writestr(member, buffer.getvalue())


def _checked(
    path: Path, item_ids: Sequence[str], features: np.ndarray, dtype: str
) -> tuple[np.ndarray, np.ndarray]:
    """Return ``item_id`` (n,) and C-ordered ``feature`` (n, d), or say what is wrong with them."""
    if dtype not in ("float16", "float32"):
        raise ValueError(f"{path.name}: dtype must be 'float16' or 'float32', not {dtype!r}")
    ids = [str(token) for token in item_ids]
    if features.ndim != 2 or len(ids) != features.shape[0]:
        raise ValueError(
            f"{path.name}: feature must have shape (n, d) with one row per item token, but has "
            f"shape {features.shape} for {len(ids)} tokens"
        )
    if not ids or features.shape[1] == 0:
        raise ValueError(f"{path.name}: no feature to write (shape {features.shape})")
    # numpy drops trailing NULs of a unicode array, so such a token would come back changed.
    odd = [token for token in ids if not token or token != token.strip() or "\0" in token]
    if odd:
        raise ValueError(
            f"{path.name}: item_id holds empty tokens or tokens with blanks around them: {odd[:5]}"
        )
    tokens = np.asarray(ids, dtype=np.str_)
    unique, counts = np.unique(tokens, return_counts=True)
    if len(unique) < len(tokens):
        raise ValueError(
            f"{path.name}: item_id repeats {unique[counts > 1][:5].tolist()}: keep one row per item"
        )
    with np.errstate(over="ignore"):
        values = np.ascontiguousarray(features, dtype=dtype)
    bad = ~np.isfinite(values).all(axis=1)
    if bad.any():
        raise ValueError(
            f"{path.name}: feature is not finite as {dtype} for items "
            f"{tokens[bad][:5].tolist()} ({int(bad.sum())} in all): drop or rescale them"
        )
    return tokens, values
