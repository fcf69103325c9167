"""The verdict file of an image encoding: whether an item or file was used, or why not."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping

from .atomic_file import write_atomic_file
from .image_source import ImageFile

HEADER = ("item_id", "verdict", "source", "reason")


def write_verdicts(
    path: str | os.PathLike[str],
    images: Iterable[ImageFile],
    missing: Mapping[str, str],
    ignored: Mapping[str, str],
) -> int:
    """Write one row an item, then one a file that was ignored.

    Args:
        path: The tab-separated file.
        images: The images that were looked at.
        missing: Item token to the reason why it has no feature; also of items without image.
        ignored: File name to the reason why it was not looked at.

    Returns:
        The number of rows.
    """

    def rows() -> Iterator[tuple[str, ...]]:
        looked_at = set()
        for image in images:
            looked_at.add(image.token)
            reason = missing.get(image.token)
            yield image.token, "encoded" if reason is None else "missing", image.name, reason or ""
        for token, reason in missing.items():
            if token not in looked_at:
                yield token, "missing", "", reason
        for name, reason in ignored.items():
            yield "", "ignored", name, reason

    # A hostile file name may hold the very characters that end a cell.
    return write_atomic_file(path, HEADER, ([_one_line(cell) for cell in row] for row in rows()))


def _one_line(cell: str) -> str:
    """Collapse blanks; what is no text (a file name that is not UTF-8) is written as escapes."""
    return " ".join(cell.split()).encode("utf-8", "backslashreplace").decode("utf-8")
