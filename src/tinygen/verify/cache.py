"""The oracle's answers kept on disk, keyed by wheel version, model digest and input digest."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from pydantic import NonNegativeInt, TypeAdapter, ValidationError

from tinygen.core.canonical import digest_bytes
from tinygen.core.errors import TinygenError
from tinygen.core.files import write_if_changed
from tinygen.verify.npz import pack, unpack
from tinygen.verify.values import Expected
from tinygen.verify.wheel import PINNED_VERSION

_FORMAT = 1
_SIZE = TypeAdapter(NonNegativeInt)
_SIZES = TypeAdapter(list[tuple[NonNegativeInt, NonNegativeInt]])


def to_file(expected: Expected, model_digest: str, input_digest: str) -> bytes:
    """One answer as the bytes of a file: two members, so that it loads fast."""
    indices = sorted(expected.tensors)
    facts = {
        "format": _FORMAT,
        "wheel": PINNED_VERSION,
        "model": model_digest,
        "input": input_digest,
        "output_bytes": len(expected.output),
        "tensors": [[index, len(expected.tensors[index])] for index in indices],
    }
    blob = expected.output + b"".join(expected.tensors[index] for index in indices)
    return pack(facts, {"data": np.frombuffer(blob, dtype=np.uint8)}, compressed=True)


def from_file(data: bytes, where: str, model_digest: str, input_digest: str) -> Expected | None:
    """The answer in a file, None when the file is damaged or answers another question."""
    try:
        facts, arrays = unpack(data, where)
    except TinygenError:
        return None
    asked = {"format": _FORMAT, "wheel": PINNED_VERSION, "model": model_digest, "input": input_digest}
    if {name: facts.get(name) for name in asked} != asked:
        return None
    try:
        blob = arrays["data"].tobytes()
        sizes = _SIZES.validate_python(facts.get("tensors"))
        start = output_bytes = _SIZE.validate_python(facts.get("output_bytes"))
    except (KeyError, ValidationError):
        return None
    tensors: dict[int, bytes] = {}
    for index, size in sizes:
        tensors[index] = blob[start : start + size]
        start += size
    return Expected(output=blob[:output_bytes], tensors=tensors) if start == len(blob) else None


@dataclass(frozen=True, slots=True)
class Cache:
    """A folder of answers of the pinned wheel."""

    root: Path

    def _folder(self, model_digest: str) -> Path:
        return self.root / f"tflm-{PINNED_VERSION}" / model_digest[:32]

    def _path(self, model_digest: str, input_digest: str) -> Path:
        return self._folder(model_digest) / f"{input_digest[:32]}.npz"

    def knows(self, model_digest: str) -> bool:
        """True when the pinned interpreter has run this model before: it does not crash on it."""
        folder = self._folder(model_digest)
        return folder.is_dir() and any(folder.glob("*.npz"))

    def get(self, model_digest: str, model_input: bytes) -> Expected | None:
        """The kept answer; a missing, damaged or foreign file gives None."""
        key = digest_bytes(model_input)
        path = self._path(model_digest, key)
        try:
            data = path.read_bytes()
        except OSError:
            return None
        return from_file(data, str(path), model_digest, key)

    def put(self, model_digest: str, model_input: bytes, expected: Expected) -> None:
        """Keep an answer; a damaged file of the same name is replaced.

        Raises:
            TinygenError: the folder is not writable.
        """
        key = digest_bytes(model_input)
        write_if_changed(self._path(model_digest, key), to_file(expected, model_digest, key))
