"""Staged tables to RecBole's atomic files: filters, duplicates and k-core by SQL, out of core."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from recbole_cammsr.run.atomic_write import atomic_open

from .atomic_file import write_atomic_file
from .category_labels import flat_labels, path_labels
from .category_notes import category_notes
from .category_roots import below_roots
from .category_rule import CategoryRule
from .clean_text import token_seq_text
from .filter_database import open_database
from .filter_failure import ROW_STEPS, NothingLeftError, dropped_rows
from .filter_rule import Engine, FilterRule
from .item_repeats import repeated_items
from .kcore import k_core
from .prep_record import SOURCE_NOTE
from .staging import INTERACTIONS, ITEMS
from .time_range import FIRST_DATE, refuse_number_as_date, time_span

INTER_HEADER = ("user_id:token", "item_id:token", "rating:float", "timestamp:float")
ITEM_HEADER = (
    "item_id:token",
    "title:token_seq",
    "category:token",
    "categories:token_seq",
    "brand:token_seq",
    "description:token_seq",
    "image:token_seq",
)
#: what ``filter_staged`` does, one after the other
STEPS = ("ids", "metadata", "times", "duplicates", "ratings", "k-core", ".inter", ".item")
_ROWS_PER_FETCH = 16_384
_LARGEST_WHOLE_NUMBER = 2**53


def filter_staged(
    staged: str | os.PathLike[str],
    work: str | os.PathLike[str],
    inter_path: str | os.PathLike[str],
    item_path: str | os.PathLike[str],
    rule: FilterRule,
    engine: Engine | None = None,
    begin: Callable[[str], object] = lambda step: None,
) -> dict[str, Any]:
    """Filter staged interactions and write ``.inter`` and ``.item``.

    Users are in the order of their first interaction in the source, each user's rows in order of
    time, then of the source; items in the order of their first interaction.

    Args:
        staged: Folder of ``StagingWriter``.
        work: Folder for the database and its spilled blocks; emptied before and removed after.
        inter_path: The ``.inter`` file.
        item_path: The ``.item`` file, one row for each item that has interactions left.
        rule: What is kept.
        engine: Limits of DuckDB.
        begin: Called with each of ``STEPS`` before it begins.

    Returns:
        Counts: rows after each filter, users, items, pairs of a user and an item, items with each
        kind of metadata; first and last time in seconds where the source has times; notes on
        categories and repeated items, named as in the record.

    Raises:
        ImportError: If duckdb is not installed.
        NothingLeftError: If no interaction is left, naming the filter that removed the last ones.
        ValueError: If a bound of the times is a number that can be no seconds, or the memory limit
            is too low.
        OSError: If the database cannot be written, as where the disk is full.
    """
    with open_database(Path(work), engine or Engine()) as connection:
        counts = _select(connection, Path(staged), rule, begin)
        counts.update(repeated_items(connection, Path(staged) / ITEMS))
        begin(".inter")
        _write_inter(connection, inter_path)
        begin(".item")
        counts.update(_write_items(connection, item_path, rule.categories))
    return counts


def _select(
    connection: Any, staged: Path, rule: FilterRule, begin: Callable[[str], object]
) -> dict[str, Any]:
    """Build the tables ``kept``, ``users``, ``items`` and ``described``; return row counts."""
    begin("ids")
    counts: dict[str, Any] = {}
    interactions = str(staged / INTERACTIONS)
    counts["rows_read"], timed, first, last, dates, early = connection.execute(
        "SELECT count(*), count(timestamp), min(timestamp), max(timestamp), "
        "count(*) FILTER (timestamp >= $2), count(*) FILTER (timestamp > 0 AND timestamp < $2) "
        "FROM read_parquet($1)",
        [interactions, FIRST_DATE],
    ).fetchone()
    if not counts["rows_read"]:
        raise NothingLeftError("the source holds no usable interaction")
    # Times may be positions 1, 2, 3, ..., for which a bound is no date.
    if dates > early:
        refuse_number_as_date("--min-time", rule.min_time, time_span(first, last))
        refuse_number_as_date("--max-time", rule.max_time, time_span(first, last))
    # The row where a user or item first occurs serves as its number and fixes its place.
    for name in ("user", "item"):
        connection.execute(
            f"CREATE TABLE {name}s AS SELECT {name} AS token, min(row) AS code "
            f"FROM read_parquet(?) GROUP BY {name}",
            [interactions],
        )
    begin("metadata")
    connection.execute(
        "CREATE TABLE described AS SELECT items.code, min(file_row_number) AS record "
        "FROM read_parquet(?, file_row_number = true) AS source "
        "JOIN items ON items.token = source.item GROUP BY items.code",
        [str(staged / ITEMS)],
    )
    connection.execute(
        "CREATE TABLE metadata AS SELECT described.code, title, description, brand, categories, "
        "image FROM read_parquet(?, file_row_number = true) AS source "
        "JOIN described ON described.record = source.file_row_number",
        [str(staged / ITEMS)],
    )
    begin("times")
    counts["rows_with_time"] = timed
    connection.execute(
        "CREATE TABLE kept AS SELECT row, users.code AS user, items.code AS item, rating, "
        "timestamp FROM read_parquet(?) AS source JOIN users ON users.token = source.user "
        "JOIN items ON items.token = source.item "
        "WHERE (timestamp IS NOT NULL OR ?) "
        "AND (?::DOUBLE IS NULL OR timestamp >= ?) AND (?::DOUBLE IS NULL OR timestamp < ?)",
        [interactions, not timed, rule.min_time, rule.min_time, rule.max_time, rule.max_time],
    )
    span = f" (times: {time_span(first, last)})" if timed else ""
    _checkpoint(connection, counts, "rows_after_time", "the time range", span)
    begin("duplicates")
    if rule.duplicates != "all":
        way = "ASC" if rule.duplicates == "first" else "DESC"
        _replace(
            connection,
            "QUALIFY row_number() OVER (PARTITION BY user, item "
            f"ORDER BY coalesce(timestamp, '-infinity'::DOUBLE) {way}, row {way}) = 1",
        )
    _checkpoint(connection, counts, "rows_after_duplicates", "the duplicate policy")
    begin("ratings")
    if rule.min_rating is not None:
        _replace(connection, "WHERE rating >= ?", [rule.min_rating])
    _checkpoint(connection, counts, "rows_after_rating", "the rating threshold")
    if rule.only_described:
        _replace(connection, "WHERE item IN (SELECT code FROM described)")
    _checkpoint(connection, counts, "rows_after_metadata", "the restriction to described items")
    begin("k-core")
    counts["kcore_rounds"] = k_core(connection, "kept", rule.min_per_user, rule.min_per_item)
    _checkpoint(
        connection, counts, "interactions", f"the {rule.min_per_user}/{rule.min_per_item}-core"
    )
    for name in ("user", "item"):
        counts[f"{name}s"] = connection.execute(
            f"SELECT count(DISTINCT {name}) FROM kept"
        ).fetchone()[0]
    counts["pairs"] = counts["interactions"]
    if rule.duplicates == "all":
        counts["pairs"] = connection.execute(
            "SELECT count(*) FROM (SELECT DISTINCT user, item FROM kept)"
        ).fetchone()[0]
    if timed:
        counts["first_time"], counts["last_time"] = connection.execute(
            "SELECT min(timestamp), max(timestamp) FROM kept"
        ).fetchone()
    return counts


def _replace(connection: Any, clause: str, values: list[Any] | None = None) -> None:
    """Keep the rows of ``kept`` that a clause selects."""
    connection.execute(f"CREATE TABLE next AS SELECT * FROM kept {clause}", values or [])
    connection.execute("DROP TABLE kept")
    connection.execute("ALTER TABLE next RENAME TO kept")


def _checkpoint(
    connection: Any, counts: dict[str, Any], name: str, what: str, remark: str = ""
) -> None:
    """Count the rows left; none left is an error that says what each filter took."""
    counts[name] = connection.execute("SELECT count(*) FROM kept").fetchone()[0]
    if not counts[name]:
        *taken, _ = dropped_rows(counts)
        previous = taken[-1][1] if taken else f"{counts['rows_read']:,}"
        steps = "".join(f", {left} {ROW_STEPS[key]}" for key, left in taken)
        history = f" ({counts['rows_read']:,} rows in the source{steps})" if taken else ""
        raise NothingLeftError(
            f"no interaction is left: {what} removed the last {previous}{remark}{history}",
            "loosen that filter",
        )


def _write_inter(connection: Any, path: str | os.PathLike[str]) -> None:
    """Write ``kept``, one line of text per row made by the engine."""
    rating = connection.execute("SELECT count(rating) FROM kept").fetchone()[0]
    time = connection.execute("SELECT count(timestamp) FROM kept").fetchone()[0]
    # A column that no row fills is left out: RecBole would read it as zeros.
    used = [True, True, rating > 0, time > 0]
    header = [name for name, one in zip(INTER_HEADER, used) if one]
    cells = ["users.token", "items.token", _number("rating"), _number("timestamp")]
    line = " || chr(9) || ".join(cell for cell, one in zip(cells, used) if one)
    result = connection.execute(
        f"SELECT {line} FROM kept JOIN users ON users.code = kept.user "
        "JOIN items ON items.code = kept.item "
        "ORDER BY kept.user, coalesce(timestamp, '-infinity'::DOUBLE), kept.row"
    )
    with atomic_open(path, "w") as file:
        file.write("\t".join(header) + "\n")
        while rows := result.fetchmany(_ROWS_PER_FETCH):
            file.write("\n".join(row[0] for row in rows) + "\n")


def _number(column: str) -> str:
    """SQL that spells a double shortest; whole numbers without a point, missing ones empty."""
    return (
        f"CASE WHEN {column} IS NULL THEN '' "
        f"WHEN {column} = round({column}) AND abs({column}) < {_LARGEST_WHOLE_NUMBER} "
        f"THEN CAST(CAST({column} AS BIGINT) AS VARCHAR) ELSE CAST({column} AS VARCHAR) END"
    )


def _write_items(
    connection: Any, path: str | os.PathLike[str], categories: CategoryRule
) -> dict[str, int]:
    """Write one row per item of ``kept``; return the coverage of each field."""
    connection.execute(
        "CREATE TABLE chosen AS SELECT code, token, title, categories, brand, description, image "
        "FROM items LEFT JOIN metadata USING (code) WHERE code IN (SELECT item FROM kept)"
    )
    # Labels need counts over all items, so the short category column is read before the rest.
    staged = [
        json.loads(value) if value else None
        for (value,) in _stream(connection, "SELECT categories FROM chosen ORDER BY code")
    ]
    nested, shared = below_roots(staged, categories.skip_levels)
    if categories.kind == "flat":
        labels = flat_labels(nested, categories.min_count)
    else:
        labels = path_labels(nested, categories.level, categories.min_count)
    counts = {"items_described": 0, "titles": 0, "brands": 0, "descriptions": 0, "images": 0}
    counts["items_described"] = connection.execute(
        "SELECT count(*) FROM chosen WHERE code IN (SELECT code FROM described)"
    ).fetchone()[0]
    counts["categorised"] = sum(map(bool, nested))
    counts["category_labels"] = len({label.category for label in labels} - {""})
    notes = category_notes(labels, categories.min_count, shared)
    counts.update({f"{SOURCE_NOTE}{sentence}": 1 for sentence in notes})

    def rows() -> Iterator[tuple[str, ...]]:
        query = "SELECT token, title, brand, description, image FROM chosen ORDER BY code"
        for record, label in zip(_stream(connection, query), labels):
            token, *texts, links = record
            title, brand, description = map(token_seq_text, texts)
            # A link or file name is no text: what cleaning would change is percent-encoded.
            image = links or ""
            for name, text in (
                ("titles", title),
                ("brands", brand),
                ("descriptions", description),
                ("images", image),
            ):
                counts[name] += bool(text)
            yield (
                token,
                title,
                label.category,
                " ".join(label.categories),
                brand,
                description,
                image,
            )

    write_atomic_file(path, ITEM_HEADER, rows())
    return counts


def _stream(connection: Any, query: str) -> Iterator[tuple[Any, ...]]:
    """Rows of a query, fetched in blocks."""
    result = connection.execute(query)
    while rows := result.fetchmany(_ROWS_PER_FETCH):
        yield from rows
