"""What a device tells of itself beside its answers: counts per layer and stage, its image's digests, its last fault."""

from __future__ import annotations

import struct
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from tinygen.core.errors import bad_input
from tinygen.device.client import Client
from tinygen.device.faults import Fault, parse_fault
from tinygen.device.frames import Type
from tinygen.device.messages import condition, malformed

_LONG_S = 15.0
_LEAST_S = 60.0  # an interpreter starts a dozen times
_LAYERS, _RECORDING, _STAGES, _ARENA, _LEAST = 0, 1, 2, 3, 4
_LAYERS_HEAD = struct.Struct("<BxHHHI")
_STAGES_HEAD = struct.Struct("<BxHI")
_INTEGRITY_HEAD = struct.Struct("<BBHHHII")


@dataclass(frozen=True, slots=True, kw_only=True)
class LayerCounts:
    """One run of the model.

    Attributes:
        ticks: the counter's difference per step, the overhead taken off.
        overhead: ticks that a mark itself costs, as the device measured them just before.
    """

    ticks: tuple[int, ...]
    overhead: int


@dataclass(frozen=True, slots=True, kw_only=True)
class StageCounts:
    """One recording through the front end; as LayerCounts, with how often each stage was marked."""

    ticks: tuple[int, ...]
    marks: tuple[int, ...]
    overhead: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ArenaUse:
    """How much of the arena one inference writes: up to where, and how many bytes of it."""

    arena_bytes: int
    high_water_bytes: int
    written_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Integrity:
    """What the device found when it looked at its own image.

    Attributes:
        image, weights: "intact", "damaged" or "no digest".
        weight_count, bad_weights: arrays of weights in all, and damaged ones.
        first_bad_weight: in the order of weight_digests.cpp; None when none is.
        expected_crc, actual_crc: of the image, 0 without a digest.
        spans: (address, bytes) of what the image's digest covers.
    """

    image: str
    weights: str
    weight_count: int
    bad_weights: int
    first_bad_weight: int | None
    expected_crc: int
    actual_crc: int
    spans: tuple[tuple[int, int], ...]


def count_layers(client: Client) -> LayerCounts:
    """Run the model once on the input that is there and count each step. The result stays readable."""
    ticks: list[int] = []
    overhead = 0
    while True:
        payload = client.request(Type.PROFILE, struct.pack("<BxH", _LAYERS, len(ticks)), timeout_s=_LONG_S)
        if len(payload) < _LAYERS_HEAD.size:
            raise malformed(Type.PROFILE, len(payload), client.name)
        _, first, count, total, overhead = _LAYERS_HEAD.unpack_from(payload)
        if len(payload) != _LAYERS_HEAD.size + 4 * count or first != len(ticks) or (count == 0 and total):
            raise malformed(Type.PROFILE, len(payload), client.name)
        ticks += struct.unpack_from(f"<{count}I", payload, _LAYERS_HEAD.size)
        if len(ticks) >= total:
            return LayerCounts(ticks=tuple(max(0, n - overhead) for n in ticks), overhead=overhead)


def count_stages(client: Client, samples: npt.NDArray[np.int16]) -> StageCounts:
    """Stream a recording through the front end and count each stage of it. The input it made stays.

    Args:
        samples: int16 [samples_per_inference, n_channels].
    """
    client.run_raw(samples, begin=(Type.PROFILE, struct.pack("<BxH", _RECORDING, 0)))
    payload = client.request(Type.PROFILE, struct.pack("<BxH", _STAGES, 0))
    if len(payload) < _STAGES_HEAD.size:
        raise malformed(Type.PROFILE, len(payload), client.name)
    _, stages, overhead = _STAGES_HEAD.unpack_from(payload)
    if len(payload) != _STAGES_HEAD.size + 8 * stages:
        raise malformed(Type.PROFILE, len(payload), client.name)
    words = struct.unpack_from(f"<{2 * stages}I", payload, _STAGES_HEAD.size)
    ticks, marks = words[::2], words[1::2]
    return StageCounts(
        ticks=tuple(max(0, n - overhead * m) for n, m in zip(ticks, marks, strict=True)), marks=marks, overhead=overhead
    )


def arena_use(client: Client) -> ArenaUse:
    """Paint the arena, run the model on the input that is there, and see what it wrote."""
    payload = client.request(Type.PROFILE, struct.pack("<BxH", _ARENA, 0), timeout_s=_LONG_S)
    if len(payload) != 16:
        raise malformed(Type.PROFILE, len(payload), client.name)
    size, high_water, written = struct.unpack("<4x3I", payload)
    return ArenaUse(arena_bytes=size, high_water_bytes=high_water, written_bytes=written)


def least_arena_bytes(client: Client) -> int:
    """The smallest arena the device's engine starts in; the device forgets its last result."""
    payload = client.request(Type.PROFILE, struct.pack("<BxH", _LEAST, 0), timeout_s=_LEAST_S)
    if len(payload) != 12:
        raise malformed(Type.PROFILE, len(payload), client.name)
    return int(struct.unpack("<8xI", payload)[0])


def integrity(client: Client, *, again: bool) -> Integrity:
    """What the device found when it started, or finds now (`again`)."""
    payload = client.request(Type.INTEGRITY, bytes([again]), timeout_s=_LONG_S)
    if len(payload) < _INTEGRITY_HEAD.size:
        raise malformed(Type.INTEGRITY, len(payload), client.name)
    bits, count, weights, bad, first, expected, actual = _INTEGRITY_HEAD.unpack_from(payload)
    if len(payload) != _INTEGRITY_HEAD.size + 8 * count:
        raise malformed(Type.INTEGRITY, len(payload), client.name)
    words = struct.unpack_from(f"<{2 * count}I", payload, _INTEGRITY_HEAD.size)
    return Integrity(
        image=condition(bits),
        weights=condition(bits >> 2),
        weight_count=weights,
        bad_weights=bad,
        first_bad_weight=first if bad else None,
        expected_crc=expected,
        actual_crc=actual,
        spans=tuple(zip(words[::2], words[1::2], strict=True)),
    )


def span_crc(client: Client, address: int, n_bytes: int) -> int:
    """CRC-32 of a piece of the image as the device reads it.

    Raises:
        TinygenError: the piece is not aligned to words, or not part of the image.
    """
    if address % 4 or n_bytes % 4:
        raise bad_input(f"{n_bytes} bytes at {address:#x} are no whole words", where=client.name)
    payload = client.request(Type.SPAN_DIGEST, struct.pack("<II", address, n_bytes), timeout_s=_LONG_S)
    if len(payload) != 12:
        raise malformed(Type.SPAN_DIGEST, len(payload), client.name)
    return int.from_bytes(payload[8:], "little")


def last_fault(client: Client) -> Fault | None:
    """The fault before the device's last start, where it remembers one."""
    payload = client.request(Type.LAST_FAULT, b"")
    return parse_fault(payload) if payload else None
