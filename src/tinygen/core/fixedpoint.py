"""TensorFlow Lite's fixed-point arithmetic on NumPy arrays: the definition every kernel is measured against.

Source: tensorflow/lite/kernels/internal/common.h and quantization_util.cc (double rounding, as the pinned
`tflite-micro` wheel is built); gemmlowp/fixedpoint for the two primitives.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

Int32 = npt.NDArray[np.int32]
Int64 = npt.NDArray[np.int64]

INT32_MIN = -(2**31)
INT32_MAX = 2**31 - 1


def quantize_multiplier(value: float) -> tuple[int, int]:
    """Split a positive real multiplier into (multiplier, shift): value ≈ multiplier · 2^(shift-31).

    multiplier is 0 or in [2^30, 2^31); shift < 0 means a right shift. Values too small to matter give (0, 0).
    """
    if value == 0.0:
        return 0, 0
    fraction, shift = math.frexp(value)
    # TfLiteRound = std::round: halves away from zero.
    quantized = math.floor(fraction * (1 << 31) + 0.5) if fraction >= 0 else -math.floor(-fraction * (1 << 31) + 0.5)
    if quantized == 1 << 31:
        quantized //= 2
        shift += 1
    if shift < -31:
        return 0, 0
    if shift > 30:
        return INT32_MAX, 30
    return quantized, shift


def saturating_rounding_doubling_high_mul(a: npt.ArrayLike, b: npt.ArrayLike) -> Int64:
    """round(a·b / 2^31) with halves toward positive infinity; saturates only for INT32_MIN · INT32_MIN.

    Args:
        a, b: int32 values of any broadcastable shapes.
    """
    a64 = np.asarray(a, dtype=np.int64)
    b64 = np.asarray(b, dtype=np.int64)
    product = a64 * b64
    nudge = np.where(product >= 0, np.int64(1 << 30), np.int64(1 - (1 << 30)))
    total = product + nudge
    # C's division truncates toward zero; NumPy's // floors.
    high = np.where(total >= 0, total >> 31, -((-total) >> 31))
    overflow = (a64 == INT32_MIN) & (b64 == INT32_MIN)
    result: Int64 = np.where(overflow, np.int64(INT32_MAX), high)
    return result


def rounding_divide_by_pot(value: npt.ArrayLike, exponent: npt.ArrayLike) -> Int64:
    """value / 2^exponent, rounded to nearest, halves away from zero; exponent in 0..31."""
    v = np.asarray(value, dtype=np.int64)
    e = np.asarray(exponent, dtype=np.int64)
    mask = (np.int64(1) << e) - 1
    remainder = v & mask
    threshold = (mask >> 1) + (v < 0)
    result: Int64 = (v >> e) + (remainder > threshold)
    return result


def multiply_by_quantized_multiplier(value: npt.ArrayLike, multiplier: npt.ArrayLike, shift: npt.ArrayLike) -> Int64:
    """TFLite's MultiplyByQuantizedMultiplier for int32 accumulators (two roundings).

    Args:
        value: int32 accumulators.
        multiplier: int32, from `quantize_multiplier`.
        shift: > 0 left, < 0 right.

    Returns:
        int64 array whose values fit int32. The left shift wraps like the C code's int32 product.
    """
    s = np.asarray(shift, dtype=np.int64)
    left = np.maximum(s, 0)
    right = np.maximum(-s, 0)
    shifted = (np.asarray(value, dtype=np.int64) << left).astype(np.int32)
    return rounding_divide_by_pot(saturating_rounding_doubling_high_mul(shifted, multiplier), right)


def reduced_multiplier(multiplier: int) -> int:
    """A multiplier cut to the 15 bits that 64-bit accumulators are scaled with."""
    return (multiplier + (1 << 15)) >> 16 if multiplier < 0x7FFF0000 else 0x7FFF


def multiply_wide_by_quantized_multiplier(
    value: npt.ArrayLike, multiplier: npt.ArrayLike, shift: npt.ArrayLike
) -> Int64:
    """TFLite's MultiplyByQuantizedMultiplier for int64 accumulators (one rounding, halves upward).

    Args:
        value: -2^47 to 2^47 - 1.
        multiplier: int32, from `quantize_multiplier`; only its upper 15 bits count.
        shift: -31..7, > 0 left.

    Returns:
        int64 array whose values fit int32: what does not fit keeps its low 32 bits.
    """
    wide = np.asarray(multiplier, np.int64)
    reduced = np.where(wide < 0x7FFF0000, (wide + (1 << 15)) >> 16, 0x7FFF)
    total = 15 - np.asarray(shift, np.int64)
    scaled = (np.asarray(value, np.int64) * reduced + (np.int64(1) << (total - 1))) >> total
    result: Int64 = scaled.astype(np.int32).astype(np.int64)
    return result
