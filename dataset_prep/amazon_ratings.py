"""The ratings of an Amazon release without texts: one CSV file, laid out as its release does."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import chain, islice
from pathlib import Path

from .amazon_releases import RELEASES, Record
from .cells import spells_number
from .line_files import LineFile
from .source_folder import MALFORMED, DamageSink, noted_rows, shown

_SUFFIXES = (".csv", ".csv.gz")
#: rows that are looked at before user and item are believed to stand in their order
_SAMPLE = 1000
_ASIN_LENGTH = 10


def is_ratings_file(path: Path) -> bool:
    """Say whether a file of reviews holds ratings alone.

    Args:
        path: The file.

    Returns:
        Whether its name ends in ``.csv`` or ``.csv.gz``.
    """
    return path.name.lower().endswith(_SUFFIXES)


def ratings_layout(release: str) -> str:
    """Describe the file of ratings of a release.

    Args:
        release: A key of ``RELEASES``.

    Returns:
        E.g. ``"rows user,item,rating,time without a header"``.
    """
    layout = RELEASES[release]
    if layout.ratings_header:
        return f"a header with {','.join(layout.ratings)}"
    roles = {layout.user: "user", layout.item: "item", layout.rating: "rating"}
    order = ",".join(roles.get(field, "time") for field in layout.ratings)
    return f"rows {order} without a header"


def rating_records(
    path: Path, release: str, sink: DamageSink, progress: bool = False
) -> Iterator[Record]:
    """Read ratings as records with the fields of the release's reviews.

    Args:
        path: The file.
        release: A key of ``RELEASES``.
        sink: Receives the count of rows with another number of cells.
        progress: Whether to show a progress bar.

    Yields:
        One record a row; all values are texts.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If the file is laid out as another release's.
    """
    layout = RELEASES[release]
    rows = noted_rows(LineFile(path, progress=progress), sink)
    first = next(rows, [])
    if layout.ratings_header:
        names: Sequence[str] = [cell.strip() for cell in first]
        if not set(layout.ratings) <= set(names):
            raise ValueError(
                f"{path}: begins with {shown(','.join(first))}; ratings of Amazon {release} have "
                f"{ratings_layout(release)}: check --release, or try 2014 or 2018"
            )
    else:
        names = layout.ratings
        if len(first) > 1 and not any(map(spells_number, first)):
            raise ValueError(
                f"{path}: begins with a header, {shown(','.join(first))}; ratings of Amazon "
                f"{release} have {ratings_layout(release)}: check --release, or try 2023"
            )
        sample = [first, *islice(rows, _SAMPLE - 1)]
        _refuse_exchanged(path, release, sample)
        rows = chain(sample, rows)
    for row in rows:
        if len(row) == len(names):
            yield dict(zip(names, row))
        elif row:
            sink.skip(MALFORMED.format(path.name), example=shown(",".join(row)))


def _refuse_exchanged(path: Path, release: str, rows: Sequence[Sequence[str]]) -> None:
    """Refuse a file whose users stand where the release has items: 2014 and 2018 differ in it."""
    layout = RELEASES[release]
    user, item = layout.ratings.index(layout.user), layout.ratings.index(layout.item)
    whole = [row for row in rows if len(row) == len(layout.ratings)]
    exchanged = [
        row for row in whole if len(row[user]) == _ASIN_LENGTH and len(row[item]) != _ASIN_LENGTH
    ]
    if 2 * len(exchanged) > len(whole):
        other = "2014" if release == "2018" else "2018"
        raise ValueError(
            f"{path}: {len(exchanged)} of its first {len(whole)} rows have an item's "
            f"{_ASIN_LENGTH} characters where Amazon {release} has the user, e.g. "
            f"{shown(','.join(exchanged[0]))}; that release has {ratings_layout(release)}: try "
            f"--release {other} ({ratings_layout(other)})"
        )
