"""Metrics as plain text, on standard output."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

from recbole_cammsr.analysis.metric_classes import smaller_is_better
from recbole_cammsr.analysis.text_table import table
from recbole_cammsr.run.training import Outcome

#: of the same width, so that columns stay columns
_IN_ASCII = str.maketrans({"✓": "=", "≈": "~", "✗": "x", "…": "."})


def summary(outcome: Outcome) -> str:
    """Metrics of one run, a row each, and the checkpoint's path."""
    metrics = list(outcome.test) or list(outcome.valid)
    rows = [
        [name, _number(outcome.valid.get(name)), _number(outcome.test.get(name))]
        for name in metrics
    ]
    lines = [
        f"{outcome.model} on {outcome.dataset}",
        *table(["metric", "best valid", "test"], rows),
    ]
    if outcome.checkpoint is not None:
        lines.append(f"checkpoint  {os.path.normpath(outcome.checkpoint)}")
    return "\n".join(lines)


def comparison(outcomes: Sequence[Outcome], split: str, mark_best: bool = True) -> str:
    """Metrics of several runs, a row a model; the best of each column is marked with ``*``.

    Args:
        outcomes: at least one run.
        split: ``valid`` or ``test``.
        mark_best: False leaves the marks out, of rows that are of different questions.
    """
    results = [outcome.valid if split == "valid" else outcome.test for outcome in outcomes]
    metrics = list(dict.fromkeys(name for result in results for name in result))
    best = {}
    for name in metrics:
        values = [result[name] for result in results if name in result]
        best[name] = min(values) if smaller_is_better(name) else max(values)
    rows = []
    for outcome, result in zip(outcomes, results):
        cells = []
        for name in metrics:
            marked = mark_best and len(results) > 1 and result.get(name) == best[name]
            mark = "*" if marked else " "
            cells.append(f"{_number(result.get(name))}{mark}")
        rows.append([outcome.model, *cells])
    title = {"valid": "best validation", "test": "test"}[split]
    header = ["model", *(f"{name} " for name in metrics)]
    return "\n".join([f"{title} result on {outcomes[0].dataset}", *table(header, rows)])


def show(text: str) -> None:
    """Print a block to standard output, apart from the log on standard error.

    Marks that its encoding lacks are printed in ASCII, other characters as ``?``.
    """
    encoding = getattr(sys.stdout, "encoding", None) or "utf-8"
    try:
        text.encode(encoding)
    except UnicodeEncodeError:
        text = text.translate(_IN_ASCII).encode(encoding, "replace").decode(encoding)
    if sys.stderr is not None:  # closed by the caller, as with 2>&-
        sys.stderr.flush()
    print(f"\n{text}", flush=True)


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.4f}"
