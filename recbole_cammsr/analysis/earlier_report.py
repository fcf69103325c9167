"""What an earlier report left and the new one does not write: it would be taken for new."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable
from pathlib import Path

#: files that a report has only where it has something for them
OPTIONAL = (
    *("results.csv", "timings.csv", "significance.csv", "breakdown.csv"),
    *("table.tex", "results.png", "breakdown.png"),
    *("efficiency.csv", "efficiency.md", "efficiency.png"),
)
#: in the first line of every file of chosen settings, behind the label
CHOSEN = ": the configuration chosen on validation"


def clear(folder: Path, written: Iterable[Path]) -> None:
    """Delete tables, pictures and chosen settings that are not of the report just written.

    Args:
        folder: of the report.
        written: files of the new one. Of the others only those go whose name, or for settings whose
            first line, is that of a report: people keep files of their own beside them.
    """
    kept = set(written)
    for name in OPTIONAL:
        if folder / name not in kept:
            (folder / name).unlink(missing_ok=True)
    for path in folder.glob("efficiency_*.png"):  # one a data set, where there are several
        path.unlink()
    for path in sorted(folder.glob("chosen/*/*.yaml")):
        if path not in kept and _is_chosen(path):
            path.unlink()
            with contextlib.suppress(OSError):  # something else is in it
                path.parent.rmdir()


def _is_chosen(path: Path) -> bool:
    with path.open(encoding="utf-8", errors="replace") as lines:
        first = lines.readline()
    return first.startswith("# ") and CHOSEN in first
