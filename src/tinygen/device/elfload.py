"""What a simulator loads from an ELF file: segments at their load addresses."""

from __future__ import annotations

import struct
from pathlib import Path

from tinygen.core.errors import bad_input

_PT_LOAD = 1


def load_segments(path: Path) -> tuple[tuple[int, bytes], ...]:
    """(load address, bytes) of every loadable segment of a 32-bit little-endian ELF file.

    Source: System V ABI, chapter 5, program header.

    Raises:
        TinygenError: the file is missing or is no such ELF.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise bad_input(f"cannot read the image: {error.strerror or error}", where=str(path)) from error
    if len(data) < 52 or data[:6] != b"\x7fELF\x01\x01":
        raise bad_input("is not a 32-bit little-endian ELF file", where=str(path), hint="build the project again")
    (table,) = struct.unpack_from("<I", data, 28)
    entry_bytes, count = struct.unpack_from("<HH", data, 42)
    if table + entry_bytes * count > len(data) or (count and entry_bytes < 32):
        raise bad_input("is cut short", where=str(path), hint="build the project again")
    segments = []
    for index in range(count):
        kind, offset, _, physical, size = struct.unpack_from("<5I", data, table + entry_bytes * index)
        if kind == _PT_LOAD and size:
            if offset + size > len(data):
                raise bad_input("is cut short", where=str(path), hint="build the project again")
            segments.append((physical, data[offset : offset + size]))
    return tuple(segments)
