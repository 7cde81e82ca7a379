"""The 16-bit fixed-point real FFT of kiss_fft (radix 4, then 2; scaled by 1/p with rounding before each stage).

Values are held as [index, column] with one transform per column, so that every step is one NumPy operation over many
transforms. All sums wrap like int16; intermediate int32 sums are congruent, so they are wrapped once per stage.

Source: kiss_fft 1.3 (FIXED_POINT=16) as used by TFLM, as arithmetic; own words and code.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache

import numpy as np
import numpy.typing as npt

Int16 = npt.NDArray[np.int16]
Int32 = npt.NDArray[np.int32]

MAX_FFT = 4096
MIN_FFT = 8


def fft_size(window_samples: int) -> int:
    """The next power of two."""
    return 1 << max(window_samples - 1, 0).bit_length()


def stage_factors(n_complex: int) -> list[int]:
    """Radices from the outermost stage to the innermost: fours, then one two where needed."""
    factors = []
    while n_complex % 4 == 0:
        factors.append(4)
        n_complex //= 4
    if n_complex == 2:
        factors.append(2)
    return factors


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class FftTables:
    """Constants of a real FFT of `size` samples, computed as size/2 complex points.

    Attributes:
        order: uint16 [size/2]: the complex input that belongs at each place before the first stage.
        twiddles: int16 [3 * size/8, 2]: cos and sin of -2 pi i / (size/2), times 32767.
        split: int16 [size/4, 2]: the factors that untangle the real transform, for k = 1 .. size/4.
    """

    size: int
    order: npt.NDArray[np.uint16]
    twiddles: Int16
    split: Int16

    @property
    def n_complex(self) -> int:
        """Complex points."""
        return self.size // 2


def _unit(phase: float) -> tuple[int, int]:
    return math.floor(0.5 + 32767 * math.cos(phase)), math.floor(0.5 + 32767 * math.sin(phase))


def _order(n: int, factors: list[int]) -> list[int]:
    if not factors:
        return [0]
    radix, rest = factors[0], factors[1:]
    inner = _order(n // radix, rest)
    return [branch + radix * index for branch in range(radix) for index in inner]


@cache
def fft_tables(size: int) -> FftTables:
    """Tables for a power of two `size` between 8 and 4096."""
    n = size // 2
    tables = FftTables(
        size=size,
        order=np.array(_order(n, stage_factors(n)), dtype=np.uint16),
        twiddles=np.array([_unit(-2 * math.pi * i / n) for i in range(max(3 * n // 4, 1))], dtype=np.int16),
        split=np.array([_unit(-math.pi * (k / n + 0.5)) for k in range(1, n // 2 + 1)], dtype=np.int16),
    )
    for array in (tables.order, tables.twiddles, tables.split):
        array.setflags(write=False)
    return tables


def _scaled_down(values: Int16, divisor: int) -> Int32:
    """round(value * floor(32767 / divisor) / 2^15): the scaling before each stage."""
    wide = values.astype(np.int32)
    wide *= 32767 // divisor
    wide += 1 << 14
    wide >>= 15
    return wide


def _times(re: Int32, im: Int32, factor: Int16) -> tuple[Int32, Int32]:
    """Complex product with Q15 factors [m, 2] along the second last axis, each part rounded."""
    f_re = factor[:, 0].astype(np.int32)[:, None]
    f_im = factor[:, 1].astype(np.int32)[:, None]
    out_re = re * f_re
    out_re -= im * f_im
    out_re += 1 << 14
    out_re >>= 15
    out_im = re * f_im
    out_im += im * f_re
    out_im += 1 << 14
    out_im >>= 15
    return out_re, out_im


def _stage4(data: Int16, m: int, stride: int, twiddles: Int16) -> Int16:
    """One radix-4 stage over data [2, n, columns]."""
    _, n, columns = data.shape
    x = _scaled_down(data, 4).reshape(2, n // (4 * m), 4, m, columns)
    a_re, a_im = x[0, :, 0], x[1, :, 0]
    products = []
    for branch in (1, 2, 3):
        re, im = x[0, :, branch], x[1, :, branch]
        # The factor of index 0 is 32767/32768: after the scaling it changes nothing.
        products.append((re, im) if m == 1 else _times(re, im, twiddles[: branch * stride * m : branch * stride][:m]))
    (b_re, b_im), (c_re, c_im), (d_re, d_im) = products
    out = np.empty((2, n // (4 * m), 4, m, columns), dtype=np.int16)
    minus_re, minus_im = a_re - c_re, a_im - c_im
    plus_re, plus_im = a_re + c_re, a_im + c_im
    odd_re, odd_im = b_re + d_re, b_im + d_im
    skew_re, skew_im = b_re - d_re, b_im - d_im
    np.add(plus_re, odd_re, out=out[0, :, 0], casting="unsafe")
    np.add(plus_im, odd_im, out=out[1, :, 0], casting="unsafe")
    np.subtract(plus_re, odd_re, out=out[0, :, 2], casting="unsafe")
    np.subtract(plus_im, odd_im, out=out[1, :, 2], casting="unsafe")
    np.add(minus_re, skew_im, out=out[0, :, 1], casting="unsafe")
    np.subtract(minus_im, skew_re, out=out[1, :, 1], casting="unsafe")
    np.subtract(minus_re, skew_im, out=out[0, :, 3], casting="unsafe")
    np.add(minus_im, skew_re, out=out[1, :, 3], casting="unsafe")
    return out.reshape(2, n, columns)


def _stage2(data: Int16) -> Int16:
    """The innermost radix-2 stage (its only factor changes nothing) over data [2, n, columns]."""
    _, n, columns = data.shape
    x = _scaled_down(data, 2).reshape(2, n // 2, 2, columns)
    out = np.empty_like(x, dtype=np.int16)
    np.add(x[:, :, 0], x[:, :, 1], out=out[:, :, 0], casting="unsafe")
    np.subtract(x[:, :, 0], x[:, :, 1], out=out[:, :, 1], casting="unsafe")
    return out.reshape(2, n, columns)


def complex_fft(data: Int16, tables: FftTables) -> Int16:
    """Forward transform of data int16 [2, n_complex, columns] (real and imaginary parts), scaled by 1/n_complex."""
    data = data[:, tables.order.astype(np.int64)]
    m = 1
    for radix in reversed(stage_factors(tables.n_complex)):
        stride = tables.n_complex // (m * radix)
        data = _stage2(data) if radix == 2 else _stage4(data, m, stride, tables.twiddles)
        m *= radix
    return data


def real_fft(samples: Int16, tables: FftTables) -> Int16:
    """Spectra of real columns, scaled by 1/size.

    Args:
        samples: int16 [size, columns].
        tables: `fft_tables(size)`.

    Returns:
        int16 [2, size/2 + 1, columns]: real and imaginary parts.
    """
    size, columns = samples.shape
    n = size // 2
    packed = complex_fft(samples.reshape(n, 2, columns).transpose(1, 0, 2), tables)
    out = np.empty((2, n + 1, columns), dtype=np.int16)
    first = _scaled_down(packed[:, 0], 2)
    out[0, 0] = (first[0] + first[1]).astype(np.int16)
    out[0, n] = (first[0] - first[1]).astype(np.int16)
    out[1, 0] = 0
    out[1, n] = 0
    half = n // 2
    low = _scaled_down(packed[:, 1 : half + 1], 2)
    mirrored = packed[:, n - 1 : half - 1 : -1]
    high_re = _scaled_down(mirrored[0], 2)
    high_im = _scaled_down(-mirrored[1], 2)  # int16: -(-32768) stays -32768
    even_re, even_im = low[0] + high_re, low[1] + high_im
    turned_re, turned_im = _times(low[0] - high_re, low[1] - high_im, tables.split)
    turned_re = turned_re.astype(np.int16).astype(np.int32)
    turned_im = turned_im.astype(np.int16).astype(np.int32)
    out[0, 1 : half + 1] = ((even_re + turned_re) >> 1).astype(np.int16)
    out[1, 1 : half + 1] = ((even_im + turned_im) >> 1).astype(np.int16)
    # Bin n/2 is written by both halves; the second one stays.
    out[0, n - 1 : half - 1 : -1] = ((even_re - turned_re) >> 1).astype(np.int16)
    out[1, n - 1 : half - 1 : -1] = ((turned_im - even_im) >> 1).astype(np.int16)
    return out
