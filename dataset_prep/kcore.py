"""Iterative k-core of a user-item table inside DuckDB."""

from __future__ import annotations

from typing import Any


def k_core(connection: Any, table: str, min_per_user: int, min_per_item: int) -> int:
    """Delete users and items with too few rows until none is left.

    The largest table in which every user has ``min_per_user`` rows and every item
    ``min_per_item`` is unique, so removing both kinds at once in each round reaches the same
    result as any other order.

    Args:
        connection: An open DuckDB connection.
        table: Table with the columns ``user`` and ``item``; replaced by its core.
        min_per_user: Fewest rows of a user; up to 1 keeps all.
        min_per_item: Fewest rows of an item; up to 1 keeps all.

    Returns:
        The number of rounds that removed rows.
    """
    if min_per_user <= 1 and min_per_item <= 1:
        return 0
    rounds, rows = 0, _count(connection, table)
    while True:
        # A fresh table each round: it shrinks fast, and deleted rows would keep their space.
        connection.execute(
            f"CREATE TABLE {table}_core AS SELECT * FROM {table} "
            f"WHERE user IN (SELECT user FROM {table} GROUP BY user HAVING count(*) >= ?) "
            f"AND item IN (SELECT item FROM {table} GROUP BY item HAVING count(*) >= ?)",
            [min_per_user, min_per_item],
        )
        connection.execute(f"DROP TABLE {table}")
        connection.execute(f"ALTER TABLE {table}_core RENAME TO {table}")
        left = _count(connection, table)
        if left == rows:
            return rounds
        rounds, rows = rounds + 1, left


def _count(connection: Any, table: str) -> int:
    """Rows of a table."""
    rows: int = connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0]
    return rows
