"""RMS, crest factor and kurtosis of one snapshot, in integers.

Of the mean-free samples x of all its windows (their rounded means are taken off, saturating), n in all:
    energy   = log2((sum x^2 * 2^10 + n) / (n * 2^10))            in 1/64 octave: RMS, as energy like the bands
    crest    = log2(max |x|^2 * n / sum x^2)                      in 1/256 octave of power
    kurtosis = log2(sum x^4 * n / (sum x^2)^2)                    in 1/256 octave: Gaussian noise has 406 (log2 3)
each rounded; silence has crest and kurtosis 0 and energy -640. Sums are exact: x^4 is kept as two sums of its halves.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from tinygen.features.integers import log2_of, log2_q16
from tinygen.features.kind import Int16

Int64 = npt.NDArray[np.int64]
UInt64 = npt.NDArray[np.uint64]

VALUES = 3
SILENCE_BITS = 10
_LOW = np.uint64(0xFFFFFFFF)
_HALF = np.uint64(32)


def moments(windows: Int16) -> Int16:
    """int16 [rows, 3] of mean-free windows int16 [rows, n_windows, window_samples]: energy, crest, kurtosis."""
    wide = windows.astype(np.int64).reshape(len(windows), -1)
    squares = (wide * wide).astype(np.uint64)
    fourth = squares * squares
    n = wide.shape[1]
    energy = squares.sum(axis=1, dtype=np.uint64)
    peak = squares.max(axis=1)
    low = (fourth & _LOW).sum(axis=1, dtype=np.uint64)
    high = (fourth >> _HALF).sum(axis=1, dtype=np.uint64)
    heard = energy > 0
    safe = np.maximum(energy, np.uint64(1))
    count, level = log2_of(n), log2_q16(safe)
    rms = log2_q16((energy << np.uint64(SILENCE_BITS)) + np.uint64(n)) - log2_of(n << SILENCE_BITS)
    crest = np.where(heard, log2_q16(np.maximum(peak, np.uint64(1))) + count - level, 0)
    kurtosis = np.where(heard, _log2_of_halves(low, high) + count - 2 * level, 0)
    found: Int16 = np.stack(
        [(rms + (1 << 9)) >> 10, (np.maximum(crest, 0) + (1 << 7)) >> 8, (np.maximum(kurtosis, 0) + (1 << 7)) >> 8],
        axis=1,
    ).astype(np.int16)
    return found


def _log2_of_halves(low: UInt64, high: UInt64) -> Int64:
    """log2(high * 2^32 + low) * 2^16; from 2^64 on what lies below 2^32 is dropped."""
    high = high + (low >> _HALF)
    joined = np.maximum(((high & _LOW) << _HALF) | (low & _LOW), np.uint64(1))
    long = high >> _HALF != 0
    found: Int64 = np.where(long, log2_q16(np.maximum(high, np.uint64(1))) + (32 << 16), log2_q16(joined))
    return found
