"""Noise reduction and PCAN (per-channel amplitude normalisation) of TFLM's audio front end.

Source: tensorflow/lite/experimental/microfrontend/lib (noise_reduction.c, pcan_gain_control.c and their *_util.c),
as arithmetic; own words and code. The constants are those of the wake-word projects (and of `pymicro-features`).
"""

from __future__ import annotations

from functools import cache

import numpy as np
import numpy.typing as npt

from tinygen.features.integers import bit_length

NOISE_BITS = 14
SMOOTHING_BITS = 10
EVEN_SMOOTHING = 0.025
ODD_SMOOTHING = 0.06
MIN_SIGNAL_REMAINING = 0.05
PCAN_STRENGTH = 0.95
PCAN_OFFSET = 80.0
PCAN_GAIN_BITS = 21
PCAN_SNR_BITS = 12
PCAN_OUTPUT_BITS = 6
PCAN_FUNCTION_BITS = 32

UInt32 = npt.NDArray[np.uint32]
Int64 = npt.NDArray[np.int64]


def _q14(value: float) -> int:
    return int(np.float32(np.float32(value) * np.float32(1 << NOISE_BITS)))


def smoothing_q14() -> tuple[int, int, int]:
    """(even channels' smoothing, odd channels' smoothing, least remaining signal), each times 2^14, truncated."""
    return _q14(EVEN_SMOOTHING), _q14(ODD_SMOOTHING), _q14(MIN_SIGNAL_REMAINING)


def reduce_noise(signal: UInt32, estimate: UInt32) -> tuple[UInt32, UInt32]:
    """Subtract the running noise estimate of each channel.

    Args:
        signal: uint32 [..., n_bands].
        estimate: uint32, same shape, scaled by 2^SMOOTHING_BITS.

    Returns:
        (signal, estimate) after this frame. Products are 64 bit, scaled values wrap at 32 bit.
    """
    even, odd, least = smoothing_q14()
    smoothing = np.where(np.arange(signal.shape[-1]) % 2 == 0, even, odd).astype(np.uint64)
    scaled = (signal << np.uint32(SMOOTHING_BITS)).astype(np.uint64)
    mixed = scaled * smoothing + estimate.astype(np.uint64) * (np.uint64(1 << NOISE_BITS) - smoothing)
    updated = (mixed >> np.uint64(NOISE_BITS)).astype(np.uint32)
    subtracted = (scaled - np.minimum(updated, scaled)) >> np.uint64(SMOOTHING_BITS)
    floor = (signal.astype(np.uint64) * np.uint64(least)) >> np.uint64(NOISE_BITS)
    return np.maximum(subtracted, floor).astype(np.uint32), updated


def _gain_at(x: int, input_bits: int) -> int:
    real = np.float32(np.float32(x) / np.float32(2.0**input_bits))
    # powf: the float64 power rounded to float32 is its correctly rounded value.
    power = np.float32(float(np.float32(real + np.float32(PCAN_OFFSET))) ** float(np.float32(-PCAN_STRENGTH)))
    gain = np.float32(np.float32(1 << PCAN_GAIN_BITS) * power)
    return 32767 if gain > 32767 else int(np.float32(gain + np.float32(0.5)))


def _int16(value: int) -> int:
    return (value + 32768) % 65536 - 32768


@cache
def gain_table(correction_bits: int) -> npt.NDArray[np.int16]:
    """int16 [125]: gain as a function of the noise estimate: values at 0 and 1, then 4 numbers per power of two.

    Entry 4k-6.. of k = 2..32 holds value, linear and quadratic coefficient of [2^(k-1), 2^k), and one unused 0.
    """
    input_bits = SMOOTHING_BITS - correction_bits
    table = np.zeros(4 * PCAN_FUNCTION_BITS - 3, dtype=np.int16)
    table[0] = _gain_at(0, input_bits)
    table[1] = _gain_at(1, input_bits)
    for interval in range(2, PCAN_FUNCTION_BITS + 1):
        x0 = 1 << (interval - 1)
        x2 = 2 * x0 - 1 if interval == PCAN_FUNCTION_BITS else 2 * x0
        y0, y1, y2 = (_gain_at(x, input_bits) for x in (x0, x0 + x0 // 2, x2))
        linear = 4 * (y1 - y0) - (y2 - y0)
        at = 4 * interval - 6
        table[at : at + 3] = (y0, _int16(linear), _int16(y2 - y0 - linear))
    table.setflags(write=False)
    return table


def snr_shift(correction_bits: int) -> int:
    """Right shift after signal * gain."""
    return PCAN_GAIN_BITS - correction_bits - PCAN_SNR_BITS


def normalise(signal: UInt32, estimate: UInt32, correction_bits: int) -> UInt32:
    """PCAN: divide each channel by its noise estimate's power function, then compress.

    Args:
        signal, estimate: uint32 [..., n_bands]; the estimate is noise reduction's, after its update.
        correction_bits: log2(FFT size) - 6.
    """
    table = gain_table(correction_bits).astype(np.int64)
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
    snr = ((signal.astype(np.uint64) * gain.astype(np.uint64)) >> np.uint64(snr_shift(correction_bits))).astype(
        np.uint32
    )
    square = (snr * snr) >> np.uint32(2 + 2 * PCAN_SNR_BITS - PCAN_OUTPUT_BITS)
    line = (snr >> np.uint32(PCAN_SNR_BITS - PCAN_OUTPUT_BITS)) - np.uint32(1 << PCAN_OUTPUT_BITS)
    return np.where(snr < np.uint32(2 << PCAN_SNR_BITS), square, line).astype(np.uint32)
