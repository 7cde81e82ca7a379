"""Writes TFLite flatbuffers from plain descriptions: the other half of the tables in `schema.py`.

For tests and tools that need a model without TensorFlow. The layout is written front to back: a table, then what its
offsets lead to, each aligned as flatbuffers wants it (tensor data to 16 bytes, which TFLM relies on).
"""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from tinygen.core.errors import bad_input
from tinygen.model.ir import DType
from tinygen.model.schema import (
    FILE_IDENTIFIER,
    OPERATOR_NAMES,
    OPTIONS_TYPES,
    PLACEHOLDER_FOR_GREATER_CODES,
    SCALAR_BYTES,
    SCALAR_FORMAT,
    SCHEMA_VERSION,
    TABLES,
    TENSOR_TYPES,
)

_VECTOR_FORMAT = {"[i32]": "i", "[i64]": "q", "[f32]": "f"}
_DATA_ALIGNMENT_BYTES = 16


@dataclass(frozen=True, slots=True)
class Record:
    """A table to write: its name in the schema and the fields it stores."""

    kind: str
    fields: Mapping[str, object]


def write(root: Record, identifier: bytes) -> bytes:
    """Serialise a table and everything below it."""
    out = bytearray(b"\0\0\0\0" + identifier)
    position = _write_table(out, root)
    struct.pack_into("<I", out, 0, position)
    return bytes(out)


def _align(out: bytearray, alignment: int, extra: int = 0) -> None:
    out.extend(b"\0" * (-(len(out) + extra) % alignment))


def _write_table(out: bytearray, record: Record) -> int:
    fields = TABLES[record.kind]
    stored = sorted(record.fields, key=lambda name: (-SCALAR_BYTES.get(fields[name].type, 4), fields[name].slot))
    n_slots = max((fields[name].slot for name in stored), default=-1) + 1
    # The table's first word is the distance to its vtable; 8-byte fields come first, so they start at offset 8.
    offset = 4
    offsets: dict[str, int] = {}
    for name in stored:
        size = SCALAR_BYTES.get(fields[name].type, 4)
        offset += -offset % size
        offsets[name] = offset
        offset += size
    slots = [0] * n_slots
    for name, place in offsets.items():
        slots[fields[name].slot] = place
    _align(out, 2)
    vtable = len(out)
    out.extend(struct.pack(f"<HH{n_slots}H", 4 + 2 * n_slots, offset, *slots))
    _align(out, 8)
    table = len(out)
    out.extend(b"\0" * offset)
    struct.pack_into("<i", out, table, table - vtable)
    for name in stored:
        kind = fields[name].type
        value = record.fields[name]
        place = table + offsets[name]
        if kind in SCALAR_FORMAT:
            struct.pack_into(SCALAR_FORMAT[kind], out, place, value)
        else:
            target = _write_child(out, kind, value)
            struct.pack_into("<I", out, place, target - place)
    return table


def _write_child(out: bytearray, kind: str, value: object) -> int:
    if isinstance(value, Record):
        return _write_table(out, value)
    if kind == "string":
        data = str(value).encode()
        _align(out, 4)
        start = len(out)
        out.extend(struct.pack("<I", len(data)) + data + b"\0")
        return start
    if kind == "[u8]" and isinstance(value, bytes):
        _align(out, _DATA_ALIGNMENT_BYTES, extra=4)
        start = len(out)
        out.extend(struct.pack("<I", len(value)) + value)
        return start
    if not isinstance(value, Sequence):
        raise TypeError(f"a field of type {kind} needs a sequence")
    if kind == "[table]":
        _align(out, 4)
        start = len(out)
        out.extend(struct.pack("<I", len(value)) + bytes(4 * len(value)))
        for i, item in enumerate(value):
            place = start + 4 + 4 * i
            struct.pack_into("<I", out, place, _write_table(out, item) - place)
        return start
    letter = _VECTOR_FORMAT[kind]
    _align(out, struct.calcsize(letter), extra=4)
    start = len(out)
    out.extend(struct.pack(f"<I{len(value)}{letter}", len(value), *value))
    return start


def packed_int4(data: npt.NDArray[np.generic]) -> bytes:
    """Values of -8..7, two in a byte, the first one in the lower half."""
    halves = data.reshape(-1).astype(np.int64) & 15
    padded = np.append(halves, 0)[: halves.size + halves.size % 2].reshape(-1, 2)
    return bytes((padded[:, 0] | padded[:, 1] << 4).astype(np.uint8))


@dataclass(slots=True)
class ModelBuilder:
    """Collects tensors and operators of one subgraph; `finish` gives the file."""

    description: str = "tinygen"
    _tensors: list[Record] = field(default_factory=list)
    _buffers: list[Record] = field(default_factory=lambda: [Record("Buffer", {})])
    _operators: list[Record] = field(default_factory=list)
    _codes: list[Record] = field(default_factory=list)
    _code_index: dict[str, int] = field(default_factory=dict)

    def tensor(
        self,
        name: str,
        dtype: DType,
        shape: Sequence[int],
        *,
        scales: Sequence[float] = (),
        zero_points: Sequence[int] = (),
        axis: int = 0,
        data: npt.NDArray[np.generic] | None = None,
    ) -> int:
        """Add a tensor and return its index. With `data` it is a constant; without `scales` it is not quantised."""
        buffer = 0
        if data is not None:
            buffer = len(self._buffers)
            raw = packed_int4(data) if dtype == "int4" else np.ascontiguousarray(data).tobytes()
            self._buffers.append(Record("Buffer", {"data": raw}))
        number = next(number for number, word in TENSOR_TYPES.items() if word == dtype)
        fields: dict[str, object] = {"shape": list(shape), "type": number, "buffer": buffer, "name": name}
        if scales:
            points = list(zero_points) if zero_points else [0] * len(scales)
            quantization = {"scale": list(scales), "zero_point": points, "quantized_dimension": axis}
            fields["quantization"] = Record("QuantizationParameters", quantization)
        self._tensors.append(Record("Tensor", fields))
        return len(self._tensors) - 1

    def variable(
        self, name: str, dtype: DType, shape: Sequence[int], *, scales: Sequence[float], zero_points: Sequence[int] = ()
    ) -> int:
        """Add a tensor that an operator updates in place (SVDF, LSTM) and return its index."""
        index = self.tensor(name, dtype, shape, scales=scales, zero_points=zero_points)
        self._tensors[index] = Record("Tensor", {**self._tensors[index].fields, "is_variable": True})
        return index

    def op(
        self,
        name: str,
        inputs: Sequence[int],
        outputs: Sequence[int],
        options: Record | None = None,
        intermediates: Sequence[int] = (),
    ) -> int:
        """Add an operator by TFLite's name ("CONV_2D") and return its position.

        Raises:
            TinygenError: no such operator in the schema.
        """
        if name not in self._code_index:
            number = next((n for n, word in OPERATOR_NAMES.items() if word == name), None)
            if number is None:
                raise bad_input(f"no TFLite operator is called '{name}'")
            self._code_index[name] = len(self._codes)
            old = min(number, PLACEHOLDER_FOR_GREATER_CODES)
            self._codes.append(Record("OperatorCode", {"deprecated_builtin_code": old, "builtin_code": number}))
        fields: dict[str, object] = {
            "opcode_index": self._code_index[name],
            "inputs": list(inputs),
            "outputs": list(outputs),
        }
        if intermediates:
            fields["intermediates"] = list(intermediates)
        if options is not None:
            fields["builtin_options_type"] = OPTIONS_TYPES[options.kind]
            fields["builtin_options"] = options
        self._operators.append(Record("Operator", fields))
        return len(self._operators) - 1

    def finish(self, inputs: Sequence[int], outputs: Sequence[int]) -> bytes:
        """The .tflite file."""
        subgraph = {
            "tensors": self._tensors,
            "inputs": list(inputs),
            "outputs": list(outputs),
            "operators": self._operators,
            "name": "main",
        }
        model = {
            "version": SCHEMA_VERSION,
            "operator_codes": self._codes,
            "subgraphs": [Record("SubGraph", subgraph)],
            "description": self.description,
            "buffers": self._buffers,
        }
        return write(Record("Model", model), FILE_IDENTIFIER)
