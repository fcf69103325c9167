"""The database of the filter stage: on disk, within limits, gone when it is done."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from .filter_rule import Engine
from .optional_import import require


@contextmanager
def open_database(work: Path, engine: Engine) -> Iterator[Any]:
    """Open an empty database on disk, and turn what it lacks into a sentence.

    Args:
        work: Folder for the database and its spilled blocks; emptied before and removed after.
        engine: Limits of DuckDB.

    Yields:
        The connection.

    Raises:
        ImportError: If duckdb is not installed.
        ValueError: If the memory limit is too low.
        OSError: If the database cannot be written, as where the disk is full.
    """
    duckdb = require("duckdb", "filtering interactions")
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir(parents=True)
    try:
        with duckdb.connect(str(work / "filter.duckdb")) as connection:
            connection.execute("SET memory_limit = ?", [engine.memory_limit])
            connection.execute("SET threads = ?", [engine.threads])
            connection.execute("SET temp_directory = ?", [str(work / "spill")])
            connection.execute("SET enable_progress_bar = false")
            # Every result that is written is sorted, so the engine need not keep orders itself.
            connection.execute("SET preserve_insertion_order = false")
            yield connection
    except duckdb.OutOfMemoryException as error:
        raise ValueError(
            f"--memory-limit {engine.memory_limit} is not enough to filter ({_first_line(error)}): "
            f"raise it, or free disk space in {work.parent}"
        ) from error
    except (duckdb.IOException, duckdb.TransactionException) as error:
        # A commit that cannot be written is of the second kind.
        raise OSError(
            f"{work}: cannot filter ({_first_line(error)}): free disk space there, or name another "
            "--output"
        ) from error
    finally:
        shutil.rmtree(work, ignore_errors=True)


def _first_line(error: Exception) -> str:
    """What DuckDB says, without its advice."""
    return str(error).strip().partition("\n")[0]
