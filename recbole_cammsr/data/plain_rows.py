"""Rows of features in files without tokens: ``.npy``, ``.pt`` and headerless float32."""

from __future__ import annotations

import os
from collections.abc import Mapping

import numpy as np


def load_rows(path: str, extension: str, row_of_token: Mapping[str, int] | None) -> np.ndarray:
    """The array in a file, memory-mapped but for ``.pt``.

    Args:
        path: the file.
        extension: of its name, in small letters; ``.npy``, ``.pt``, ``.pth``, or another of a
            headerless file.
        row_of_token: its item map, by which a headerless file has its number of rows.

    Raises:
        ValueError: it is cut off, in another format, pickled, or headerless and without a map that
            fits.
    """
    if extension == ".npy":
        return _map_array(path)
    if extension in (".pt", ".pth"):
        return _load_tensor(path)
    return _map_headerless(path, row_of_token)


def first_line(error: BaseException) -> str:
    """What an error says, short enough to be quoted in a sentence.

    Args:
        error: of a reader.
    """
    return (str(error).strip().splitlines() or [type(error).__name__])[0].rstrip(".")


def pickled_error(path: str, what: str) -> ValueError:
    """The error on a file that would have to be unpickled.

    Args:
        path: the file.
        what: in it is pickled.
    """
    return ValueError(
        f"feature file {path}: {what} holds pickled Python objects, which are never loaded; save "
        "it as a plain array (tokens: `np.asarray(tokens, dtype=str)`, features: float16 or "
        "float32)."
    )


def _map_array(path: str) -> np.ndarray:
    try:
        values: np.ndarray = np.load(path, mmap_mode="r", allow_pickle=False)
    except ValueError as error:
        if "object" in str(error).lower() or "pickle" in str(error).lower():
            raise pickled_error(path, "the array") from error
        raise ValueError(
            f"feature file {path} cannot be read ({first_line(error)}); it is truncated or "
            "not a .npy file: write it again."
        ) from error
    return values


def _load_tensor(path: str) -> np.ndarray:
    import pickle

    import torch

    try:
        loaded = torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        raise pickled_error(path, "the file") from error
    except RuntimeError as error:
        raise ValueError(
            f"feature file {path} cannot be read ({first_line(error)}); write it again."
        ) from error
    if not isinstance(loaded, torch.Tensor):
        raise ValueError(
            f"feature file {path} holds a {type(loaded).__name__}; it must hold one tensor with a "
            f"row per item."
        )
    if loaded.dtype == torch.bfloat16:
        loaded = loaded.float()
    try:
        values: np.ndarray = loaded.detach().numpy()
    except TypeError as error:  # sparse, or of a dtype that numpy has not
        raise ValueError(
            f"feature file {path} holds a tensor of layout {loaded.layout} and dtype "
            f"{loaded.dtype}; save it dense, as float16 or float32."
        ) from error
    return values


def _map_headerless(path: str, row_of_token: Mapping[str, int] | None) -> np.ndarray:
    if row_of_token is None:
        raise ValueError(
            f"feature file {path} has no header, so its number of rows must come from an item map; "
            f"give its `item2index` file as `ids`."
        )
    rows = max(row_of_token.values(), default=-1) + 1
    count = os.path.getsize(path) // np.dtype(np.float32).itemsize
    if rows == 0 or count == 0 or count % rows:
        raise ValueError(
            f"feature file {path} has {count} float32 values, which is not a whole number of "
            f"rows for the {rows} items of its item map; the file is truncated or the map is "
            f"another data set's."
        )
    return np.memmap(path, np.float32, "r", shape=(rows, count // rows))
