"""Items that a staged source describes more than once; the first record of each is taken."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from .prep_record import SKIPPED_COUNT, SOURCE_WARNING

REPEATED = "record that repeats an item"
CONFLICTING = "record of an item that stands elsewhere with other fields"


def repeated_items(connection: Any, items: Path) -> dict[str, int]:
    """Count the records that are not used, in an engine that works on disk if it must.

    Args:
        connection: The database; receives the table ``repeated``.
        items: ``items.parquet``, see ``StagingWriter``.

    Returns:
        Counts and a warning, named as in the record; empty where no item stands twice.
    """
    connection.execute(
        "CREATE TABLE repeated AS SELECT item FROM read_parquet(?) GROUP BY item "
        "HAVING count(*) > 1",
        [str(items)],
    )
    # The fields are read for these items only, and a hash of them is kept.
    same, other, first = connection.execute(
        "SELECT sum(records - 1) FILTER (lowest = highest), "
        "sum(records - 1) FILTER (lowest <> highest), min(item) FILTER (lowest <> highest) "
        "FROM (SELECT item, count(*) AS records, min(content) AS lowest, max(content) AS highest "
        "FROM (SELECT item, hash(title, description, brand, categories, image) AS content "
        "FROM read_parquet(?) JOIN repeated USING (item)) GROUP BY item)",
        [str(items)],
    ).fetchone()
    counts = {f"{SKIPPED_COUNT}{REPEATED}": same, f"{SKIPPED_COUNT}{CONFLICTING}": other}
    if other:
        warning = (
            f"items stand more than once with different fields, e.g. {first!r}, and their first "
            "record is taken: keep one record an item"
        )
        counts[f"{SOURCE_WARNING}{warning}"] = 1
    return {name: int(count) for name, count in counts.items() if count}
