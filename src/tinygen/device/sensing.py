"""The device's own source of samples: asked about, recorded from. The twin of firmware/protocol/requests_sensor.cpp.

While it records, samples wait in the device's ring until they are fetched; a clip that fits the ring survives any line.
"""

from __future__ import annotations

import struct
import time
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from tinygen.core.errors import ExitCode, TinygenError, no_answer
from tinygen.core.progress import Progress, silent
from tinygen.device.client import Client
from tinygen.device.frames import Type
from tinygen.device.messages import malformed

SOURCE_KINDS = ("none", "adc", "i2s", "pdm", "imu")
REAL_TIME_BAUD = 460_800
"""What audio at 16 kHz needs in real time: 32,000 bytes a second, in answers that are waited for one by one."""
_ASK, _RECORD, _STOP = 0, 1, 2
_STATE = struct.Struct("<BBH5IH")
_SAMPLES = struct.Struct("<III")
_MOST_BYTES = 500
_SILENT_S = 3.0
_PAUSE_S = 0.002


@dataclass(frozen=True, slots=True, kw_only=True)
class SensorState:
    """What a device says of its source.

    Attributes:
        kind: one of SOURCE_KINDS. name: the sensor in words.
        rate_hz: as the hardware makes it.
        ring_instants: so many wait in the device at most.
        offered: instants since the recording began. overruns: instants that were lost. saturated: samples.
    """

    kind: str
    name: str
    recording: bool
    channels: int
    rate_hz: float
    ring_instants: int
    offered: int
    overruns: int
    saturated: int


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Capture:
    """A recording without a gap: int16 [instants, channels]. `seconds`: how long it took to come over."""

    signal: npt.NDArray[np.int16]
    rate_hz: float
    seconds: float
    saturated: int


def line_rate(baud: int, channels: int) -> float:
    """Instants a second that a serial line carries at most: ten bits a byte, 24 bytes around every answer."""
    per_answer = _MOST_BYTES // (2 * channels)
    return baud / 10 / (2 * channels * per_answer + _SAMPLES.size + 24) * per_answer


def state(client: Client) -> SensorState:
    """Ask, and change nothing.

    Raises:
        TinygenError: the image has no front end, or as any request.
    """
    return _sense(client, _ASK, 0)


def stop(client: Client) -> SensorState:
    """End a recording."""
    return _sense(client, _STOP, 0)


def record(client: Client, instants: int, progress: Progress = silent) -> Capture:
    """So many instants in a row from the device's source.

    Args:
        client: greeted or not.
        instants: at least 1.
        progress: told how far it is.

    Raises:
        TinygenError: the sensor does not run (CHECK_FAILED), gives nothing (NO_ANSWER), or samples were lost because
            the line is slower than the sensor and the ring too small (CHECK_FAILED).
    """
    began = time.monotonic()
    told = _sense(client, _RECORD, instants)
    try:
        signal = _fetch(client, told, instants, progress)
        found = state(client)
    finally:
        last = stop(client)
    if last.overruns:
        raise TinygenError(
            ExitCode.CHECK_FAILED,
            f"{last.overruns:,} of {last.offered + last.overruns:,} instants were lost: the line is slower than the "
            "sensor",
            where=told.name,
            hint=f"more baud (audio: {REAL_TIME_BAUD:,}), a clip of {told.ring_instants / told.rate_hz:.2f} s, "
            "or a larger ring ([sensor] ring_s in tinygen.toml)",
        )
    return Capture(signal=signal, rate_hz=told.rate_hz, seconds=time.monotonic() - began, saturated=found.saturated)


def _fetch(client: Client, told: SensorState, instants: int, progress: Progress) -> npt.NDArray[np.int16]:
    found = np.empty((instants, told.channels), dtype=np.int16)
    most = _MOST_BYTES // (2 * told.channels)
    position, heard = 0, time.monotonic()
    while position < instants:
        wanted = min(most, instants - position)
        answer = client.request(Type.SAMPLES, struct.pack("<IH", position, wanted))
        size = len(answer) - _SAMPLES.size
        if size < 0 or size % (2 * told.channels) or size > 2 * told.channels * wanted:
            raise malformed(Type.SAMPLES, len(answer), told.name)
        _, _, overruns = _SAMPLES.unpack_from(answer)
        if overruns:
            break  # what comes now is not what was before: told by the caller
        count = size // (2 * told.channels)
        if count == 0:
            if time.monotonic() - heard > _SILENT_S:
                raise no_answer(
                    f"its sensor gave nothing for {_SILENT_S:g} s", where=told.name, hint="is it connected and powered?"
                )
            time.sleep(_PAUSE_S)
            continue
        part = np.frombuffer(answer, dtype="<i2", offset=_SAMPLES.size).reshape(count, told.channels)
        found[position : position + count] = part
        position, heard = position + count, time.monotonic()
        progress("recording", position, instants)
    return found


def _sense(client: Client, action: int, instants: int) -> SensorState:
    answer = client.request(Type.SENSE, struct.pack("<BxxxI", action, instants))
    if len(answer) < _STATE.size:
        raise malformed(Type.SENSE, len(answer), "sensor")
    kind, recording, channels, rate, ring, offered, overruns, saturated, length = _STATE.unpack_from(answer)
    if len(answer) != _STATE.size + length or channels == 0:
        raise malformed(Type.SENSE, len(answer), "sensor")
    return SensorState(
        kind=SOURCE_KINDS[kind] if kind < len(SOURCE_KINDS) else f"kind {kind}",
        name=answer[_STATE.size :].decode(errors="replace") or "no sensor",
        recording=bool(recording),
        channels=channels,
        rate_hz=rate / 1000,
        ring_instants=ring,
        offered=offered,
        overruns=overruns,
        saturated=saturated,
    )
