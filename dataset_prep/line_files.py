"""Lines of large text files, plain or gzipped, with what is damaged in them counted."""

from __future__ import annotations

import codecs
import gzip
import os
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, cast

from .optional_import import require

REPLACEMENT = "\N{REPLACEMENT CHARACTER}"
_GZIP_MAGIC = b"\x1f\x8b"


@dataclass
class LineFile:
    """The lines of one file, read once from start to end; the counts grow while reading.

    Attributes:
        path: The file; gzip is recognised by content, since downloads are often misnamed.
        encoding: Its encoding, ``"utf-8"`` unless the format says otherwise.
        progress: Whether to show a bar over the bytes of the file on disk.
        lines: Lines read.
        undecodable: Lines that held bytes of another encoding, which became U+FFFD.
        cut: Whether the gzip stream ends early or is damaged; the lines before are whole.
    """

    path: Path
    encoding: str = "utf-8"
    progress: bool = False
    lines: int = 0
    undecodable: int = 0
    cut: bool = False

    def __iter__(self) -> Iterator[str]:
        """Yield each line without its line break, the first without a byte order mark.

        A last line cut inside the stream is left out.

        Raises:
            FileNotFoundError: If there is no such file.
        """
        self.lines = self.undecodable = 0
        self.cut = False
        size = os.path.getsize(self.path)
        with open(self.path, "rb") as raw, _bar(self.path.name, size, self.progress) as bar:
            zipped = raw.read(2) == _GZIP_MAGIC
            raw.seek(0)
            stream = cast("IO[bytes]", gzip.GzipFile(fileobj=raw)) if zipped else raw
            for content in self._raw_lines(stream):
                self.lines += 1
                if self.lines == 1 and self.encoding == "utf-8":
                    # What some editors put before the text would be part of its first name or id.
                    content = content.removeprefix(codecs.BOM_UTF8)
                if self.lines % 4096 == 0:
                    bar.update(raw.tell() - bar.n)
                try:
                    yield content.decode(self.encoding)
                except UnicodeDecodeError:
                    self.undecodable += 1
                    yield content.decode(self.encoding, "replace")
            bar.update(size - bar.n)

    def findings(self) -> list[str]:
        """Return one sentence for each kind of damage met so far."""
        sentences = []
        if self.cut:
            sentences.append(
                f"{self.path.name} ends early: its gzip stream is cut or damaged after line "
                f"{self.lines}; download it again for the rest"
            )
        if self.undecodable:
            sentences.append(
                f"{self.path.name}: lines with bytes that are not {self.encoding}, which became "
                f"U+FFFD: {self.undecodable:,}"
            )
        return sentences

    def _raw_lines(self, stream: IO[bytes]) -> Iterator[bytes]:
        """Split at ``\\n`` only; a title may hold other characters that Unicode calls breaks."""
        rest = b""
        while True:
            try:
                # Small reads, so that a cut stream gives up little more than its last line.
                block = stream.read1(1 << 16)  # type: ignore[attr-defined]
            except (EOFError, zlib.error, gzip.BadGzipFile):
                self.cut = True
                return
            if not block:
                break
            *whole, rest = (rest + block).split(b"\n")
            for line in whole:
                yield line.rstrip(b"\r")
        if rest:
            yield rest.rstrip(b"\r")


def _bar(name: str, size: int, shown: bool) -> Any:
    """A progress bar in bytes."""
    tqdm = require("tqdm", "a progress bar").tqdm
    return tqdm(total=size, desc=name, unit="B", unit_scale=True, disable=not shown, leave=False)
