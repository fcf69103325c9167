"""Files that a source expects in its folder."""

from __future__ import annotations

import csv
import os
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from .line_files import LineFile

#: characters of a cell beyond which a quote must have been opened by mistake
LONGEST_CELL = 2**24
MALFORMED = "{}: line with the wrong number of cells or no number where one belongs"


class DamageSink(Protocol):
    """Receives what is damaged in a file, e.g. a ``StagingWriter``."""

    def skip(self, reason: str, count: int = 1, example: str = "") -> None:
        """Count records that are left out."""
        ...

    def note(self, sentence: str) -> None:
        """Keep a sentence about the file."""
        ...

    def doubt_times(self, sentence: str) -> None:
        """Keep a sentence that says that the times have another unit."""
        ...


@dataclass
class Damage:
    """Damage met while reading outside staging.

    Attributes:
        skipped: Records left out, by reason.
        notes: Sentences about the file.
    """

    skipped: Counter[str] = field(default_factory=Counter)
    notes: list[str] = field(default_factory=list)

    def skip(self, reason: str, count: int = 1, example: str = "") -> None:
        """Count records that are left out.

        Args:
            reason: What is wrong with them.
            count: How many.
            example: One of them; not kept here.
        """
        self.skipped[reason] += count

    def note(self, sentence: str) -> None:
        """Keep a sentence about the file.

        Args:
            sentence: E.g. that the file was cut short.
        """
        self.notes.append(sentence)

    def doubt_times(self, sentence: str) -> None:
        """Keep a sentence that says that the times have another unit.

        Args:
            sentence: See ``time_range.TimeWatch``.
        """
        self.notes.append(sentence)


def shown(value: object, limit: int = 60) -> str:
    """Write a value for an error sentence.

    Args:
        value: Any value.
        limit: Most characters of it.

    Returns:
        Its ``repr``, cut where it is long.
    """
    text = repr(value)
    return text if len(text) <= limit else f"{text[:limit]}..."


def require_files(folder: str | os.PathLike[str], *names: str) -> list[Path]:
    """Find files that must exist.

    Args:
        folder: The source's folder.
        names: File names.

    Returns:
        Their paths, in the order of the names.

    Raises:
        FileNotFoundError: If the folder or one of the files does not exist.
    """
    base = Path(folder)
    if not base.is_dir():
        raise FileNotFoundError(f"{base}: no such folder")
    paths = [base / name for name in names]
    for path in paths:
        if not path.is_file():
            inside = sorted(entry.name for entry in base.iterdir())
            raise FileNotFoundError(
                f"{path}: no such file; the folder holds {inside[:8]}: give the unpacked folder of "
                "the data set"
            )
    return paths


def noted_lines(lines: LineFile, sink: DamageSink) -> Iterator[str]:
    """Yield the lines of a file, then hand what is damaged in it on.

    Args:
        lines: The file.
        sink: Receives one note for each kind of damage.

    Yields:
        Each line that is not blank.
    """
    for line in lines:
        if line.strip():
            yield line
    for sentence in lines.findings():
        sink.note(sentence)


def noted_rows(file: LineFile, sink: DamageSink, separator: str = ",") -> Iterator[list[str]]:
    """Split the quoted lines of a file into cells, then hand what is damaged in it on.

    Args:
        file: The file.
        sink: See ``noted_lines``.
        separator: What stands between cells.

    Yields:
        The cells of each row.

    Raises:
        ValueError: See ``csv_rows``.
    """
    yield from csv_rows(noted_lines(file, sink), file.path, separator, lambda: file.cut)


def csv_rows(
    lines: Iterable[str],
    path: Path,
    separator: str = ",",
    is_cut: Callable[[], bool] = lambda: False,
) -> Iterator[list[str]]:
    """Split quoted lines into cells; a quoted cell may hold line breaks.

    Args:
        lines: Lines without line breaks.
        path: Their file, for the error sentence.
        separator: What stands between cells.
        is_cut: Says, after the last line, whether the file is known to end early: a row that it
            ends in is then left out.

    Yields:
        The cells of each row.

    Raises:
        ValueError: If a cell never ends, as after a stray quote.
    """
    first = ""
    in_row = ended = False

    def fed() -> Iterator[str]:
        nonlocal first, in_row, ended
        for line in lines:
            if not first and line and 3 * line.count("\0") > len(line):
                raise ValueError(
                    f"{path}: holds NUL bytes where text should be, as UTF-16 without a byte order "
                    "mark does: write it again as UTF-8"
                )
            if not first and "\r" in line.rstrip("\r"):
                raise ValueError(
                    f"{path}: its lines end in carriage returns alone; write it again with line "
                    "feeds"
                )
            if not in_row:
                first, in_row = line, True
            # a carriage return within a cell is a blank, with quotes around it or without
            yield line.rstrip("\r").replace("\r", " ") + "\n"
        ended = True

    # The limit of the module, 131,072 characters, is less than some descriptions and embeddings.
    limit = csv.field_size_limit(LONGEST_CELL)
    rows = csv.reader(fed(), delimiter=separator)
    open_quote = "a quote is opened and never closed"
    try:
        for row in rows:
            # The reader asks for a line after the last one only where a quote is still open.
            if ended and is_cut():
                return
            if ended:
                raise ValueError(f"{path}: {open_quote} in the row that begins {shown(first)}")
            in_row = False
            yield row
    except csv.Error as error:
        why = f"{open_quote}, or a cell is too long" if "limit" in str(error) else "no CSV"
        raise ValueError(
            f"{path}: {why} ({error}) in the row that begins {shown(first)}"
        ) from error
    finally:
        csv.field_size_limit(limit)


def refuse_replacing(inputs: Iterable[Path], outputs: Iterable[Path]) -> None:
    """Refuse to write over a file of the source, whose content would be lost.

    Args:
        inputs: Files that are read.
        outputs: Files that will be written.

    Raises:
        ValueError: If one file is both, by whatever name.
    """
    read = {path.resolve(): path for path in inputs}
    for path in outputs:
        if path.resolve() in read:
            raise ValueError(
                f"{read[path.resolve()]}: is a file of the source and would be replaced: name "
                "another --output or --dataset"
            )
