"""MovieLens 100K to 32M and latest-small as a source; genres are flat categories."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .line_files import LineFile
from .source_folder import MALFORMED, noted_lines, noted_rows, require_files, shown
from .staging import StagingWriter

#: the genre flags of ``u.item`` from the sixth column on, in the order of the release's README
GENRES_100K = (
    "unknown",
    "Action",
    "Adventure",
    "Animation",
    "Children's",
    "Comedy",
    "Crime",
    "Documentary",
    "Drama",
    "Fantasy",
    "Film-Noir",
    "Horror",
    "Musical",
    "Mystery",
    "Romance",
    "Sci-Fi",
    "Thriller",
    "War",
    "Western",
)
_FIRST_GENRE_100K = 5
NO_GENRE = frozenset({"(no genres listed)", "unknown", ""})


@dataclass(frozen=True)
class Layout:
    """How one generation of releases spells its two tables.

    Attributes:
        ratings: File of user, item, rating and Unix time.
        movies: File of item and title.
        separator: What stands between the cells.
        encoding: The encoding of both.
        header: The header cells of ``ratings``, None where the files have no header.
    """

    ratings: str
    movies: str
    separator: str
    encoding: str
    header: tuple[str, ...] | None = None


_MODERN = Layout(
    "ratings.csv", "movies.csv", ",", "utf-8", ("userId", "movieId", "rating", "timestamp")
)
RELEASES = {
    "100k": Layout("u.data", "u.item", "\t", "latin-1"),
    "1m": Layout("ratings.dat", "movies.dat", "::", "latin-1"),
    "10m": Layout("ratings.dat", "movies.dat", "::", "utf-8"),
    "20m": _MODERN,
    "latest-small": _MODERN,
    "25m": _MODERN,
    "32m": _MODERN,
}


@dataclass(frozen=True)
class MovieLens:
    """One unpacked MovieLens release.

    Attributes:
        release: A key of ``RELEASES``.
        folder: The unpacked folder, e.g. ``ml-1m``.
        progress: Whether to show progress bars.

    Raises:
        ValueError: If the release is not known.
    """

    release: str
    folder: str | os.PathLike[str]
    progress: bool = False

    def __post_init__(self) -> None:
        if self.release not in RELEASES:
            raise ValueError(f"no MovieLens release {self.release!r}; known: {', '.join(RELEASES)}")

    @property
    def name(self) -> str:
        """``movielens-<release>``."""
        return f"movielens-{self.release}"

    def settings(self) -> dict[str, Any]:
        """No option changes the staged rows; the release is in the name."""
        return {}

    def inputs(self) -> list[Path]:
        """List the ratings and the movies.

        Raises:
            FileNotFoundError: If one of them is not in the folder.
        """
        layout = RELEASES[self.release]
        return require_files(self.folder, layout.ratings, layout.movies)

    def stage(self, writer: StagingWriter) -> None:
        """Stage movies, then ratings.

        Args:
            writer: Receives them; malformed lines are counted as skipped.

        Raises:
            FileNotFoundError: If a file is missing.
            ValueError: If a header is another release's.
        """
        ratings, movies = self.inputs()
        for token, title, genres in self._movies(movies, writer):
            kept = [[genre] for genre in genres if genre not in NO_GENRE]
            writer.item(token, title=title, categories=kept)
        for row in self._rows(ratings, writer, RELEASES[self.release].header):
            try:
                user, item, rating, time = row
                value, seconds = float(rating), float(time)
            except ValueError:
                writer.skip(MALFORMED.format(ratings.name), example=shown(row))
                continue
            writer.interaction(user, item, value, seconds)

    def _rows(
        self, path: Path, writer: StagingWriter, header: Sequence[str] | None
    ) -> Iterator[list[str]]:
        """Yield the cells of each line below the header."""
        layout = RELEASES[self.release]
        file = LineFile(path, layout.encoding, self.progress)
        # Only the modern releases quote; their titles hold commas.
        rows: Iterator[list[str]] = (
            noted_rows(file, writer)
            if layout.separator == ","
            else (line.split(layout.separator) for line in noted_lines(file, writer))
        )
        if header is not None:
            first = next(rows, [])
            if first != list(header):
                raise ValueError(
                    f"{path}: the header is {first}, not {list(header)}: it is not the file of "
                    f"MovieLens {self.release}"
                )
        yield from rows

    def _movies(
        self, path: Path, writer: StagingWriter
    ) -> Iterator[tuple[str, str, Sequence[str]]]:
        """Yield token, title and genres of each movie."""
        reason = MALFORMED.format(path.name)
        if self.release == "100k":
            lines = LineFile(path, RELEASES[self.release].encoding, self.progress)
            for line in noted_lines(lines, writer):
                cells = line.split("|")
                flags = cells[_FIRST_GENRE_100K:]
                if len(flags) != len(GENRES_100K) or not set(flags) <= {"0", "1"}:
                    writer.skip(reason)
                    continue
                genres = [genre for genre, flag in zip(GENRES_100K, flags) if flag == "1"]
                yield cells[0], cells[1], genres
            return
        header = None if RELEASES[self.release].header is None else ("movieId", "title", "genres")
        for row in self._rows(path, writer, header):
            if len(row) != 3:
                writer.skip(reason)
                continue
            yield row[0], row[1], row[2].split("|")
