"""Sigmoid and hyperbolic tangent of int16 values by interpolation in one table, as TFLM computes them.

Source: tensorflow/lite/kernels/internal/reference/integer_ops/logistic.h and tanh.h (the int16 versions).
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Int64 = npt.NDArray[np.int64]


def sigmoid_table() -> npt.NDArray[np.uint16]:
    """sigmoid(i / 24) in units of 2^-16 for i = 0..255, lifted by half of what straight lines between them miss.

    The wheel's own table was read back from its TANH over all int16 inputs: this formula gives every one of its entries
    (the last is the end of the range).
    """
    real = 1.0 / (1.0 + np.exp(-np.arange(256) / 24.0))
    curvature = real * (1.0 - real) * (2.0 * real - 1.0) / 24.0**2
    table = np.floor(65536.0 * (real + curvature / 16.0) + 0.5).astype(np.uint16)
    table[255] = 65535
    return table


def _interpolated(magnitude: Int64, bits: int) -> Int64:
    table = sigmoid_table().astype(np.int64)
    place = np.minimum(magnitude >> bits, 254)
    low, high = table[place], table[place + 1]
    result: Int64 = (low << bits) + (magnitude & ((1 << bits) - 1)) * (high - low)
    return result


def _spread(values: npt.ArrayLike, multiplier: int, shift: int) -> Int64:
    rounding = 1 << (shift - 1) if shift > 0 else 0
    result: Int64 = (np.asarray(values, np.int64) * multiplier + rounding) >> shift
    return result


def logistic_int16(values: npt.ArrayLike, multiplier: int, shift: int) -> Int64:
    """int16 to Q0.15; `multiplier` and `shift` bring the input to 3 times Q3.12."""
    spread = _spread(values, multiplier, shift)
    magnitude = np.abs(spread)
    result = np.where(magnitude >> 9 >= 255, 0x7FFF << 10, _interpolated(magnitude, 9))
    done: Int64 = np.where(spread >= 0, result + (1 << 9), (1 << 25) - result + (1 << 9) - 1) >> 10
    return done


def tanh_int16(values: npt.ArrayLike, multiplier: int, shift: int) -> Int64:
    """int16 to Q0.15, like `logistic_int16`."""
    spread = _spread(values, multiplier, shift)
    magnitude = np.abs(spread)
    result = np.where(magnitude >> 8 >= 255, 0xFFFF << 8, _interpolated(magnitude, 8))
    done: Int64 = np.where(spread >= 0, result - (1 << 23) + (1 << 7), -result + (1 << 23) + (1 << 7) - 1) >> 8
    return done
