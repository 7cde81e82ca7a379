"""Variations of a recording for training: int16 [n, channels] in and out, decided by the given generator alone."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tinygen.datasets.signal import resample, to_int16
from tinygen.datasets.values import Int16


def shift_time(signal: Int16, rng: np.random.Generator, max_samples: int) -> Int16:
    """Move by up to `max_samples` either way; silence comes in."""
    by = int(rng.integers(-max_samples, max_samples + 1))
    if by == 0:
        return signal
    moved = np.zeros_like(signal)
    if by > 0:
        moved[by:] = signal[:-by]
    else:
        moved[:by] = signal[-by:]
    return moved


def change_gain(signal: Int16, rng: np.random.Generator, low_db: float, high_db: float) -> Int16:
    """Multiply by a factor between two levels in dB; loud results saturate as a recording would."""
    return to_int16(signal * 10.0 ** (rng.uniform(low_db, high_db) / 20.0))


def change_speed(signal: Int16, rng: np.random.Generator, low: float, high: float) -> Int16:
    """Play faster or slower (pitch moves too), keeping the middle and the length."""
    n = signal.shape[0]
    factor = float(np.round(rng.uniform(low, high), 2))
    changed = resample(signal, 1.0 / factor, taps_per_side=6)
    missing = n - changed.shape[0]
    if missing > 0:
        return np.pad(changed, ((missing // 2, missing - missing // 2), (0, 0)))
    start = -missing // 2
    return changed[start : start + n]


def add_noise(signal: Int16, noise: Int16, rng: np.random.Generator, low_snr_db: float, high_snr_db: float) -> Int16:
    """Add a random stretch of a noise at a signal-to-noise ratio in dB; silent signals get it at a low level."""
    n = signal.shape[0]
    if noise.shape[0] < n:
        noise = np.tile(noise, (-(-n // noise.shape[0]), 1))
    start = int(rng.integers(0, noise.shape[0] - n + 1))
    stretch = noise[start : start + n].astype(np.float64)
    level = float(np.sqrt(np.mean(signal.astype(np.float64) ** 2)))
    noise_level = float(np.sqrt(np.mean(stretch**2))) + 1e-9
    wanted = max(level, 30.0) / 10.0 ** (rng.uniform(low_snr_db, high_snr_db) / 20.0)
    return to_int16(signal + stretch * (wanted / noise_level))


def equalize(signal: Int16, rng: np.random.Generator, depth_db: float) -> Int16:
    """Tilt and bend the spectrum as another microphone or room would: a random smooth curve over log frequency."""
    n = signal.shape[0]
    spectrum = np.fft.rfft(signal.astype(np.float64), axis=0)
    at = np.log2(np.arange(spectrum.shape[0]) + 4.0)
    knots = np.linspace(at[0], at[-1], 6)
    curve = np.interp(at, knots, rng.uniform(-depth_db, depth_db, size=6))
    return to_int16(np.fft.irfft(spectrum * 10.0 ** (curve[:, None] / 20.0), n=n, axis=0))


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


def vary_speech(signal: Int16, noises: Sequence[Int16], rng: np.random.Generator) -> Int16:
    """One random variation of a one-second utterance at 16 kHz."""
    out = change_speed(signal, rng, 0.85, 1.18) if rng.random() < 0.6 else signal
    out = equalize(out, rng, 6.0) if rng.random() < 0.5 else out
    out = shift_time(out, rng, 1600)
    out = change_gain(out, rng, -14.0, 8.0)
    if noises and rng.random() < 0.7:
        out = add_noise(out, noises[int(rng.integers(len(noises)))], rng, 2.0, 35.0)
    return out


def vary_motion(signal: Int16, rng: np.random.Generator) -> Int16:
    """One random variation of a motion recording."""
    out = warp_time(signal, rng, 0.15)
    out = rotate(out, rng, 15.0)
    out = scale(out, rng, 0.15)
    return jitter(out, rng, 0.01 * float(np.std(signal)) + 0.5)


def vary_vibration(signal: Int16, rng: np.random.Generator) -> Int16:
    """One random variation of a vibration snapshot: small, because level is what tells healthy from worn."""
    out = change_gain(signal, rng, -1.0, 1.0)
    return jitter(out, rng, 0.03 * float(np.std(signal)) + 0.5)
