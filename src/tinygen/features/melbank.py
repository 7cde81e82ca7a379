"""Mel filter bank: integer weights in the float precision of the original, and their application as one exact product.

Every bin lies in one segment; a segment's bins count with `weight` into channel segment-1 and with `unweight` into
channel segment. (Segment 0 feeds only channel 0, the last one only the last channel.)

Source: tensorflow/lite/experimental/microfrontend/lib/filterbank_util.c in tflite-micro (float32 throughout; the
copy in the TensorFlow tree mixes in doubles and rounds other weights), as arithmetic; own words and code.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache

import numpy as np
import numpy.typing as npt

from tinygen.features.log1p import log1p_float32

FILTER_BITS = 12
_EXACT_IN_FLOAT64 = 1 << 53

F32 = np.float32


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class MelBank:
    """Integer filter bank.

    Attributes:
        start_bin: first bin that counts.
        widths: uint16 [n_bands + 1]: bins of each segment, in order from start_bin, without gaps.
        weights, unweights: int16 [sum of widths].
    """

    start_bin: int
    widths: npt.NDArray[np.uint16]
    weights: npt.NDArray[np.int16]
    unweights: npt.NDArray[np.int16]

    @property
    def end_bin(self) -> int:
        """One past the last bin that counts."""
        return self.start_bin + int(self.widths.sum())


def _mel(frequency_hz: np.float32) -> np.float32:
    return F32(F32(1127) * log1p_float32(F32(frequency_hz / F32(700))))


def _q12(weight: np.float32) -> int:
    return math.floor(F32(F32(weight * F32(1 << FILTER_BITS)) + F32(0.5)))


@cache
def mel_bank(rate_hz: int, size: int, n_bands: int, lower_hz: float, upper_hz: float) -> MelBank:
    """Weights for the half spectrum of an FFT of `size` samples."""
    mel_low = _mel(F32(lower_hz))
    spacing = F32(F32(_mel(F32(upper_hz)) - mel_low) / F32(n_bands + 1))
    centers = [F32(mel_low + F32(spacing * F32(i + 1))) for i in range(n_bands + 1)]
    hz_per_bin = F32(F32(F32(0.5) * F32(rate_hz)) / F32(size // 2))
    start = int(F32(F32(1.5) + F32(F32(lower_hz) / hz_per_bin)))

    widths: list[int] = []
    weights: list[int] = []
    unweights: list[int] = []
    position = start
    for segment, center in enumerate(centers):
        first = position
        below = mel_low if segment == 0 else centers[segment - 1]
        while (mel := _mel(F32(F32(position) * hz_per_bin))) <= center:
            weight = F32(F32(center - mel) / F32(center - below))
            weights.append(_q12(weight))
            unweights.append(_q12(F32(F32(1) - weight)))
            position += 1
        widths.append(position - first)
    return MelBank(
        start_bin=start,
        widths=np.array(widths, dtype=np.uint16),
        weights=np.array(weights, dtype=np.int16),
        unweights=np.array(unweights, dtype=np.int16),
    )


@cache
def _matrix(bank: MelBank) -> npt.NDArray[np.float64]:
    """float64 [n_bands, bins]: both ramps of every channel, as one matrix of integers."""
    segment_of_bin = np.repeat(np.arange(len(bank.widths)), bank.widths)
    matrix = np.zeros((len(bank.widths) - 1, len(segment_of_bin)))
    for bin_, segment in enumerate(segment_of_bin):
        if segment > 0:
            matrix[segment - 1, bin_] += float(bank.weights[bin_])
        if segment < len(bank.widths) - 1:
            matrix[segment, bin_] += float(bank.unweights[bin_])
    return matrix


def channel_energies(bank: MelBank, energies: npt.NDArray[np.int32]) -> npt.NDArray[np.uint64]:
    """uint64 [n_bands, columns] from energies int32 [bins, columns] of bins start_bin..end_bin-1, exactly."""
    matrix = _matrix(bank)
    if float(matrix.sum(axis=1).max()) * 2.0**31 < _EXACT_IN_FLOAT64:
        # All sums are integers below 2^53: the float64 product is exact in any order.
        return (matrix @ energies.astype(np.float64)).astype(np.uint64)
    return matrix.astype(np.uint64) @ energies.astype(np.uint64)
