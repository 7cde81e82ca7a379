"""Bringing recorded numbers to what devices deliver: int16 samples at one rate."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from tinygen.core.errors import bad_input
from tinygen.datasets.values import Int16

Float64 = npt.NDArray[np.float64]

_KAISER_BETA = 9.0
_TABLE_STEPS = 4096


def to_int16(values: npt.ArrayLike) -> Int16:
    """Round to the nearest integer and saturate to int16."""
    return np.clip(np.rint(np.asarray(values, dtype=np.float64)), -32768, 32767).astype(np.int16)


def resample(signal: Int16, ratio: float, taps_per_side: int = 24) -> Int16:
    """Band-limited resampling of int16 [n, channels] to round(n * ratio) samples.

    Every output sample is a Kaiser-windowed sinc over 2 * taps_per_side input samples (more when the rate falls,
    because the cut-off falls with it). Source: J. O. Smith, "Digital Audio Resampling", section on
    windowed-sinc interpolation.
    """
    n_out = round(signal.shape[0] * ratio)
    if ratio == 1.0 or n_out == 0:
        return signal[:n_out]
    cutoff = min(1.0, ratio) * 0.94
    half = math.ceil(taps_per_side / min(1.0, ratio))
    # The kernel is read from a fine table: computing it afresh for every tap would take ten times as long.
    at = np.arange(half * _TABLE_STEPS + 1) / _TABLE_STEPS
    kernel = cutoff * np.sinc(cutoff * at) * np.i0(_KAISER_BETA * np.sqrt(1.0 - (at / half) ** 2))
    positions = np.arange(n_out, dtype=np.float64) / ratio
    first = np.floor(positions).astype(np.int64) - half + 1
    padded = np.pad(signal.astype(np.float64), ((half, half + 1), (0, 0)))
    out = np.zeros((n_out, signal.shape[1]), dtype=np.float64)
    total = np.zeros(n_out, dtype=np.float64)
    for tap in range(2 * half):
        index = first + tap
        weight = kernel[np.rint(np.abs(positions - index) * _TABLE_STEPS).astype(np.int64)]
        out += padded[np.clip(index + half, 0, padded.shape[0] - 1)] * weight[:, None]
        total += weight
    return to_int16(out / np.mean(total))


def to_rate(signal: Int16, rate_hz: int, wanted_hz: int) -> Int16:
    """The signal [n, channels] at another sampling rate."""
    return signal if rate_hz == wanted_hz else resample(signal, wanted_hz / rate_hz)


def mix_to_mono(signal: Int16) -> Int16:
    """The mean of all channels as int16 [n, 1]."""
    return signal if signal.shape[1] == 1 else to_int16(signal.mean(axis=1, keepdims=True))


def common_int16(
    signals: Sequence[npt.NDArray[Any]], names: Sequence[str], columns: Sequence[str]
) -> tuple[list[Int16], str]:
    """Bring numbers of any type to int16 with one power-of-two factor per channel for the whole data set.

    Whole numbers that fit int16 stay as they are. Others are multiplied so that the largest magnitude of a channel
    lies in (8192, 16384]: a device may see up to twice what was recorded before it saturates.

    Args:
        signals: numeric arrays [n, channels].
        names: the recordings' names, for messages.
        columns: the channels' names, for the note.

    Returns:
        (int16 arrays, a sentence about the units; "" when nothing was scaled)

    Raises:
        TinygenError: a value that is not finite, or not a number at all.
    """
    floats: list[Float64] = []
    for signal, name in zip(signals, names, strict=True):
        if signal.dtype.kind not in "iufb":
            raise bad_input(f"values of type {signal.dtype} are not numbers", where=name)
        values = signal.astype(np.float64)
        if not np.isfinite(values).all():
            row = int(np.argwhere(~np.isfinite(values))[0][0])
            raise bad_input(f"sample {row} is not a finite number", where=name, hint="remove or repair this recording")
        floats.append(values)
    if not floats:
        return [], ""
    peaks = np.max([np.abs(v).max(axis=0, initial=0.0) for v in floats], axis=0)
    whole = all(bool((v == np.rint(v)).all()) for v in floats)
    if whole and peaks.max(initial=0.0) <= 32767:
        return [to_int16(v) for v in floats], ""
    exponents = [14 - math.ceil(math.log2(peak)) if peak > 0 else 0 for peak in peaks]
    factors = np.array([2.0**e for e in exponents])
    said = ", ".join(f"{column} x {2.0**e:g}" for column, e in zip(columns, exponents, strict=True))
    note = f"numbers became int16 samples by scaling: {said}; the device must deliver samples in the same units"
    return [to_int16(v * factors) for v in floats], note
