"""Integer bit counts, square root and logarithms on arrays, as the audio front end of TFLM computes them.

Source: tensorflow/lite/experimental/microfrontend/lib (filterbank.c, log_scale.c), as arithmetic; own words and code.
"""

from __future__ import annotations

import math
from functools import cache

import numpy as np
import numpy.typing as npt

LOG_SEGMENTS_LOG2 = 7
LN2_Q16 = 45426  # round(ln(2) * 2^16)

Int32 = npt.NDArray[np.int32]
Int64 = npt.NDArray[np.int64]
UInt32 = npt.NDArray[np.uint32]
UInt64 = npt.NDArray[np.uint64]


def bit_length(values: npt.ArrayLike) -> Int64:
    """Number of significant bits of unsigned integers below 2^64: 0 for 0, else floor(log2) + 1."""
    v = np.asarray(values, dtype=np.uint64)
    high = (v >> np.uint64(32)).astype(np.float64)
    low = (v & np.uint64(0xFFFFFFFF)).astype(np.float64)
    # frexp is exact: 32-bit halves are exact in float64.
    bits_high = np.frexp(high)[1].astype(np.int64)
    bits_low = np.frexp(low)[1].astype(np.int64)
    return np.where(bits_high > 0, bits_high + 32, bits_low)


def sqrt_rounded(values: UInt64) -> UInt32:
    """Square root of uint64, rounded to nearest, as TFLM does it.

    Below 2^32 the result is computed in 16 bits and stays at 65535 where it would round up to 65536; above, it stays
    at 2^32 - 1 likewise.
    """
    v = np.asarray(values, dtype=np.uint64)
    root = np.minimum(np.floor(np.sqrt(v.astype(np.float64))), float(2**32 - 1)).astype(np.uint64)
    one = np.uint64(1)
    root = np.where(root * root > v, root - one, root)  # float64 sqrt may be one off near 2^64
    top = np.uint64(2**32 - 1)
    root = np.where((root < top) & ((root + one) * (root + one) <= v), root + one, root)
    limit = np.where(v >> np.uint64(32) == 0, np.uint64(0xFFFF), top)
    rounded_up = (v - root * root > root) & (root != limit)
    result: UInt32 = (root + rounded_up.astype(np.uint64)).astype(np.uint32)
    return result


@cache
def log_table() -> npt.NDArray[np.uint16]:
    """uint16 [130]: round((log2(1 + i/128) - i/128) * 2^16) for i = 0..128, and a closing 0."""
    segments = 1 << LOG_SEGMENTS_LOG2
    values = [round((math.log2(1 + i / segments) - i / segments) * 65536) for i in range(segments + 1)]
    table = np.array([*values, 0], dtype=np.uint16)
    table.setflags(write=False)
    return table


def log_scaled(values: UInt32, scale_shift: int) -> UInt32:
    """ln(value) * 2^scale_shift of uint32 values >= 2, by table, in TFLM's integer arithmetic; 0 for 0 and 1.

    The position inside a table segment is weighted with 2^-16 (not 2^-9), as the original does.
    """
    x = np.asarray(values, dtype=np.int64)
    safe = np.maximum(x, 2)
    integer = bit_length(safe.astype(np.uint64)) - 1
    rest = safe - (np.int64(1) << integer)
    fraction = np.where(integer < 16, rest << np.maximum(16 - integer, 0), rest >> np.maximum(integer - 16, 0))
    table = log_table().astype(np.int64)
    segment = fraction >> (16 - LOG_SEGMENTS_LOG2)
    c0 = table[segment]
    relative = ((table[segment + 1] - c0) * (fraction - (segment << (16 - LOG_SEGMENTS_LOG2)))) >> 16
    log2_q16 = (integer << 16) + fraction + c0 + relative
    loge_q16 = (LN2_Q16 * log2_q16 + 32768) >> 16
    scaled = ((loge_q16 << scale_shift) + 32768) >> 16
    return np.where(x > 1, scaled, 0).astype(np.uint32)


def log2_q16(values: UInt64) -> Int64:
    """log2(value) * 2^16 of uint64 values >= 1: bit length, then the table with linear interpolation.

    Largest error against the real logarithm: 1.5 / 65536.
    """
    v = np.asarray(values, dtype=np.uint64)
    integer = bit_length(v) - 1
    # Bring the leading one to bit 31: 31 bits of fraction, of which 16 are used.
    shift = integer - 31
    left = np.maximum(-shift, 0).astype(np.uint64)
    right = np.maximum(shift, 0).astype(np.uint64)
    mantissa = (v << left) >> right
    fraction = ((mantissa >> np.uint64(15)) & np.uint64(0xFFFF)).astype(np.int64)
    table = log_table().astype(np.int64)
    segment = fraction >> 9
    c0 = table[segment]
    inside = ((table[segment + 1] - c0) * (fraction & 511)) >> 9
    result: Int64 = (integer << 16) + fraction + c0 + inside
    return result


def log2_of(value: int) -> int:
    """`log2_q16` of one number, 1..2^64-1."""
    return int(log2_q16(np.array(value, dtype=np.uint64)))
