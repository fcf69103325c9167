"""Memory-maps an array inside a `.npz` archive, which ``numpy.savez`` stores as it is."""

from __future__ import annotations

import struct
import zipfile

import numpy as np

# a local file header: 26 bytes, then the lengths of name and extra field, which it ends with
_HEADER = struct.Struct("<26xHH")


def map_npz_member(path: str, name: str) -> np.memmap | None:
    """Map one array of a `.npz` file.

    Args:
        path: the archive.
        name: of the array.

    Returns:
        The array, read from the file as it is accessed. None where that is not possible:
        compressed (``numpy.savez_compressed``), empty, made of Python objects, or no such array.

    Raises:
        OSError: the file cannot be opened.
        zipfile.BadZipFile: it is no archive.
        ValueError: the array's header is broken.
    """
    with zipfile.ZipFile(path) as archive:
        member = archive.NameToInfo.get(f"{name}.npy")
    if member is None or member.compress_type != zipfile.ZIP_STORED or member.flag_bits & 1:
        return None
    with open(path, "rb") as handle:
        handle.seek(member.header_offset)
        name_length, extra_length = _HEADER.unpack(handle.read(_HEADER.size))
        handle.seek(name_length + extra_length, 1)
        read_header = {
            (1, 0): np.lib.format.read_array_header_1_0,
            (2, 0): np.lib.format.read_array_header_2_0,
        }.get(np.lib.format.read_magic(handle))
        if read_header is None:
            return None
        shape, by_columns, dtype = read_header(handle)
        if dtype.hasobject or 0 in shape:
            return None
        begin = handle.tell()
    return np.memmap(path, dtype, "r", begin, shape, order="F" if by_columns else "C")
