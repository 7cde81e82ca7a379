"""exp, 1/(1+x) and logistic in Q-format int32 on NumPy arrays, bit for bit as gemmlowp computes them.

A value of `Qn` has n integer bits: real = raw · 2^(n-31).

Source: gemmlowp/fixedpoint/fixedpoint.h (Apache-2.0): algorithm and constants, which are the rounded values named
beside them.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from tinygen.core.fixedpoint import (
    INT32_MAX,
    INT32_MIN,
    multiply_by_quantized_multiplier,
    rounding_divide_by_pot,
    saturating_rounding_doubling_high_mul,
)

Int64 = npt.NDArray[np.int64]

_EXP_MINUS_ONE_EIGHTH = 1895147668  # exp(-1/8) in Q0
_ONE_THIRD = 715827883  # 1/3 in Q0
_48_OVER_17 = 1515870810  # 48/17 in Q2
_MINUS_32_OVER_17 = -1010580540  # -32/17 in Q2
# exp(-2^k) in Q0 for k = -2 .. 4
_EXP_OF_POWERS = (1672461947, 1302514674, 790015084, 290630308, 39332535, 720401, 242)


def _multiply(a: npt.ArrayLike, b: npt.ArrayLike) -> Int64:
    return saturating_rounding_doubling_high_mul(a, b)


def saturating_shift_left(value: npt.ArrayLike, exponent: int) -> Int64:
    """value · 2^exponent, kept within int32."""
    wide = np.asarray(value, np.int64) << exponent
    result: Int64 = np.clip(wide, INT32_MIN, INT32_MAX)
    return result


def _exp_near_minus_one_eighth(a: Int64) -> Int64:
    """exp(a) for a in [-1/4, 0), Q0 to Q0: a Taylor polynomial around -1/8."""
    x = a + (1 << 28)
    x2 = _multiply(x, x)
    x3 = _multiply(x2, x)
    x4_over_4 = rounding_divide_by_pot(_multiply(x2, x2), 2)
    tail = rounding_divide_by_pot(_multiply(x4_over_4 + x3, _ONE_THIRD) + x2, 1)
    return _EXP_MINUS_ONE_EIGHTH + _multiply(np.int64(_EXP_MINUS_ONE_EIGHTH), x + tail)


def exp_on_negative_values(a: npt.ArrayLike, integer_bits: int) -> Int64:
    """exp(a) for a <= 0.

    Args:
        a: int32 raw values with `integer_bits` integer bits (4 or 5).

    Returns:
        Q0 raw values; exp(0) is 2^31 - 1.
    """
    raw = np.asarray(a, np.int64)
    fraction_bits = 31 - integer_bits
    quarter = np.int64(1 << (fraction_bits - 2))
    within = (raw & (quarter - 1)) - quarter
    result = _exp_near_minus_one_eighth(saturating_shift_left(within, integer_bits))
    remainder = within - raw
    for k, factor in enumerate(_EXP_OF_POWERS):
        exponent = k - 2
        if integer_bits > exponent:
            bit = np.int64(1 << (fraction_bits + exponent))
            result = np.where(remainder & bit, _multiply(result, factor), result)
    done: Int64 = np.where(raw == 0, np.int64(INT32_MAX), result)
    return done


def one_over_one_plus(a: npt.ArrayLike) -> Int64:
    """1 / (1 + a) for a in [0, 1), Q0 to Q0: three Newton-Raphson steps."""
    raw = np.asarray(a, np.int64)
    total = raw + INT32_MAX
    half_denominator = (total + np.where(total >= 0, 1, -1)) // 2
    x = _48_OVER_17 + _multiply(half_denominator, _MINUS_32_OVER_17)
    for _ in range(3):
        product = _multiply(half_denominator, x)
        x = x + saturating_shift_left(_multiply(x, (1 << 29) - product), 2)
    return saturating_shift_left(x, 1)


def logistic(a: npt.ArrayLike, integer_bits: int) -> Int64:
    """1 / (1 + exp(-a)), Q`integer_bits` to Q0."""
    raw = np.asarray(a, np.int64)
    magnitude = np.where(raw < 0, raw, -raw)
    positive = one_over_one_plus(exp_on_negative_values(magnitude, integer_bits))
    result: Int64 = np.where(raw == 0, np.int64(1 << 30), np.where(raw > 0, positive, INT32_MAX - positive))
    return result


def reciprocal(value: int, integer_bits: int) -> tuple[int, int]:
    """(Q0 raw scale, bits over unit) such that 1/value = scale · 2^(-bits over unit), for value > 0.

    Args:
        value: raw value with `integer_bits` integer bits.
    """
    headroom = 32 - value.bit_length()
    fraction = ((value << headroom) & 0xFFFFFFFF) - (1 << 31)
    return int(one_over_one_plus(fraction)), integer_bits - headroom


def input_radius(integer_bits: int, left_shift: int) -> int:
    """The largest distance from zero that survives the shift into `integer_bits` integer bits.

    Source: CalculateInputRadius in tensorflow/lite/kernels/internal/quantization_util.cc.
    """
    largest = float((1 << integer_bits) - 1) * float(1 << (31 - integer_bits)) / 2.0**left_shift
    return int(np.floor(largest))


def tanh(a: npt.ArrayLike, integer_bits: int) -> Int64:
    """tanh(a), Q`integer_bits` to Q0: (1 - e) / (1 + e) with e = exp(-2|a|)."""
    raw = np.asarray(a, np.int64)
    e = exp_on_negative_values(np.where(raw < 0, raw, -raw), integer_bits + 1)
    total = e + INT32_MAX
    half_denominator = (total + np.where(total >= 0, 1, -1)) // 2
    x = _48_OVER_17 + _multiply(half_denominator, _MINUS_32_OVER_17)
    for _ in range(3):
        product = _multiply(half_denominator, x)
        x = x + saturating_shift_left(_multiply(x, (1 << 29) - product), 2)
    positive = saturating_shift_left(x - (1 << 29), 2)
    result: Int64 = np.where(raw == 0, np.int64(0), np.where(raw < 0, -positive, positive))
    return result


def sigmoid_input(values: Int64, scale: float, integer_bits: int) -> tuple[Int64, int] | None:
    """Centred int8 inputs of LOGISTIC or TANH in `integer_bits` integer bits, and the radius where they saturate.

    With a radius of 0 every input saturates, and nothing is multiplied. None: the scale fits no int32 multiplier.
    """
    fraction, shift = math.frexp(scale * float(1 << (31 - integer_bits)))
    multiplier = math.floor(fraction * (1 << 31) + 0.5)
    radius = input_radius(integer_bits, shift)
    if radius == 0:
        return np.zeros_like(values), 0
    if multiplier == 1 << 31 or not -31 <= shift <= 30:
        return None
    return multiply_by_quantized_multiplier(np.clip(values, -radius, radius), multiplier, shift), radius
