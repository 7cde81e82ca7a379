"""Vectors with their expected bytes as one file, so that a proof can be made where TFLM's wheel does not exist."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from pydantic import BaseModel, ConfigDict, NonNegativeInt, ValidationError

from tinygen.core.errors import bad_input
from tinygen.core.files import write_atomic
from tinygen.verify.npz import Array, pack, unpack
from tinygen.verify.values import Expected, Vector
from tinygen.verify.wheel import PINNED_VERSION

FORMAT_VERSION = 1


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class VectorSet:
    """Vectors and answers that belong together.

    Attributes:
        model_digest: SHA-256 of the .tflite the answers are of, 64 hex digits.
        wheel: version of the tflite-micro wheel that gave them.
        seed: of the constructed ones.
        files: what is needed to build the image again without training: {name: bytes}.
    """

    vectors: tuple[Vector, ...]
    expected: tuple[Expected, ...]
    model_digest: str
    wheel: str
    seed: int = 0
    files: dict[str, bytes] = field(default_factory=dict)

    @property
    def source(self) -> str:
        """Where the answers come from, in words."""
        return f"exported vectors of tflite-micro {self.wheel}"


class _Facts(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)

    format: int
    wheel: str
    model: str
    seed: int
    names: list[str]
    labels: list[str]
    has_raw: list[bool]
    tensors: list[NonNegativeInt]
    files: list[str]


def export(path: Path, bundle: VectorSet) -> None:
    """Write a vector set as one .npz (no pickled objects); the same set gives the same bytes.

    Raises:
        TinygenError: the sets do not fit together; the file cannot be written.
    """
    if not bundle.vectors or len(bundle.vectors) != len(bundle.expected):
        raise bad_input(f"{len(bundle.expected)} answers for {len(bundle.vectors)} vectors", where=str(path))
    write_atomic(path, to_bytes(bundle))


def to_bytes(bundle: VectorSet) -> bytes:
    """The file's content."""
    tensors = sorted(bundle.expected[0].tensors)
    has_raw = [vector.raw is not None for vector in bundle.vectors]
    facts = {
        "format": FORMAT_VERSION,
        "wheel": bundle.wheel,
        "model": bundle.model_digest,
        "seed": bundle.seed,
        "names": [vector.name for vector in bundle.vectors],
        "labels": [vector.label for vector in bundle.vectors],
        "has_raw": has_raw,
        "tensors": tensors,
        "files": sorted(bundle.files),
    }
    arrays: dict[str, Array] = {
        "model_input": np.stack([vector.model_input.reshape(-1) for vector in bundle.vectors]),
        "output": _bytes_matrix([answer.output for answer in bundle.expected]),
    }
    if any(has_raw):
        arrays["raw"] = np.stack([vector.raw for vector in bundle.vectors if vector.raw is not None])
    for index in tensors:
        arrays[f"tensor_{index}"] = _bytes_matrix([answer.tensors[index] for answer in bundle.expected])
    for number, name in enumerate(sorted(bundle.files)):
        arrays[f"file_{number}"] = np.frombuffer(bundle.files[name], dtype=np.uint8)
    return pack(facts, arrays, compressed=True)


def load(path: Path, *, model_digest: str = "") -> VectorSet:
    """Read a vector set.

    Args:
        path: the file.
        model_digest: SHA-256 of the model about to be verified; another one in the file is refused. "" accepts any.

    Raises:
        TinygenError: no such file; truncated, damaged or foreign; another format, oracle or model.
    """
    where = str(path)
    try:
        data = path.read_bytes()
    except FileNotFoundError as error:
        hint = "make it with: tinygen verify --export-vectors FILE"
        raise bad_input("no such vectors file", where=where, hint=hint) from error
    except OSError as error:
        raise bad_input(f"cannot be read: {error.strerror or error}", where=where) from error
    raw_facts, arrays = unpack(data, where)
    if raw_facts.get("format") != FORMAT_VERSION:
        raise bad_input(
            f"has format {raw_facts.get('format')!r}, this tinygen reads format {FORMAT_VERSION}",
            where=where,
            hint="export the vectors again with this version of tinygen",
        )
    try:
        facts = _Facts.model_validate_json(json.dumps(raw_facts))
    except ValidationError as error:
        first = error.errors()[0]
        raise bad_input(f"is damaged: {'.'.join(map(str, first['loc']))}: {first['msg']}", where=where) from error
    if facts.wheel != PINNED_VERSION:
        raise bad_input(
            f"its answers are of tflite-micro {facts.wheel}, the oracle is {PINNED_VERSION}",
            where=where,
            hint="export the vectors again with this version of tinygen",
        )
    if model_digest and facts.model != model_digest:
        raise bad_input(
            f"was made for another model ({facts.model[:16]}..., this one is {model_digest[:16]}...)",
            where=where,
            hint="export the vectors again for this model",
        )
    return _assemble(facts, arrays, where)


def _assemble(facts: _Facts, arrays: dict[str, Array], where: str) -> VectorSet:
    count = len(facts.names)
    model_input = _array(arrays, "model_input", "int8", (count, 2), where=where)
    output = _array(arrays, "output", "uint8", (count, 2), where=where)
    tensors = {i: _array(arrays, f"tensor_{i}", "uint8", (count, 2), where=where) for i in facts.tensors}
    raw = _array(arrays, "raw", "int16", (sum(facts.has_raw), 3), where=where) if any(facts.has_raw) else None
    if not count or len(facts.labels) != count or len(facts.has_raw) != count:
        raise bad_input("is damaged: its lists differ in length", where=where)
    vectors: list[Vector] = []
    position = 0
    for number in range(count):
        signal = None
        if raw is not None and facts.has_raw[number]:
            signal = raw[position].astype(np.int16)
            position += 1
        vectors.append(
            Vector(
                name=facts.names[number],
                raw=signal,
                model_input=model_input[number].astype(np.int8),
                label=facts.labels[number],
            )
        )
    expected = tuple(
        Expected(output=output[n].tobytes(), tensors={i: tensors[i][n].tobytes() for i in tensors})
        for n in range(count)
    )
    files = {
        name: _array(arrays, f"file_{number}", "uint8", (None, 1), where=where).tobytes()
        for number, name in enumerate(facts.files)
    }
    return VectorSet(
        vectors=tuple(vectors),
        expected=expected,
        model_digest=facts.model,
        wheel=facts.wheel,
        seed=facts.seed,
        files=files,
    )


def _array(arrays: dict[str, Array], name: str, dtype: str, shape: tuple[int | None, int], *, where: str) -> Array:
    """An array that must have this dtype, and `shape` = (rows or None for any number, dimensions)."""
    rows, ndim = shape
    found = arrays.get(name)
    if found is None:
        raise bad_input(f"is damaged: '{name}' is missing", where=where)
    if found.dtype != np.dtype(dtype) or found.ndim != ndim or rows not in (None, found.shape[0]):
        raise bad_input(f"is damaged: '{name}' is {found.dtype} {list(found.shape)}", where=where)
    return found


def _bytes_matrix(rows: Sequence[bytes]) -> Array:
    return np.stack([np.frombuffer(row, dtype=np.uint8) for row in rows])
