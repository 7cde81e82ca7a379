"""Variations of features, [n, frames, bands] of any number type, all examples at once."""

from __future__ import annotations

from typing import TypeVar

import numpy as np
import numpy.typing as npt

_T = TypeVar("_T", bound=np.generic)


def mask(
    features: npt.NDArray[_T],
    rng: np.random.Generator,
    *,
    max_frames: int,
    max_bands: int,
    fill: float | None = None,
) -> npt.NDArray[_T]:
    """SpecAugment: one stretch of frames and one of bands of each example become constant.

    Args:
        features: [n, frames, bands].
        rng: draws place and width of each example's masks.
        max_frames, max_bands: widest masks; 0 = none.
        fill: what stands there then; None takes the example's own mean.

    Source: Park et al. (2019), "SpecAugment", arXiv:1904.08779, time and frequency masking.
    """
    n, frames, bands = features.shape
    hidden = _stretch(rng, n, frames, max_frames)[:, :, None] | _stretch(rng, n, bands, max_bands)[:, None, :]
    mean = features.mean(axis=(1, 2), keepdims=True) if fill is None else np.full((n, 1, 1), fill)
    return np.where(hidden, mean, features).astype(features.dtype)


def _stretch(rng: np.random.Generator, n: int, length: int, widest: int) -> npt.NDArray[np.bool_]:
    """bool [n, length]: one stretch of at most `widest` each."""
    width = rng.integers(0, min(widest, length) + 1, size=n)
    start = (rng.random(n) * (length - width + 1)).astype(np.int64)
    at = np.arange(length)
    return (at >= start[:, None]) & (at < (start + width)[:, None])


def warp_bands(features: npt.NDArray[_T], rng: np.random.Generator, spread: float) -> npt.NDArray[_T]:
    """Stretch the band axis of each example by a factor in 1 ± spread: another vocal tract, cheaply.

    Bands are read between their neighbours; beyond the last one it is held.
    """
    n, _, bands = features.shape
    at = np.clip(np.arange(bands) * rng.uniform(1.0 - spread, 1.0 + spread, size=(n, 1)), 0, bands - 1)
    low = np.minimum(at.astype(np.int64), bands - 2) if bands > 1 else np.zeros((n, bands), dtype=np.int64)
    part = (at - low)[:, None, :]
    values = features.astype(np.float64)
    lower = np.take_along_axis(values, low[:, None, :], axis=2)
    upper = np.take_along_axis(values, np.minimum(low + 1, bands - 1)[:, None, :], axis=2)
    mixed = lower * (1.0 - part) + upper * part
    whole: npt.NDArray[_T] = (np.rint(mixed) if features.dtype.kind in "iu" else mixed).astype(features.dtype)
    return whole
