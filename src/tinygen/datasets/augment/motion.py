"""Variations of motion: int16 [n, channels] in and out, decided by the given generator alone."""

from __future__ import annotations

import numpy as np

from tinygen.datasets.signal import to_int16
from tinygen.datasets.values import Int16


def rotate(signal: Int16, rng: np.random.Generator, max_degrees: float) -> Int16:
    """Turn three-axis samples about a random axis; with six channels both triples turn together."""
    if signal.shape[1] % 3:
        return signal
    axis = rng.normal(size=3)
    axis /= np.linalg.norm(axis)
    angle = np.deg2rad(rng.uniform(-max_degrees, max_degrees))
    x, y, z = axis
    cross = np.array([[0.0, -z, y], [z, 0.0, -x], [-y, x, 0.0]])
    matrix = np.eye(3) + np.sin(angle) * cross + (1 - np.cos(angle)) * (cross @ cross)
    triples = signal.astype(np.float64).reshape(signal.shape[0], -1, 3)
    return to_int16((triples @ matrix.T).reshape(signal.shape))


def scale(signal: Int16, rng: np.random.Generator, spread: float) -> Int16:
    """Multiply all channels by one factor in 1 ± spread."""
    return to_int16(signal * rng.uniform(1.0 - spread, 1.0 + spread))


def warp_time(signal: Int16, rng: np.random.Generator, spread: float) -> Int16:
    """Run through the recording at a speed that varies smoothly by about ± spread; ends stay, the length too."""
    n = signal.shape[0]
    speed = np.interp(np.linspace(0, 1, n), np.linspace(0, 1, 5), rng.uniform(1 - spread, 1 + spread, size=5))
    at = np.concatenate([[0.0], np.cumsum(speed)[:-1]])
    stretch = rng.uniform(1 - spread, 1 + spread)
    at = (at / at[-1] - 0.5) * stretch + 0.5 if n > 1 else at
    at = np.clip(at, 0.0, 1.0) * (n - 1)
    grid = np.arange(n)
    return to_int16(np.stack([np.interp(at, grid, signal[:, c]) for c in range(signal.shape[1])], axis=1))


def jitter(signal: Int16, rng: np.random.Generator, sigma: float) -> Int16:
    """Add white noise of `sigma` steps."""
    return to_int16(signal + rng.normal(0.0, sigma, size=signal.shape))
