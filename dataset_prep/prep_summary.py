"""The table that ends a source command."""

from __future__ import annotations

from .filter_failure import ROW_STEPS, dropped_rows
from .prep_record import TIME_COUNTS
from .prepare import Preparation
from .time_range import time_span


def summary_rows(result: Preparation) -> list[tuple[str, str]]:
    """Lay a result out for the table at the end of a command.

    Args:
        result: What ``prepare`` returned.

    Returns:
        Pairs of label and value.
    """
    counts = result.counts
    rows = [("rows in the source", f"{counts['rows_read']:,}")]
    if not counts["rows_with_time"]:
        rows.append(("rows with a time", "none: sequential models need times"))
    rounds = f" (rounds: {counts['kcore_rounds']})"
    for key, left in dropped_rows(counts):
        rows.append((ROW_STEPS[key] + (rounds if key == "interactions" else ""), left))
    users, items, interactions = counts["users"], counts["items"], counts["interactions"]
    rows += [
        ("users", f"{users:,}"),
        ("items", f"{items:,}"),
        ("interactions", f"{interactions:,}"),
        # with --duplicates all a user has an item several times: cells that are filled count
        ("sparsity", f"{1 - counts['pairs'] / (users * items):.4%}"),
    ]
    first, last = map(counts.get, TIME_COUNTS)
    if first is not None and last is not None:
        rows.append(("times", time_span(first, last)))
    for key, label in (
        ("items_described", "items with metadata"),
        ("titles", "items with title"),
        ("categorised", "items with category"),
        ("descriptions", "items with description"),
        ("images", "items with image reference"),
    ):
        rows.append((label, f"{counts[key]:,} ({counts[key] / items:.1%})"))
    rows.append(("category labels", f"{counts['category_labels']:,}"))
    rows += [(f"skipped: {reason}", f"{n:,}") for reason, n in result.skipped.items()]
    return rows
