"""What a source adapter is: it names its files and stages them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

from .staging import StagingWriter


class Source(Protocol):
    """One raw data set on disk; see ``prepare`` for what becomes of it.

    Attributes:
        name: Short name of the format and release for the record, e.g. ``"amazon-2018"``.
    """

    @property
    def name(self) -> str:
        """Short name of the format and release for the record, e.g. ``"amazon-2018"``."""
        ...

    def inputs(self) -> list[Path]:
        """List every file that ``stage`` reads, one with interactions first.

        Their digests decide whether to stage again; the first is named where nothing is usable.

        Raises:
            FileNotFoundError: If one of them does not exist.
        """
        ...

    def settings(self) -> Mapping[str, Any]:
        """Return what else decides the staged rows, e.g. a column mapping; JSON values, no paths.

        A change of any of them stages the source again; ``{}`` where the name says it all.
        """
        ...

    def stage(self, writer: StagingWriter) -> None:
        """Hand all interactions and items to the writer, in the order of the source.

        Args:
            writer: Receives them; malformed records go to ``writer.skip``.

        Raises:
            ValueError: If a file is not of this format at all.
        """
        ...
