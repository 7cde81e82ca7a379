"""Strict .npz files: arrays and one JSON document, never a pickled object."""

from __future__ import annotations

import io
import json
import zipfile
import zlib
from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from tinygen.core.canonical import canonical_json
from tinygen.core.errors import bad_input

_FACTS = "facts"
# What NumPy, zipfile and json raise on files that are not what they should be.
_BROKEN = (
    zipfile.BadZipFile, zlib.error, ValueError, KeyError, EOFError, OSError, NotImplementedError, SyntaxError,
    MemoryError, OverflowError,
)  # fmt: skip

Array = npt.NDArray[np.generic]


def pack(facts: Mapping[str, object], arrays: Mapping[str, Array], *, compressed: bool) -> bytes:
    """Arrays and facts as the bytes of one .npz; the same values give the same bytes."""
    file = io.BytesIO()
    named = {_FACTS: np.frombuffer(canonical_json(facts).encode(), dtype=np.uint8), **arrays}
    save = np.savez_compressed if compressed else np.savez
    save(file, allow_pickle=False, **dict(named))
    return file.getvalue()


def unpack(data: bytes, where: str) -> tuple[dict[str, object], dict[str, Array]]:
    """What `pack` wrote.

    Raises:
        TinygenError: not such a file, truncated, or its checksums do not fit.
    """
    try:
        with np.load(io.BytesIO(data), allow_pickle=False) as archive:
            arrays = {name: archive[name] for name in archive.files}
        facts = json.loads(arrays.pop(_FACTS).tobytes())
    except _BROKEN as error:
        raise bad_input(f"is damaged, truncated or not one of our files ({_short(error)})", where=where) from error
    if not isinstance(facts, dict):
        raise bad_input("is damaged (its facts are no table)", where=where)
    return facts, arrays


def _short(error: Exception) -> str:
    text = str(error).splitlines()[0] if str(error) else ""
    return text[:80] or type(error).__name__
