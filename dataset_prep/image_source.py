"""Images of items in a folder or a zip archive, by file stem, or in a download folder."""

from __future__ import annotations

import os
import re
import zipfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from .clean_text import reference_word
from .download_journal import JOURNAL, read_journal
from .feature_file import is_feature_token

SUFFIXES = frozenset((".jpg", ".jpeg", ".png", ".gif", ".webp", ".bmp", ".tif", ".tiff"))
# Far above any product photo; what is larger is a mistake or an attack on memory.
MAX_BYTES = 64 * 2**20
# A drive, but not the colons that ids have (``spotify:track:abc``); archives are never unpacked.
_DRIVE = re.compile(r"[A-Za-z]:/")
_LINK = re.compile(r"https?:/", re.IGNORECASE)


@dataclass(frozen=True)
class ImageFile:
    """One image of a source.

    Attributes:
        token: Item token.
        name: Name in the source.
        read: Reads its bytes.
        stamp: Changes when the content does, known without reading it.
    """

    token: str
    name: str
    read: Callable[[], bytes]
    stamp: str = ""


@dataclass
class ImageListing:
    """The images of a source.

    Attributes:
        images: Usable by their name, sorted by it.
        ignored: Name to the reason why a file is not looked at.
        refused: Item token to the reason, where the only file of an item is ignored.
    """

    images: list[ImageFile] = field(default_factory=list)
    ignored: dict[str, str] = field(default_factory=dict)
    refused: dict[str, str] = field(default_factory=dict)


@contextmanager
def open_images(
    path: str | os.PathLike[str],
    max_bytes: int = MAX_BYTES,
    links: Mapping[str, str] | None = None,
    references: Mapping[str, str] | None = None,
) -> Iterator[ImageListing]:
    """List the images of a folder (with its subfolders), a zip archive or a download folder.

    The item token is the file's stem, unless items name their files; a download folder's journal
    says whose image a file is.

    Args:
        path: Folder or ``.zip`` file.
        max_bytes: Reading a larger image raises, so that one file cannot exhaust memory.
        links: Item token to its link; of a download folder only what came from these is listed,
            since items may have other links now and data sets may share the folder. None for all.
        references: Item token to the name of its file, from the folder or archive on. Names are
            looked up among the files that are in it, so that none can lead out of it.

    Yields:
        The listing; its images can be read inside the block only.

    Raises:
        FileNotFoundError: If there is no such folder or file.
        ValueError: If the file is no zip archive.
    """
    source = Path(path)
    if source.is_dir():
        if references is None and (source / JOURNAL).is_file():
            yield _list_downloads(source, max_bytes, links)
        else:
            yield _list_folder(source, max_bytes, references)
        return
    if not source.is_file():
        raise FileNotFoundError(f"{source}: no such folder or zip archive of images")
    try:
        archive = zipfile.ZipFile(source)
    except (zipfile.BadZipFile, ValueError, NotImplementedError) as error:
        raise ValueError(f"{source}: not a readable zip archive ({error})") from error
    with archive:
        yield _list_archive(archive, max_bytes, references)


def _list_folder(
    folder: Path, max_bytes: int, references: Mapping[str, str] | None
) -> ImageListing:
    """List the files below a folder; links may point to files inside it only."""
    root = folder.resolve()

    def files() -> Iterator[_Found]:
        for path in folder.rglob("*"):
            name = path.relative_to(folder).as_posix()
            if path.is_symlink() and not _inside(path, root):
                yield _Found(name, _unread, "", "a link that leaves the folder")
            elif path.is_file():
                status = path.stat()
                # Reading every file for a digest would cost as much as encoding does.
                stamp = f"{status.st_size}-{status.st_mtime_ns}"
                yield _Found(name, _reader(path, max_bytes), stamp)

    return _listing(files()) if references is None else _named(files(), references)


def _list_downloads(folder: Path, max_bytes: int, links: Mapping[str, str] | None) -> ImageListing:
    """List a download folder; its journal was checked to name files inside it only."""
    listing = ImageListing()
    for token, entry in sorted(read_journal(folder).items()):
        if links is not None and links.get(token) != entry.url:
            continue
        if entry.file is None:
            listing.refused[token] = f"{entry.url}: {entry.reason}"
        elif not (folder / entry.file).is_file() or (folder / entry.file).is_symlink():
            listing.refused[token] = f"{entry.url}: its file is gone"
        else:
            read = _reader(folder / entry.file, max_bytes)
            listing.images.append(ImageFile(token, entry.url, read, entry.sha256 or ""))
    return listing


def _reader(path: Path, max_bytes: int) -> Callable[[], bytes]:
    """A function that reads a file up to a limit."""

    def read() -> bytes:
        with path.open("rb") as file:
            return _limited(file.read(max_bytes + 1), max_bytes)

    return read


def _inside(path: Path, root: Path) -> bool:
    """Whether a link ends below the root."""
    try:
        return root in path.resolve(strict=True).parents
    except (OSError, RuntimeError):
        # A link to nothing, or in a circle.
        return False


def _list_archive(
    archive: zipfile.ZipFile, max_bytes: int, references: Mapping[str, str] | None
) -> ImageListing:
    """List the members of a zip archive."""

    def reader(member: zipfile.ZipInfo) -> Callable[[], bytes]:
        def read() -> bytes:
            # The directory's size may lie, so the limit is on what really unpacks.
            with archive.open(member) as file:
                return _limited(file.read(max_bytes + 1), max_bytes)

        return read

    members = (
        _Found(member.filename, reader(member), f"{member.file_size}-{member.CRC:08x}")
        for member in archive.infolist()
        if not member.is_dir()
    )
    return _listing(members) if references is None else _named(members, references)


class _Found(NamedTuple):
    """A file of a source, and why it cannot be used if that is known."""

    name: str
    read: Callable[[], bytes]
    stamp: str
    reason: str | None = None


def _unread() -> bytes:
    """Stands where a file must not be read."""
    raise ValueError("refused")


def _listing(files: Iterable[_Found]) -> ImageListing:
    """Sort files by name, and sort out what is no image or names an item twice."""
    listing = ImageListing()
    taken: dict[str, str] = {}
    # Sorted, so that the outcome does not depend on the order of the directory.
    for file in sorted(files, key=lambda file: file.name):
        reason = file.reason or _unsuitable(file.name)
        token = PurePosixPath(file.name.replace("\\", "/")).stem
        if reason is None and not is_feature_token(token):
            reason = "a name that no feature file can hold, with blanks or NUL at its ends"
        if reason is None and token in taken:
            reason = f"item {token} already has {taken[token]}"
        if reason is not None:
            listing.ignored[file.name] = reason
            listing.refused.setdefault(token, f"{file.name}: {reason}")
            continue
        taken[token] = file.name
        listing.images.append(ImageFile(token, file.name, file.read, file.stamp))
    for token in taken:
        listing.refused.pop(token, None)
    return listing


def _named(files: Iterable[_Found], references: Mapping[str, str]) -> ImageListing:
    """Give each file to the items that name it; several may, as variants of one product do."""
    listing = ImageListing()
    takers: dict[str, list[str]] = {}
    for token, reference in references.items():
        takers.setdefault(_plain(reference), []).append(token)
    for file in sorted(files, key=lambda file: file.name):
        tokens = takers.pop(_plain(file.name), [])
        reason = file.reason or _unsuitable(file.name) or ("" if tokens else "no item names it")
        if reason:
            listing.ignored[file.name] = reason
            listing.refused.update(dict.fromkeys(tokens, f"{file.name}: {reason}"))
        else:
            images = (ImageFile(token, file.name, file.read, file.stamp) for token in tokens)
            listing.images.extend(images)
    for name, tokens in takers.items():
        listing.refused.update(dict.fromkeys(tokens, f"{name}: {_why_not_there(name)}"))
    return listing


def _plain(name: str) -> str:
    """A relative name in one spelling; blanks are written as ``.item`` files write them."""
    return reference_word(PurePosixPath(name.replace("\\", "/")).as_posix())


def _why_not_there(name: str) -> str:
    """Say why no file has a name that an item gives."""
    if _LINK.match(name):
        return "a link; links are fetched with --url-field"
    return _leaves(name, "folder") or "no such file"


def _leaves(name: str, what: str) -> str | None:
    """Say that a name leads out of a folder or archive; None for one that does not."""
    path = PurePosixPath(name)
    if path.is_absolute() or _DRIVE.match(name) or ".." in path.parts:
        return f"its path leaves the {what}"
    return None


def _unsuitable(name: str) -> str | None:
    """Say why a name is ignored; None for one to use."""
    # Windows spellings count too: an archive may have been made there.
    path = PurePosixPath(name.replace("\\", "/"))
    if not path.parts:
        return "no file name"
    if outside := _leaves(str(path), "archive"):
        return outside
    if path.parts[0] == "__MACOSX" or any(part.startswith(".") for part in path.parts):
        return "hidden file"
    if path.suffix.lower() not in SUFFIXES:
        return "not an image by its name"
    return None


def _limited(data: bytes, max_bytes: int) -> bytes:
    """Return the bytes unless they are more than allowed."""
    if len(data) > max_bytes:
        raise ValueError(f"larger than {max_bytes} bytes")
    return data


def check_any(listing: ImageListing, source: str | os.PathLike[str]) -> None:
    """Refuse a source without any image.

    Args:
        listing: What was found.
        source: Where.

    Raises:
        ValueError: If there is none, with the first reasons.
    """
    if not listing.images:
        seen = dict(list({**listing.ignored, **listing.refused}.items())[:3])
        raise ValueError(
            f"{source}: no image in it (files with {', '.join(sorted(SUFFIXES))}); ignored: {seen}"
        )
