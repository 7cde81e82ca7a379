"""Noise reduction and PCAN (per-channel amplitude normalisation) of TFLM's audio front end.

Source: tensorflow/lite/experimental/microfrontend/lib (noise_reduction.c, pcan_gain_control.c and their *_util.c),
as arithmetic; own words and code. The spec's defaults are the constants of the wake-word projects (`pymicro-features`).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
import numpy.typing as npt

from tinygen.features.integers import bit_length
from tinygen.features.spec import LogMelSpec

NOISE_BITS = 14
PCAN_SNR_BITS = 12
PCAN_OUTPUT_BITS = 6
PCAN_FUNCTION_BITS = 32

UInt32 = npt.NDArray[np.uint32]
Int64 = npt.NDArray[np.int64]


def _q14(value: float) -> int:
    return int(np.float32(np.float32(value) * np.float32(1 << NOISE_BITS)))


@dataclass(frozen=True, slots=True, kw_only=True)
class Noise:
    """Noise reduction's integers: shares times 2^14, truncated; the estimate is scaled by 2^smoothing_bits."""

    smoothing_bits: int
    even: int
    odd: int
    least: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Pcan:
    """PCAN's constants. `input_bits`: fractional bits of the estimate as the gain curve sees it."""

    strength: float
    offset: float
    gain_bits: int
    input_bits: int
    snr_shift: int


def noise_of(spec: LogMelSpec) -> Noise:
    """The spec's noise reduction."""
    return Noise(
        smoothing_bits=spec.smoothing_bits,
        even=_q14(spec.even_smoothing),
        odd=_q14(spec.odd_smoothing),
        least=_q14(spec.min_signal_remaining),
    )


def pcan_of(spec: LogMelSpec, correction_bits: int) -> Pcan:
    """The spec's PCAN.

    Args:
        spec: the front end.
        correction_bits: log2(FFT size) - 6.
    """
    return Pcan(
        strength=spec.pcan_strength,
        offset=spec.pcan_offset,
        gain_bits=spec.pcan_gain_bits,
        input_bits=spec.smoothing_bits - correction_bits,
        snr_shift=spec.pcan_gain_bits - correction_bits - PCAN_SNR_BITS,
    )


def problems(spec: LogMelSpec, correction_bits: int) -> list[str]:
    """Reasons to refuse the spec's constants: what would overflow, or what the original leaves undefined."""
    found = []
    for name in ("even_smoothing", "odd_smoothing", "min_signal_remaining"):
        if not 0 <= getattr(spec, name) <= 1:
            found.append(f"{name} must be in 0..1, got {getattr(spec, name)}")
    if not 0 <= spec.smoothing_bits <= 15:
        found.append(f"smoothing_bits must be in 0..15, got {spec.smoothing_bits}")
    if not spec.enable_pcan:
        return found
    if not 0 < spec.pcan_offset <= 65536:
        found.append(f"pcan_offset must be above 0 and at most 65536, got {spec.pcan_offset}")
    if not 0 <= spec.pcan_strength <= 4:
        found.append(f"pcan_strength must be in 0..4, got {spec.pcan_strength}")
    if not 1 <= spec.pcan_gain_bits <= 31:
        found.append(f"pcan_gain_bits must be in 1..31, got {spec.pcan_gain_bits}")
    pcan = pcan_of(spec, correction_bits)
    if not 0 <= pcan.input_bits <= 31:
        found.append(f"smoothing_bits must be at least {correction_bits} for this window, got {spec.smoothing_bits}")
    if not 0 <= pcan.snr_shift <= 31:
        found.append(f"pcan_gain_bits must be at least {correction_bits + PCAN_SNR_BITS}, got {spec.pcan_gain_bits}")
    return found


def reduce_noise(signal: UInt32, estimate: UInt32, noise: Noise) -> tuple[UInt32, UInt32]:
    """Subtract the running noise estimate of each channel.

    Args:
        signal: uint32 [..., n_bands].
        estimate: uint32, same shape, scaled by 2^smoothing_bits.
        noise: the constants.

    Returns:
        (signal, estimate) after this frame. Products are 64 bit, scaled values wrap at 32 bit.
    """
    smoothing = np.where(np.arange(signal.shape[-1]) % 2 == 0, noise.even, noise.odd).astype(np.uint64)
    scaled = (signal << np.uint32(noise.smoothing_bits)).astype(np.uint64)
    mixed = scaled * smoothing + estimate.astype(np.uint64) * (np.uint64(1 << NOISE_BITS) - smoothing)
    updated = (mixed >> np.uint64(NOISE_BITS)).astype(np.uint32)
    subtracted = (scaled - np.minimum(updated, scaled)) >> np.uint64(noise.smoothing_bits)
    floor = (signal.astype(np.uint64) * np.uint64(noise.least)) >> np.uint64(NOISE_BITS)
    return np.maximum(subtracted, floor).astype(np.uint32), updated


def _gain_at(x: int, pcan: Pcan) -> int:
    real = np.float32(np.float32(x) / np.float32(2.0**pcan.input_bits))
    # powf: the float64 power rounded to float32 is its correctly rounded value.
    power = np.float32(float(np.float32(real + np.float32(pcan.offset))) ** float(np.float32(-pcan.strength)))
    gain = np.float32(np.float32(1 << pcan.gain_bits) * power)
    return 32767 if gain > 32767 else int(np.float32(gain + np.float32(0.5)))


def _int16(value: int) -> int:
    return (value + 32768) % 65536 - 32768


@cache
def gain_table(pcan: Pcan) -> npt.NDArray[np.int16]:
    """int16 [125]: gain as a function of the noise estimate: values at 0 and 1, then 4 numbers per power of two.

    Entry 4k-6.. of k = 2..32 holds value, linear and quadratic coefficient of [2^(k-1), 2^k), and one unused 0.
    """
    table = np.zeros(4 * PCAN_FUNCTION_BITS - 3, dtype=np.int16)
    table[0] = _gain_at(0, pcan)
    table[1] = _gain_at(1, pcan)
    for interval in range(2, PCAN_FUNCTION_BITS + 1):
        x0 = 1 << (interval - 1)
        x2 = 2 * x0 - 1 if interval == PCAN_FUNCTION_BITS else 2 * x0
        y0, y1, y2 = (_gain_at(x, pcan) for x in (x0, x0 + x0 // 2, x2))
        linear = 4 * (y1 - y0) - (y2 - y0)
        at = 4 * interval - 6
        table[at : at + 3] = (y0, _int16(linear), _int16(y2 - y0 - linear))
    table.setflags(write=False)
    return table


def normalise(signal: UInt32, estimate: UInt32, pcan: Pcan) -> UInt32:
    """PCAN: divide each channel by its noise estimate's power function, then compress.

    Args:
        signal, estimate: uint32 [..., n_bands]; the estimate is noise reduction's, after its update.
        pcan: the constants.
    """
    table = gain_table(pcan).astype(np.int64)
    x = estimate.astype(np.int64)
    interval = np.maximum(bit_length(estimate), 2)
    at = 4 * interval - 6
    left = np.maximum(11 - interval, 0)
    right = np.maximum(interval - 11, 0)
    fraction = ((x << left) >> right) & 0x3FF
    curve = ((table[at + 2] * fraction) >> 5) + (table[at + 1] << 5)
    # The original adds uint32 and multiplies in int32: the same bits as wrapping here.
    product = (curve * fraction).astype(np.int32).astype(np.int64)
    value = ((product + (1 << 14)) >> 15) + table[at]
    gain = np.where(x <= 2, table[np.minimum(x, 2)], value).astype(np.int16).astype(np.uint32)
    snr = ((signal.astype(np.uint64) * gain.astype(np.uint64)) >> np.uint64(pcan.snr_shift)).astype(np.uint32)
    square = (snr * snr) >> np.uint32(2 + 2 * PCAN_SNR_BITS - PCAN_OUTPUT_BITS)
    line = (snr >> np.uint32(PCAN_SNR_BITS - PCAN_OUTPUT_BITS)) - np.uint32(1 << PCAN_OUTPUT_BITS)
    return np.where(snr < np.uint32(2 << PCAN_SNR_BITS), square, line).astype(np.uint32)
