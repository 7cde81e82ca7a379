"""Which words of an image are not what they should be, found by asking for checksums of ever smaller pieces."""

from __future__ import annotations

import zlib
from collections.abc import Iterable
from dataclasses import dataclass

from tinygen.device import instruments
from tinygen.device.client import Client

MOST_PLACES = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Damage:
    """A word that differs from the image's file.

    Attributes:
        address: where it lies, a multiple of 4.
        expected, actual: its four bytes; `actual` is None where it could not be told.
    """

    address: int
    expected: bytes
    actual: bytes | None


def find_damage(client: Client, segments: Iterable[tuple[int, bytes]]) -> tuple[Damage, ...]:
    """The first words that differ, at most MOST_PLACES; () when the device's image is that of the file.

    Args:
        client: a greeted device whose image carries a digest.
        segments: (load address, bytes) of the image's file.

    Raises:
        TinygenError: it does not answer.
    """
    stored = tuple(segments)
    found: list[Damage] = []
    for start, size in instruments.integrity(client, again=False).spans:
        data = _stored(stored, start, size)
        if data is not None:
            _halve(client, start, data, found)
    return tuple(found)


def _halve(client: Client, address: int, data: bytes, found: list[Damage]) -> None:
    if not data or len(found) >= MOST_PLACES:
        return
    crc = instruments.span_crc(client, address, len(data))
    if crc == zlib.crc32(data):
        return
    if len(data) == 4:
        found.append(Damage(address=address, expected=data, actual=_one_byte_off(data, crc)))
        return
    middle = len(data) // 8 * 4
    _halve(client, address, data[:middle], found)
    _halve(client, address + middle, data[middle:], found)


def _one_byte_off(data: bytes, crc: int) -> bytes | None:
    """The four bytes with this CRC that differ from `data` in one byte; None when there are none."""
    for position in range(4):
        for value in range(256):
            other = data[:position] + bytes([value]) + data[position + 1 :]
            if zlib.crc32(other) == crc:
                return other
    return None


def _stored(segments: tuple[tuple[int, bytes], ...], start: int, size: int) -> bytes | None:
    for address, data in segments:
        if address <= start and start + size <= address + len(data):
            return data[start - address : start - address + size]
    return None
