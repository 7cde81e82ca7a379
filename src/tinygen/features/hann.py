"""Windowing and the scaling to full range in front of the fixed-point FFT."""

from __future__ import annotations

import math
from functools import cache

import numpy as np
import numpy.typing as npt

from tinygen.features.integers import bit_length

Int16 = npt.NDArray[np.int16]
Int64 = npt.NDArray[np.int64]

WINDOW_BITS = 12

F32 = np.float32


@cache
def hann(window_samples: int) -> Int16:
    """Hann window int16 [window_samples], sampled half a step off, times 2^12, every operation rounded to float32.

    Source: tensorflow/lite/experimental/microfrontend/lib/window_util.c in tflite-micro.
    """
    half = F32(0.5)
    step = F32(F32(F32(math.pi) * F32(2)) / F32(window_samples))
    cosines = [F32(math.cos(float(step * F32(F32(i) + half)))) for i in range(window_samples)]
    values = [F32(half - F32(half * cosine)) for cosine in cosines]
    table = np.array([math.floor(F32(F32(v * F32(1 << WINDOW_BITS)) + half)) for v in values], dtype=np.int16)
    table.setflags(write=False)
    return table


def windowed_full_scale(windows: Int16, size: int) -> tuple[Int16, Int64]:
    """Multiply windows with the Hann table and shift each up until its largest value fills 15 bits.

    Args:
        windows: int16 [columns, window_samples].
        size: FFT size; zeros fill the rest.

    Returns:
        int16 [size, columns] and the shift of each column, int64 [columns], 0..15. A value of -32768 does not count
        as largest (its magnitude wraps in int16), and is shifted out like any other bit: as the original does.
    """
    columns, window_samples = windows.shape
    product = windows.T.astype(np.int32)
    product *= hann(window_samples).astype(np.int32)[:, None]
    product >>= WINDOW_BITS
    values = np.zeros((size, columns), dtype=np.int16)
    values[:window_samples] = product
    largest = np.maximum(np.abs(values).max(axis=0), 0)
    shifts = 15 - bit_length(largest.astype(np.uint64))
    np.left_shift(values, shifts.astype(np.int16), out=values)
    return values, shifts
