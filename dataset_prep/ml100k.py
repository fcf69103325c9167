"""MovieLens-100K with plots and posters: raw files to atomic files."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from .atomic_file import write_atomic_file
from .clean_text import check_token, clean_text, label_token, token_seq_text
from .table_reader import Record, field, read_records, read_table

DATASET = "ml-100k"
INTERACTIONS = "interactions.csv"
ITEMS = "items.jsonl.gz"
POSTERS = "posters.zip"
_INTER_HEADER = ("user_id:token", "item_id:token", "rating:float", "timestamp:float")
# ``class`` is the name of the genres in RecBole's own ml-100k, and so in this package's settings.
_ITEM_HEADER = ("item_id:token", "title:token_seq", "class:token_seq", "overview:token_seq")


@dataclass(frozen=True)
class Counts:
    """What was written."""

    users: int
    items: int
    interactions: int
    titles: int
    categorised: int
    descriptions: int


def write_atomic_files(source: str | Path, output: str | Path) -> Counts:
    """Write ``ml-100k.inter`` and ``ml-100k.item``, rows in the order of the source.

    Args:
        source: Folder with ``interactions.csv`` and ``items.jsonl.gz``.
        output: Folder that receives the files.

    Returns:
        The counts.

    Raises:
        FileNotFoundError: If a source file is missing.
        ValueError: If one is malformed, or an interaction's movie is not among the items.
    """
    folder, target = Path(source), Path(output)
    movies: dict[str, tuple[str, ...]] = {}
    for record in read_records(folder / ITEMS):
        row = _movie(record, folder / ITEMS)
        if row[0] in movies:
            raise ValueError(f"{folder / ITEMS}: movie {row[0]} occurs twice")
        movies[row[0]] = row
    users: set[str] = set()

    def rows() -> Iterator[tuple[str, ...]]:
        columns = ("user_id", "item_id", "rating", "timestamp")
        for number, row in enumerate(read_table(folder / INTERACTIONS, columns), start=2):
            if row[1] not in movies:
                raise ValueError(
                    f"{folder / INTERACTIONS}, line {number}: movie {row[1]!r} is not in {ITEMS}"
                )
            for value in row[2:]:
                if not value.replace(".", "", 1).isdecimal():
                    raise ValueError(
                        f"{folder / INTERACTIONS}, line {number}: {value!r} is no number"
                    )
            users.add(check_token(row[0], f"{folder / INTERACTIONS}, field user_id"))
            yield row

    count = write_atomic_file(target / f"{DATASET}.inter", _INTER_HEADER, rows())
    write_atomic_file(target / f"{DATASET}.item", _ITEM_HEADER, movies.values())
    filled = [sum(bool(row[column]) for row in movies.values()) for column in (1, 2, 3)]
    return Counts(len(users), len(movies), count, *filled)


def _movie(record: Record, path: Path) -> tuple[str, ...]:
    """One row of the ``.item`` file."""
    token = check_token(str(field(record, "item_id", path)), f"{path}, field item_id")
    genres = [label_token(genre) for genre in record.get("genres") or []]
    return (
        token,
        token_seq_text(record.get("title")),
        " ".join(genre for genre in genres if genre),
        token_seq_text(clean_text(record.get("overview"))),
    )
