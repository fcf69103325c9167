"""Digests of files, settings and network weights: how changed inputs and encoders are noticed."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Collection, Iterable
from pathlib import Path
from typing import Any

_BLOCK = 2**20


def file_digest(path: str | os.PathLike[str]) -> str:
    """Digest a file's content.

    Args:
        path: The file.

    Returns:
        SHA-256 in hexadecimal.

    Raises:
        FileNotFoundError: If there is no such file.
    """
    digest = hashlib.sha256()
    with Path(path).open("rb") as file:
        while block := file.read(_BLOCK):
            digest.update(block)
    return digest.hexdigest()


def rows_digest(salt: str, rows: Iterable[Iterable[str]]) -> str:
    """Digest rows of text under a salt; where a cell ends is part of it.

    Args:
        salt: What else the result depends on.
        rows: Rows of cells.

    Returns:
        128 bits in hexadecimal.
    """
    digest = hashlib.blake2b(digest_size=16)
    for cell in (salt, *(cell for row in rows for cell in ("", *row))):
        data = cell.encode("utf-8", "surrogatepass")
        digest.update(len(data).to_bytes(8, "little"))
        digest.update(data)
    return digest.hexdigest()


def settings_digest(settings: dict[str, Any]) -> str:
    """Digest settings regardless of their order.

    Args:
        settings: Anything that JSON can hold; other values count by their text.

    Returns:
        128 bits in hexadecimal.
    """
    text = json.dumps(settings, sort_keys=True, default=str)
    return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()


def weights_digest(module: Any, random: Collection[str] = ()) -> str:
    """Digest the weights of a torch module, whatever device they are on.

    Args:
        module: The module.
        random: Names of weights that its checkpoint lacks and that are drawn anew at each load.

    Returns:
        128 bits in hexadecimal; equal for equal names, types, shapes and values.
    """
    import torch

    digest = hashlib.blake2b(digest_size=16)
    left_out = set(random)
    for name, value in sorted(module.state_dict().items()):
        if name in left_out or not isinstance(value, torch.Tensor):
            continue
        digest.update(f"{name} {value.dtype} {tuple(value.shape)}\n".encode())
        flat = value.detach().cpu().contiguous().reshape(-1)
        digest.update(flat.view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()
