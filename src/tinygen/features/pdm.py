"""PDM to 16-bit samples in integers: the NumPy twin of firmware/include/tinygen/sensors/pdm.h.

A fourth-order CIC takes 16 bits to one number (gain 16^4), a symmetric FIR of 64 taps takes four of those to a sample.
Source: E. B. Hogenauer, "An economical class of digital filters for decimation and interpolation", IEEE Transactions
ASSP-29(2), 1981; the FIR is a windowed inverse transform of the wanted response, which makes the CIC's droop good.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

BITS_PER_WORD = 16
ORDER = 4
TAPS = 64
DECIMATION = 4
BITS_PER_SAMPLE = BITS_PER_WORD * DECIMATION
UNITY_BITS = 15
GAIN_BITS = 3
"""A MEMS microphone's full scale is about 120 dB SPL; speech at a metre is 60 dB lower. 18 dB of that are given up."""
SHIFT = UNITY_BITS - GAIN_BITS
_PASS_HZ, _STOP_HZ = 6800.0, 9000.0
_KAISER = 5.0
_POINTS = 4096

Int16 = npt.NDArray[np.int16]


def droop(frequency: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """The CIC's gain at frequencies in cycles per word's period, 1 at 0."""
    inner = frequency / BITS_PER_WORD
    below = np.maximum(np.abs(np.sin(np.pi * inner)) * BITS_PER_WORD, 1e-12)
    ratio = np.where(inner == 0, 1.0, np.abs(np.sin(np.pi * frequency)) / below)
    shaped: npt.NDArray[np.float64] = ratio**ORDER
    return shaped


def taps(rate_hz: int) -> npt.NDArray[np.int32]:
    """int32 [TAPS], their sum 2^15 to within a step.

    Args:
        rate_hz: of the samples; the FIR runs at four times that.
    """
    word_hz = DECIMATION * rate_hz
    frequency = np.arange(_POINTS // 2 + 1) / _POINTS
    hz = frequency * word_hz
    roll = np.clip((_STOP_HZ - hz) / (_STOP_HZ - _PASS_HZ), 0.0, 1.0)
    wanted = roll / droop(np.minimum(frequency, _STOP_HZ / word_hz))
    delay = np.exp(-1j * np.pi * (TAPS - 1) * frequency * 2 / 2)
    shape = np.fft.irfft(wanted * delay, _POINTS)[:TAPS] * np.kaiser(TAPS, _KAISER)
    whole: npt.NDArray[np.int32] = np.round(shape / shape.sum() * (1 << UNITY_BITS)).astype(np.int32)
    return whole


def samples(words: npt.NDArray[np.uint16], rate_hz: int) -> Int16:
    """int16 [n // 4] of a stream of words from its start, the first bit in the highest place; all state 0 before it."""
    bits = np.unpackbits(words.astype(">u2").view(np.uint8)).astype(np.int64) * 2 - 1
    value = bits
    for _ in range(ORDER):
        value = np.cumsum(value)
    value = value[BITS_PER_WORD - 1 :: BITS_PER_WORD]
    for _ in range(ORDER):
        value = np.diff(value, prepend=0)
    halved = value >> 1
    padded = np.concatenate([np.zeros(TAPS - 1, np.int64), halved])
    sums = np.convolve(padded, taps(rate_hz).astype(np.int64)[::-1], mode="valid")[DECIMATION - 1 :: DECIMATION]
    rounded = (sums + (1 << (SHIFT - 1))) >> SHIFT
    out: Int16 = np.clip(rounded, -32768, 32767).astype(np.int16)
    return out
