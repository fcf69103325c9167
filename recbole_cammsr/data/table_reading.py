"""Lets RecBole's data sets read regular atomic files fast.

RecBole asks for pandas' Python parser, which takes most of the time of creating a data set.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from recbole.data.dataset import dataset as recbole_dataset

from recbole_cammsr.compat.module_proxy import ModuleProxy
from recbole_cammsr.data.regular_table import read_regular_table


@contextmanager
def fast_reading() -> Iterator[None]:
    """Inside the block RecBole's data sets read regular tables by pandas' C parser.

    Every other table (quotes, lines with too few or too many fields, separators of several
    characters, numbers that the two parsers round differently) is left to the Python parser.
    """
    original = recbole_dataset.pd

    def read_csv(path: str, **options: Any) -> Any:
        frame = None
        if options.get("engine") == "python":
            frame = read_regular_table(
                path, options.get("delimiter"), options.get("encoding"), options.get("dtype", {})
            )
        return original.read_csv(path, **options) if frame is None else frame

    recbole_dataset.pd = ModuleProxy(original, read_csv=read_csv)
    try:
        yield
    finally:
        recbole_dataset.pd = original
