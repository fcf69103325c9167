"""What feature files have of a data set's items, for the log."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from recbole_cammsr.data.feature_table import FeatureTable


def coverage_report(tables: Sequence[FeatureTable]) -> str:
    """A small table for the log: what was found for each modality.

    Args:
        tables: aligned tables.

    Returns:
        Lines of text: modality, file, dimension, dtype, items covered, rows unused.
    """
    header = ("modality", "file", "dim", "dtype", "items covered", "rows unused")
    rows = [header]
    for table in tables:
        items = len(table.present) - 1
        share = 100 * table.covered / max(items, 1)
        rows.append(
            (
                table.modality,
                table.path,
                str(table.dimension),
                _held_as(table),
                f"{table.covered}/{items} ({share:.1f}%)"
                + (f", {table.zero_rows} all zero" if table.zero_rows else ""),
                str(table.unused_rows),
            )
        )
    widths = [max(len(row[column]) for row in rows) for column in range(len(header))]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip() for row in rows
    )


def _held_as(table: FeatureTable) -> str:
    if table.values is None:
        where = "on disk" if isinstance(table.source, np.memmap) else "on the host"
        return f"{getattr(table.source, 'dtype', '')} {where}"
    return str(table.values.dtype).split(".")[-1]
