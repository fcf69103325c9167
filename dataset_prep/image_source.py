"""Images of items in a folder or a zip archive; the file stem is the item token."""

from __future__ import annotations

import os
import zipfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

SUFFIXES = frozenset((".jpg", ".jpeg", ".png", ".gif", ".webp", ".bmp", ".tif", ".tiff"))
# Far above any product photo; what is larger is a mistake or an attack on memory.
MAX_BYTES = 64 * 2**20


@dataclass(frozen=True)
class ImageFile:
    """One image: its item token, its name in the source, and a function that reads its bytes."""

    token: str
    name: str
    read: Callable[[], bytes]


@dataclass
class ImageListing:
    """The images of a source, sorted by name, and what was ignored (name to reason)."""

    images: list[ImageFile] = field(default_factory=list)
    ignored: dict[str, str] = field(default_factory=dict)


@contextmanager
def open_images(path: str | os.PathLike[str], max_bytes: int = MAX_BYTES) -> Iterator[ImageListing]:
    """List the images of a folder (with its subfolders) or a zip archive.

    Args:
        path: Folder or ``.zip`` file.
        max_bytes: Reading a larger image raises, so that one file cannot exhaust memory.

    Yields:
        The listing; its images can be read inside the block only.

    Raises:
        FileNotFoundError: If there is no such folder or file.
        ValueError: If the file is no zip archive, or holds no image.
    """
    source = Path(path)
    if source.is_dir():
        listing = _list_folder(source, max_bytes)
        _check_any(listing, source)
        yield listing
        return
    if not source.is_file():
        raise FileNotFoundError(f"{source}: no such folder or zip archive of images")
    try:
        archive = zipfile.ZipFile(source)
    except (zipfile.BadZipFile, ValueError, NotImplementedError) as error:
        raise ValueError(f"{source}: not a readable zip archive ({error})") from error
    with archive:
        listing = _list_archive(archive, max_bytes)
        _check_any(listing, source)
        yield listing


def _list_folder(folder: Path, max_bytes: int) -> ImageListing:
    """List the files below a folder."""

    def reader(path: Path) -> Callable[[], bytes]:
        def read() -> bytes:
            with path.open("rb") as file:
                return _limited(file.read(max_bytes + 1), max_bytes)

        return read

    files = (path for path in folder.rglob("*") if path.is_file())
    return _listing((path.relative_to(folder).as_posix(), reader(path)) for path in files)


def _list_archive(archive: zipfile.ZipFile, max_bytes: int) -> ImageListing:
    """List the members of a zip archive."""

    def reader(member: zipfile.ZipInfo) -> Callable[[], bytes]:
        def read() -> bytes:
            # The directory's size may lie, so the limit is on what really unpacks.
            with archive.open(member) as file:
                return _limited(file.read(max_bytes + 1), max_bytes)

        return read

    members = (member for member in archive.infolist() if not member.is_dir())
    return _listing((member.filename, reader(member)) for member in members)


def _listing(files: Iterable[tuple[str, Callable[[], bytes]]]) -> ImageListing:
    """Sort files by name, and sort out what is no image or names an item twice."""
    listing = ImageListing()
    taken: dict[str, str] = {}
    # Sorted, so that the outcome does not depend on the order of the directory.
    for name, read in sorted(files, key=lambda file: file[0]):
        reason = _unsuitable(name)
        token = PurePosixPath(name.replace("\\", "/")).stem
        if reason is None and token in taken:
            reason = f"item {token} already has {taken[token]}"
        if reason is not None:
            listing.ignored[name] = reason
            continue
        taken[token] = name
        listing.images.append(ImageFile(token, name, read))
    return listing


def _unsuitable(name: str) -> str | None:
    """Say why a name is ignored; None for one to use."""
    # Windows spellings count too: an archive may have been made there.
    path = PurePosixPath(name.replace("\\", "/"))
    if path.is_absolute() or ":" in path.parts[0] or ".." in path.parts:
        return "its path leaves the archive"
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


def _check_any(listing: ImageListing, source: Path) -> None:
    """Refuse a source without any image."""
    if not listing.images:
        seen = dict(list(listing.ignored.items())[:3])
        raise ValueError(
            f"{source}: no image in it (files with {', '.join(sorted(SUFFIXES))}); ignored: {seen}"
        )
