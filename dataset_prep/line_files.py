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
GZIP_MAGIC = b"\x1f\x8b"
#: what programs of Windows put before UTF-16, in either order of bytes
UTF_16_MARKS = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
_UNDECODABLE = "dataset_prep.undecodable"


@dataclass
class LineFile:
    """The lines of one file, read once from start to end; the counts grow while reading.

    Attributes:
        path: The file; gzip is recognised by content, since downloads are often misnamed.
        encoding: Its encoding, ``"utf-8"`` unless the format or the user says otherwise; UTF-16 is
            recognised by its byte order mark.
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
            ValueError: If there is no such encoding.
        """
        encoding = check_encoding(self.encoding)
        self.lines = self.undecodable = 0
        self.cut = False
        size = os.path.getsize(self.path)
        with open(self.path, "rb") as raw, _bar(self.path.name, size, self.progress) as bar:
            zipped = raw.read(2) == GZIP_MAGIC
            raw.seek(0)
            stream = cast("IO[bytes]", gzip.GzipFile(fileobj=raw)) if zipped else raw
            blocks = _Blocks(stream, encoding)
            for content in self._raw_lines(blocks):
                self.lines += 1
                if self.lines == 1 and blocks.encoding == "utf-8":
                    # What some editors put before the text would be part of its first name or id.
                    content = content.removeprefix(codecs.BOM_UTF8)
                if self.lines % 4096 == 0:
                    bar.update(raw.tell() - bar.n)
                try:
                    yield content.decode(blocks.encoding)
                except UnicodeDecodeError:
                    self.undecodable += 1
                    yield content.decode(blocks.encoding, "replace")
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

    def _raw_lines(self, blocks: _Blocks) -> Iterator[bytes]:
        """Split at ``\\n`` only; a title may hold other characters that Unicode calls breaks."""
        rest = b""
        while True:
            try:
                block = blocks.read()
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


class _Blocks:
    """A stream block by block, in an encoding whose line feed is the byte ``\\n``."""

    def __init__(self, stream: IO[bytes], encoding: str) -> None:
        self._stream = stream
        self._decoder: codecs.IncrementalDecoder | None = None
        self._begun = False
        #: encoding of the blocks, known with the first
        self.encoding = encoding

    def read(self) -> bytes:
        """The next block, empty at the end."""
        # Small reads, so that a cut stream gives up little more than its last line.
        block: bytes = self._stream.read1(1 << 16)  # type: ignore[attr-defined]
        if not self._begun:
            self._begun = True
            wide = "\n".encode(self.encoding) != b"\n"
            # In an encoding of single bytes the mark would be two letters that begin no text.
            if not wide and block.startswith(UTF_16_MARKS):
                self.encoding, wide = "utf-16", True
            if wide:
                self._decoder = codecs.getincrementaldecoder(self.encoding)(_UNDECODABLE)
                self.encoding = "utf-8"
        while self._decoder is not None:
            text = self._decoder.decode(block, final=not block)
            if text or not block:
                return text.encode("utf-8", "surrogateescape")
            block = self._stream.read1(1 << 16)  # type: ignore[attr-defined]
        return block


def _as_bad_byte(error: UnicodeError) -> tuple[str, int]:
    """Take what cannot be decoded to a byte that is no UTF-8, so that its line is counted."""
    if not isinstance(error, UnicodeDecodeError):
        raise error
    return "\udcff", error.end


codecs.register_error(_UNDECODABLE, _as_bad_byte)


def check_encoding(name: str) -> str:
    """Check the name of an encoding.

    Args:
        name: Its name, e.g. ``"cp1252"``.

    Returns:
        Python's own name of it.

    Raises:
        ValueError: If there is no such encoding of texts.
    """
    try:
        "".encode(name)
        return codecs.lookup(name).name
    except LookupError as error:
        raise ValueError(
            f"no encoding {name!r}: name one that Python knows, e.g. utf-8, cp1252 or utf-16"
        ) from error


def _bar(name: str, size: int, shown: bool) -> Any:
    """A progress bar in bytes."""
    tqdm = require("tqdm", "a progress bar").tqdm
    return tqdm(total=size, desc=name, unit="B", unit_scale=True, disable=not shown, leave=False)
