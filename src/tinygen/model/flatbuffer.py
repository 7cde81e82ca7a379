"""A bounds-checked reader of flatbuffers whose tables are described as data.

Nothing is trusted: every offset, length and vtable is checked against the file before it is used, so a corrupt or
truncated file ends in a TinygenError that says where. The schema is not recursive, so a cyclic offset cannot loop.

Source: https://flatbuffers.dev/internals/ (binary encoding).
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from tinygen.core.errors import TinygenError, bad_input
from tinygen.model.schema import SCALAR_BYTES, SCALAR_FORMAT, TABLES, Field

_DTYPES: dict[str, str] = {"[u8]": "<u1", "[i32]": "<i4", "[i64]": "<i8", "[f32]": "<f4"}


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Source:
    """The bytes of a file and its name for errors."""

    data: bytes
    name: str

    def corrupt(self, what: str, where: str) -> TinygenError:
        """The error for bytes that cannot be a flatbuffer."""
        return bad_input(
            f"corrupt .tflite file: {what}",
            where=f"{self.name}: {where}" if where else self.name,
            hint="the file is damaged or cut short; convert or download it again",
        )

    def u32(self, position: int, where: str) -> int:
        """Little-endian uint32 at a byte position."""
        self.need(position, 4, where)
        return int.from_bytes(self.data[position : position + 4], "little")

    def need(self, position: int, count: int, where: str) -> None:
        """Raise unless `count` bytes exist at `position`."""
        if position < 0 or count < 0 or position + count > len(self.data):
            raise self.corrupt(f"{count} bytes at offset {position} lie outside the {len(self.data)} bytes", where)

    def follow(self, position: int, where: str) -> int:
        """The place a forward offset stored at `position` leads to."""
        distance = self.u32(position, where)
        if distance < 4:
            raise self.corrupt(f"offset {distance} at {position} leads nowhere", where)
        target = position + distance
        self.need(target, 4, where)
        return target


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Table:
    """A table of the file. Reading a field checks it; absent fields give their default or nothing."""

    source: Source
    position: int
    kind: str
    where: str
    slots: tuple[int, ...]
    size_bytes: int

    def has(self, name: str) -> bool:
        """True when the file stores this field."""
        return self._place(self._field(name)) is not None

    def number(self, name: str) -> int:
        """An integer, boolean or enum field."""
        return int(self._scalar(name))

    def real(self, name: str) -> float:
        """A float field."""
        return float(self._scalar(name))

    def text(self, name: str) -> str:
        """A string field, "" when absent; bytes that are no UTF-8 are shown escaped."""
        start, count = self._vector(name, 1)
        return self.source.data[start : start + count].decode("utf-8", errors="backslashreplace")

    def raw(self, name: str) -> bytes:
        """A byte vector, b"" when absent."""
        start, count = self._vector(name, 1)
        return self.source.data[start : start + count]

    def numbers(self, name: str) -> tuple[int, ...]:
        """An integer vector, () when absent."""
        return tuple(int(v) for v in self._array(name))

    def reals(self, name: str) -> tuple[float, ...]:
        """A float vector, () when absent; values are float32 exactly."""
        return tuple(float(v) for v in self._array(name))

    def table(self, name: str) -> Table | None:
        """A sub-table, None when absent."""
        field = self._field(name)
        place = self._place(field)
        if place is None:
            return None
        where = f"{self.where}.{name}"
        return open_table(self.source, self.source.follow(place, where), field.table, where)

    def union(self, name: str, kind: str) -> Table | None:
        """A union's table read as `kind`, None when absent."""
        place = self._place(self._field(name))
        if place is None:
            return None
        where = f"{self.where}.{name}"
        return open_table(self.source, self.source.follow(place, where), kind, where)

    def tables(self, name: str, label: str) -> tuple[Table, ...]:
        """A vector of tables, () when absent; errors call the elements `label N`."""
        field = self._field(name)
        start, count = self._vector(name, 4)
        found = []
        for i in range(count):
            where = f"{label} {i}"
            found.append(open_table(self.source, self.source.follow(start + 4 * i, where), field.table, where))
        return tuple(found)

    def _field(self, name: str) -> Field:
        return TABLES[self.kind][name]

    def _place(self, field: Field) -> int | None:
        if field.slot >= len(self.slots) or self.slots[field.slot] == 0:
            return None
        inline_bytes = SCALAR_BYTES.get(field.type, 4)
        offset = self.slots[field.slot]
        if offset < 4 or offset + inline_bytes > self.size_bytes:
            raise self.source.corrupt(f"field {field.slot} of a {self.kind} lies outside its table", self.where)
        return self.position + offset

    def _scalar(self, name: str) -> float:
        field = self._field(name)
        place = self._place(field)
        if place is None:
            return field.default
        value: float = struct.unpack_from(SCALAR_FORMAT[field.type], self.source.data, place)[0]
        return value

    def _vector(self, name: str, element_bytes: int) -> tuple[int, int]:
        place = self._place(self._field(name))
        if place is None:
            return 0, 0
        where = f"{self.where}.{name}"
        start = self.source.follow(place, where)
        count = self.source.u32(start, where)
        self.source.need(start + 4, count * element_bytes, where)
        return start + 4, count

    def _array(self, name: str) -> npt.NDArray[np.generic]:
        dtype = np.dtype(_DTYPES[self._field(name).type])
        start, count = self._vector(name, dtype.itemsize)
        return np.frombuffer(self.source.data, dtype=dtype, count=count, offset=start)


def open_table(source: Source, position: int, kind: str, where: str) -> Table:
    """Check a table's vtable and return a view of it.

    Raises:
        TinygenError: vtable or table do not lie inside the file.
    """
    source.need(position, 4, where)
    vtable = position - int.from_bytes(source.data[position : position + 4], "little", signed=True)
    source.need(vtable, 4, where)
    vtable_bytes, table_bytes = struct.unpack_from("<HH", source.data, vtable)
    if vtable_bytes < 4 or vtable_bytes % 2:
        raise source.corrupt(f"a {kind} has a vtable of {vtable_bytes} bytes", where)
    source.need(vtable, vtable_bytes, where)
    if table_bytes < 4:
        raise source.corrupt(f"a {kind} claims {table_bytes} bytes", where)
    source.need(position, table_bytes, where)
    slots = struct.unpack_from(f"<{(vtable_bytes - 4) // 2}H", source.data, vtable + 4)
    return Table(source=source, position=position, kind=kind, where=where, slots=slots, size_bytes=table_bytes)


def open_root(data: bytes, name: str, kind: str, identifier: bytes) -> Table:
    """The root table of a file.

    Args:
        data: the whole file.
        name: how errors call it.
        kind: the root table's name in the schema.
        identifier: the four bytes that must stand at offset 4.

    Raises:
        TinygenError: not such a file, or damaged.
    """
    source = Source(data=data, name=name)
    if len(data) < 8 or data[4:8] != identifier:
        raise bad_input(
            f"not a TensorFlow Lite model: no '{identifier.decode()}' mark at byte 4 ({len(data)} bytes in all)",
            where=name,
            hint="give a .tflite file as written by tf.lite.TFLiteConverter",
        )
    return open_table(source, source.follow(0, "root"), kind, kind.lower())
