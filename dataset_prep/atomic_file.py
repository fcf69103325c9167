"""RecBole's tab-separated atomic files ``.inter`` and ``.item``."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence

from recbole_cammsr.run.atomic_write import atomic_open


def write_atomic_file(
    path: str | os.PathLike[str], header: Sequence[str], rows: Iterable[Sequence[str]]
) -> int:
    """Write one atomic file; it appears only when complete.

    Args:
        path: The file.
        header: ``name:type`` of each column.
        rows: Cells, already free of tabs and line breaks.

    Returns:
        The number of rows.

    Raises:
        ValueError: If a row has the wrong number of cells or a cell holds a tab or line break.
    """
    count = 0
    with atomic_open(path, "w") as file:
        file.write("\t".join(header) + "\n")
        for row in rows:
            line = "\t".join(row)
            if len(row) != len(header) or line.count("\t") != len(header) - 1:
                raise ValueError(
                    f"{path}: row {count + 1} needs {len(header)} cells without tabs: {row!r:.200}"
                )
            if "\n" in line or "\r" in line:
                raise ValueError(f"{path}: row {count + 1} holds a line break: {row!r:.200}")
            file.write(line + "\n")
            count += 1
    return count
