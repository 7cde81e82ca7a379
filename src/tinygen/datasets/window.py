"""Cutting recordings to what one inference consumes; training, evaluation and verification all cut here."""

from __future__ import annotations

import numpy as np

from tinygen.datasets.values import Int16, Recording


def fit(signal: Int16, n_samples: int) -> Int16:
    """The middle `n_samples` of a signal [n, channels]; a shorter one is held at its first and last sample."""
    missing = n_samples - signal.shape[0]
    if missing > 0:
        return np.pad(signal, ((missing // 2, missing - missing // 2), (0, 0)), mode="edge")
    start = -missing // 2
    return signal[start : start + n_samples]


def cut(recording: Recording, n_samples: int, *, max_windows: int = 64) -> list[Int16]:
    """All windows of int16 [n_samples, channels] that one recording gives.

    A recording shorter than two windows gives its middle; a longer one is cut from its start without overlap,
    and at most `max_windows`, evenly spread, are taken.
    """
    length = recording.signal.shape[0]
    if length < 2 * n_samples:
        return [fit(recording.signal, n_samples)]
    count = length // n_samples
    chosen = range(count) if count <= max_windows else np.linspace(0, count - 1, max_windows).astype(int).tolist()
    return [recording.signal[i * n_samples : (i + 1) * n_samples] for i in chosen]
