"""Canonical JSON and SHA-256 digests: the same value gives the same bytes on every machine."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Iterable, Mapping
from enum import Enum
from pathlib import Path, PurePosixPath

import numpy as np


def to_jsonable(value: object) -> object:
    """Turn dataclasses, enums, tuples, NumPy scalars and arrays, bytes and paths into plain JSON values.

    Arrays and bytes become {"sha256": ..., ...}: a digest stands for bulk data.

    Raises:
        TypeError: for a type that has no canonical form.
    """
    if value is None or isinstance(value, bool | int | str):
        return value.value if isinstance(value, Enum) else value
    if isinstance(value, Enum):
        return to_jsonable(value.value)
    if isinstance(value, float):
        return value
    if isinstance(value, np.generic):
        return to_jsonable(value.item())
    if isinstance(value, np.ndarray):
        contiguous = np.ascontiguousarray(value)
        return {"dtype": str(value.dtype), "shape": list(value.shape), "sha256": digest_bytes(contiguous.tobytes())}
    if isinstance(value, bytes | bytearray):
        return {"sha256": digest_bytes(bytes(value)), "bytes": len(value)}
    if isinstance(value, PurePosixPath):
        return str(value)
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {f.name: to_jsonable(getattr(value, f.name)) for f in dataclasses.fields(value)}
    if isinstance(value, Mapping):
        return {str(key): to_jsonable(item) for key, item in value.items()}
    if isinstance(value, Iterable):
        return [to_jsonable(item) for item in value]
    raise TypeError(f"no canonical form for {type(value).__name__}")


def canonical_json(value: object) -> str:
    """JSON with sorted keys and no insignificant white space, ending without a newline."""
    return json.dumps(to_jsonable(value), sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def pretty_json(value: object) -> str:
    """The same values as `canonical_json`, indented for people, ending with a newline."""
    return json.dumps(to_jsonable(value), sort_keys=True, indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def digest_bytes(data: bytes) -> str:
    """SHA-256 of bytes as 64 hex digits."""
    return hashlib.sha256(data).hexdigest()


def digest(value: object) -> str:
    """SHA-256 of the canonical JSON of a value, as 64 hex digits."""
    return digest_bytes(canonical_json(value).encode())


def digest_file(path: Path) -> str:
    """SHA-256 of a file's bytes, read in blocks, as 64 hex digits.

    Raises:
        OSError: when the file cannot be read.
    """
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def digest_tree(roots: Iterable[Path], *, suffixes: tuple[str, ...] | None = None) -> str:
    """SHA-256 over names and bytes of all files below some folders (or of single files), in sorted order.

    Byte-compiled Python and hidden files do not count. Used to key steps by the code that runs in them.
    """
    entries: list[tuple[str, str]] = []
    for root in roots:
        files = [root] if root.is_file() else sorted(p for p in root.rglob("*") if p.is_file())
        for path in files:
            relative = path.relative_to(root.parent)
            if any(part.startswith(".") or part == "__pycache__" for part in relative.parts):
                continue
            if suffixes is None or path.suffix in suffixes:
                entries.append((relative.as_posix(), digest_file(path)))
    return digest(sorted(entries))
