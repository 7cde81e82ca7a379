"""Variations of machine vibration: int16 [n, channels] in and out, decided by the given generator alone."""

from __future__ import annotations

import numpy as np

from tinygen.datasets.signal import resample, to_int16
from tinygen.datasets.values import Int16


def change_load(signal: Int16, rng: np.random.Generator, spread: float, corner: float = 0.08) -> Int16:
    """Another load: what is below `corner` of the sampling rate grows or shrinks by a factor in 1 ± spread.

    Load changes the forces at shaft orders most; resonances, which faults strike, stay as they are.
    """
    n = signal.shape[0]
    spectrum = np.fft.rfft(signal.astype(np.float64), axis=0)
    share = np.clip((corner - np.fft.rfftfreq(n)) / (0.5 * corner) + 0.5, 0.0, 1.0)
    gain = 1.0 + (float(rng.uniform(1.0 - spread, 1.0 + spread)) - 1.0) * share
    return to_int16(np.fft.irfft(spectrum * gain[:, None], n=n, axis=0))


def change_shaft_speed(signal: Int16, rng: np.random.Generator, low: float, high: float) -> Int16:
    """Another shaft speed: time runs by a factor faster or slower; the ends are mirrored to keep the length.

    Resonances move too, which a real machine's do not: keep the range within some per cent.
    """
    factor = float(rng.uniform(low, high))
    n = signal.shape[0]
    changed = resample(signal, 1.0 / factor, taps_per_side=8)
    missing = n - changed.shape[0]
    if missing > 0:
        return np.pad(changed, ((0, missing), (0, 0)), mode="reflect" if missing < changed.shape[0] else "wrap")
    return changed[:n]


def add_white(signal: Int16, rng: np.random.Generator, low_snr_db: float, high_snr_db: float) -> Int16:
    """A sensor's white noise at a signal-to-noise ratio in dB, each channel at its own level."""
    level = np.std(signal.astype(np.float64), axis=0) + 0.5
    sigma = level / 10.0 ** (rng.uniform(low_snr_db, high_snr_db) / 20.0)
    return to_int16(signal + rng.normal(size=signal.shape) * sigma)
