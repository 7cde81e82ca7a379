"""Envelope spectrum of vibration: how the strength of a carrier band comes and goes, in integers.

A struck bearing rings at its resonances each time a rolling element passes the damage; the spectrum of that ringing's
envelope has lines at the fault frequencies (BPFO, BPFI, ...), where the plain spectrum has them hidden among sidebands.
Per channel, from the first instant of a snapshot:
1. y = clamp((sum of taps[i] * x[n - i] + 2^13) / 2^14): a symmetric band-pass of Q14 taps (windowed sinc);
2. envelope = floor((sum of |y| over `envelope_decimation` instants + half of that) / envelope_decimation);
3. envelope_size of these: mean off, Hann, real FFT, bands, exactly as the plain spectrum does with one window.
Source of the method: Randall and Antoni, "Rolling element bearing diagnostics - a tutorial", MSSP 25 (2011).
"""

from __future__ import annotations

import math
from functools import cache

import numpy as np
import numpy.typing as npt

from tinygen.features.fft import MAX_FFT
from tinygen.features.kind import Int16
from tinygen.features.spec import BandEnergySpec

TAP_BITS = 14
MAX_TAPS = 127
MAX_DECIMATION = 4096
MIN_SIZE = 16

Int32 = npt.NDArray[np.int32]


def problems(spec: BandEnergySpec) -> list[str]:
    """Reasons to refuse the envelope of a spec whose other fields are right."""
    size, taps = spec.envelope_size, spec.envelope_taps
    found = []
    if not MIN_SIZE <= size <= MAX_FFT or size & (size - 1):
        found.append(f"envelope_size must be a power of two in {MIN_SIZE}..{MAX_FFT}, got {size}")
    if not 1 <= spec.envelope_bands <= max(size // 2 - 2, 1):
        found.append(f"envelope_bands must be in 0..{size // 2 - 2} for this size, got {spec.envelope_bands}")
    if not 3 <= taps <= MAX_TAPS or taps % 2 == 0:
        found.append(f"envelope_taps must be odd and in 3..{MAX_TAPS}, got {taps}")
    if not 1 <= spec.envelope_decimation <= MAX_DECIMATION:
        found.append(f"envelope_decimation must be in 1..{MAX_DECIMATION}, got {spec.envelope_decimation}")
    if not 0 <= spec.envelope_lower_hz < spec.envelope_upper_hz <= spec.rate_hz / 2:
        found.append(
            f"0 <= envelope_lower_hz < envelope_upper_hz <= {spec.rate_hz / 2:g}, "
            f"got {spec.envelope_lower_hz:g} and {spec.envelope_upper_hz:g}"
        )
    if found:
        return found
    least = spec.window_samples - spec.hop_samples
    most = min(spec.n_windows * spec.hop_samples, spec.window_samples + (spec.n_windows - 1) * spec.hop_samples)
    if not least < span(spec) <= most:
        found.append(f"the envelope takes {span(spec)} instants, must be in {max(least, 0) + 1}..{most}")
    elif not np.abs(taps_of(spec).astype(np.int64)).sum() < 1 << 16:
        found.append("the envelope's band-pass would overflow 32 bits; take another band or more taps")
    return found


def span(spec: BandEnergySpec) -> int:
    """Instants of a snapshot that the envelope is made of."""
    return spec.envelope_taps - 1 + spec.envelope_size * spec.envelope_decimation


def taps_of(spec: BandEnergySpec) -> Int16:
    """int16 [envelope_taps]: the band-pass, 1 = 2^14, of gain 1 in the middle of its band."""
    return _taps(spec.rate_hz, spec.envelope_taps, spec.envelope_lower_hz, spec.envelope_upper_hz)


@cache
def _taps(rate_hz: int, count: int, lower_hz: float, upper_hz: float) -> Int16:
    low, high = lower_hz / rate_hz, upper_hz / rate_hz
    middle = (count - 1) // 2

    def ideal(k: int) -> float:
        if k == 0:
            return 2 * (high - low)
        return (math.sin(2 * math.pi * high * k) - math.sin(2 * math.pi * low * k)) / (math.pi * k)

    raw = [ideal(i - middle) * (0.5 - 0.5 * math.cos(2 * math.pi * (i + 1) / (count + 1))) for i in range(count)]
    centre = math.pi * (low + high)
    gain = sum(tap * math.cos(centre * (i - middle)) for i, tap in enumerate(raw))
    table = np.array([math.floor(tap / gain * (1 << TAP_BITS) + 0.5) for tap in raw], dtype=np.int16)
    table.setflags(write=False)
    return table


def envelopes(spec: BandEnergySpec, signals: Int16) -> Int16:
    """int16 [rows, envelope_size] of the beginnings of signals int16 [rows, span or more]."""
    used = signals[:, : span(spec)].astype(np.int32)
    length = spec.envelope_size * spec.envelope_decimation
    sums: Int32 = np.full((len(used), length), 1 << (TAP_BITS - 1), np.int32)
    for i, tap in enumerate(taps_of(spec).tolist()):
        sums += tap * used[:, i : i + length]
    heights = np.minimum(np.abs(sums >> TAP_BITS), 32767)
    totals = heights.reshape(len(used), spec.envelope_size, spec.envelope_decimation).sum(axis=2, dtype=np.int64)
    found: Int16 = ((totals + spec.envelope_decimation // 2) // spec.envelope_decimation).astype(np.int16)
    return found
