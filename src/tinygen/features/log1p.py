"""log1p in float32, operation by operation as C libraries did it before they rounded correctly.

TFLM's filter bank takes its mel scale from `log1pf`. Two of the default bank's 240 weights depend on the last bit of
that function, which is not the correctly rounded one in the libraries wake-word models were trained and run with
(glibc before 2.41, newlib). Computing it here keeps the tables the
same on every machine.

Source: the log1p algorithm of fdlibm (Sun Microsystems, 1993) with float32 constants; own words and code.
"""

from __future__ import annotations

import numpy as np

F32 = np.float32

_LN2_HIGH = F32(float.fromhex("0x1.62e3p-1"))
_LN2_LOW = F32(float.fromhex("0x1.2fefa2p-17"))
# Coefficients of s^2, s^4 ... s^14 in log((1+s)/(1-s)) = 2s + s * R(s^2).
_R = tuple(
    F32(float.fromhex(text))
    for text in (
        "0x1.555556p-1",
        "0x1.99999ap-2",
        "0x1.24924ap-2",
        "0x1.c71c52p-3",
        "0x1.74664ap-3",
        "0x1.39a09ep-3",
        "0x1.2f112ep-3",
    )
)
_SQRT2_MINUS_1 = F32(0.41421356)
_MANTISSA_OF_SQRT2 = 0x3504F7  # fraction bits of sqrt(2) in float32


def log1p_float32(x: np.float32) -> np.float32:
    """ln(1 + x) for finite x >= 0."""
    half, one, two = F32(0.5), F32(1), F32(2)
    if x < F32(2.0**-29):
        return x if x < F32(2.0**-24) * F32(2.0**-30) else F32(x - F32(F32(x * x) * half))
    exponent, correction = 0, F32(0)
    f = x
    tiny = False
    if x >= _SQRT2_MINUS_1:
        u = F32(one + x)
        bits = int(u.view(np.uint32))
        exponent = (bits >> 23) - 127
        lost = F32(one - F32(u - x)) if exponent > 0 else F32(x - F32(u - one))
        correction = F32(lost / u)
        mantissa = bits & 0x7FFFFF
        if mantissa < _MANTISSA_OF_SQRT2:
            reduced = np.uint32(mantissa | 0x3F800000).view(F32)
            distance = mantissa
        else:
            exponent += 1
            reduced = np.uint32(mantissa | 0x3F000000).view(F32)
            distance = (0x800000 - mantissa) >> 2
        f = F32(reduced - one)
        tiny = distance == 0
    scale = F32(exponent)
    half_square = F32(F32(half * f) * f)
    if tiny:
        low = F32(correction + F32(scale * _LN2_LOW))
        if f == 0:
            return F32(F32(scale * _LN2_HIGH) + low)
        r = F32(half_square * F32(one - F32(F32(0.66666666666666666) * f)))
        return F32(F32(scale * _LN2_HIGH) - F32(F32(r - low) - f))
    s = F32(f / F32(two + f))
    z = F32(s * s)
    series = _R[-1]
    for coefficient in _R[-2::-1]:
        series = F32(coefficient + F32(z * series))
    r = F32(z * series)
    inner = F32(s * F32(half_square + r))
    if exponent == 0:
        return F32(f - F32(half_square - inner))
    low = F32(F32(scale * _LN2_LOW) + correction)
    return F32(F32(scale * _LN2_HIGH) - F32(F32(half_square - F32(inner + low)) - f))
