"""Why nothing is left of a source: what each filter took, and what could not be read before."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

#: counts of rows in the order of the filters, and what they are called
ROW_STEPS = {
    "rows_with_time": "after dropping rows without time",
    "rows_after_time": "after time range",
    "rows_after_duplicates": "after duplicate policy",
    "rows_after_rating": "after rating threshold",
    "rows_after_metadata": "after restriction to described items",
    "interactions": "after k-core",
}


class NothingLeftError(ValueError):
    """No interaction is left.

    Attributes:
        what: The sentence, without what was left out of the source before.
        advice: What to do about the filter; empty where none removed anything.
    """

    def __init__(self, what: str, advice: str = "") -> None:
        """Make the error.

        Args:
            what: The sentence without the advice.
            advice: What to do about it.
        """
        super().__init__(": ".join(part for part in (what, advice) if part))
        self.what = what
        self.advice = advice


def dropped_rows(counts: Mapping[str, Any]) -> list[tuple[str, str]]:
    """List the steps that took rows.

    Args:
        counts: ``rows_read`` and those of ``ROW_STEPS`` reached so far.

    Returns:
        Key of ``ROW_STEPS`` and the number of rows left, for each step that took some.
    """
    steps, before = [], counts["rows_read"]
    for key in ROW_STEPS:
        # A source without times keeps its rows.
        if key not in counts or (key == "rows_with_time" and not counts[key]):
            continue
        if counts[key] != before:
            steps.append((key, f"{counts[key]:,}"))
        before = counts[key]
    return steps


def left_out(report: Mapping[str, Any]) -> str:
    """Say what was left out of a source while it was staged.

    Args:
        report: See ``staging.read_report``.

    Returns:
        Counts by reason, most frequent first, each with its first example; then the notes on
        damage. Empty where nothing was left out.
    """
    examples = report.get("examples", {})
    reasons = sorted(report["skipped"].items(), key=lambda pair: (-pair[1], pair[0]))
    parts = [
        f"{count:,} ({reason}" + (f", e.g. {examples[reason]})" if reason in examples else ")")
        for reason, count in reasons
    ]
    return "; ".join([*parts, *report["notes"]])


def explained(error: NothingLeftError, file: Path, report: Mapping[str, Any]) -> ValueError:
    """Add the file and what was left out of it to the sentence.

    Args:
        error: What the filters say.
        file: The file of interactions.
        report: See ``staging.read_report``.

    Returns:
        The error to raise.
    """
    why = left_out(report)
    if error.advice:
        before = f"; left out before the filters: {why}" if why else ""
        advice = f"mend these records, or {error.advice}" if why else error.advice
        return ValueError(f"{file}: {error.what}{before}: {advice}")
    if why:
        return ValueError(f"{file}: {error.what}; left out: {why}: mend these records")
    return ValueError(
        f"{file}: {error.what}: it has no record (only a header?): give the file of interactions"
    )
