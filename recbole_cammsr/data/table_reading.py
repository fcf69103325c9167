"""Atomic files read by pandas' C parser where that reads what RecBole would.

RecBole asks for pandas' Python parser, which takes most of the time of creating a data set.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pandas as pd
from recbole.data.dataset import dataset as recbole_dataset

from recbole_cammsr.compat.module_proxy import ModuleProxy

_BLOCK = 1 << 24


def _has_quotes(path: str) -> bool:
    with open(path, "rb") as file:
        return any(b'"' in block for block in iter(lambda: file.read(_BLOCK), b""))


@contextmanager
def fast_reading() -> Iterator[None]:
    """Inside the block RecBole's data sets read tables by the C parser, where they can.

    Both parsers turn text into floats by the same routine of pandas. Files with quotes, which they
    treat differently where they do not pair, separators of several characters (regular
    expressions), and what the C parser refuses are left to the Python parser.
    """
    original = recbole_dataset.pd

    def read_csv(path: str, **options: Any) -> Any:
        separator = options.get("delimiter")
        simple = isinstance(separator, str) and len(separator) == 1
        if simple and options.get("engine") == "python" and not _has_quotes(path):
            try:
                return original.read_csv(path, **{**options, "engine": "c"})
            except pd.errors.ParserError:
                pass  # RecBole's own way decides whether the file is readable
        return original.read_csv(path, **options)

    recbole_dataset.pd = ModuleProxy(original, read_csv=read_csv)
    try:
        yield
    finally:
        recbole_dataset.pd = original
