"""Variations of sound: int16 [n, channels] in and out, decided by the given generator alone."""

from __future__ import annotations

import numpy as np

from tinygen.datasets.augment import stft
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
    return _middle(resample(signal, 1.0 / factor, taps_per_side=6), n)


def _middle(signal: Int16, n: int) -> Int16:
    """The middle `n` samples; a shorter signal gets silence on both sides."""
    missing = n - signal.shape[0]
    if missing > 0:
        return np.pad(signal, ((missing // 2, missing - missing // 2), (0, 0)))
    start = -missing // 2
    return signal[start : start + n]


def change_pitch(signal: Int16, rng: np.random.Generator, low: float, high: float) -> Int16:
    """Raise or lower the pitch by a factor and keep the duration: stretched in time first, then played faster.

    Source: Laroche & Dolson (1999), "Improved phase vocoder time-scale modification of audio", section on phase
    propagation.
    """
    factor = float(np.round(rng.uniform(low, high), 2))
    if factor == 1.0:
        return signal
    stretched = to_int16(stft.stretch(signal.astype(np.float64), factor))
    return _middle(resample(stretched, 1.0 / factor, taps_per_side=6), signal.shape[0])


def warp_vocal_tract(signal: Int16, rng: np.random.Generator, spread: float) -> Int16:
    """A shorter or longer vocal tract: formants move by a factor in 1 ± spread, the pitch stays.

    The smooth envelope of each short-time spectrum is divided out and put back with its frequency axis warped.
    Source: Jaitly & Hinton (2013), "Vocal Tract Length Perturbation (VTLP) improves speech recognition", piecewise
    linear warp with a bend at 0.8 of the band.
    """
    factor = float(rng.uniform(1.0 - spread, 1.0 + spread))
    return to_int16(stft.warp_envelope(signal.astype(np.float64), factor))


def add_room(signal: Int16, rng: np.random.Generator, low_s: float, high_s: float, rate_hz: int = 16000) -> Int16:
    """Reverberation of a made-up room: direct sound, some early reflections, a tail that falls 60 dB in RT60.

    Args:
        signal: int16 [n, channels].
        rng: draws the room.
        low_s, high_s: range of the reverberation time RT60 in s.
        rate_hz: of the signal.

    Source: Polack (1988), late reverberation as exponentially decaying noise.
    """
    rt60_s = float(rng.uniform(low_s, high_s))
    n = max(2, round(rt60_s * rate_hz))
    t = np.arange(n) / rate_hz
    response = rng.normal(size=n) * 10.0 ** (-3.0 * t / rt60_s)
    response *= np.minimum(t / 0.005, 1.0)  # the tail grows dense only after the first reflections
    response *= float(rng.uniform(0.15, 0.5)) / (np.sqrt(np.sum(response**2)) + 1e-9)
    early = np.minimum((rng.uniform(0.001, 0.02, size=4) * rate_hz).astype(np.int64), n - 1)
    np.add.at(response, early, rng.uniform(-0.4, 0.4, size=4))
    response[0] = 1.0
    length = signal.shape[0] + n
    spectrum = np.fft.rfft(signal.astype(np.float64), length, axis=0) * np.fft.rfft(response, length)[:, None]
    return to_int16(np.fft.irfft(spectrum, length, axis=0)[: signal.shape[0]])


def clip_peaks(signal: Int16, rng: np.random.Generator, low_db: float, high_db: float) -> Int16:
    """Cut off what is louder than the peak less some dB, as an overdriven microphone would."""
    peak = float(np.abs(signal.astype(np.int32)).max(initial=0))
    limit = peak * 10.0 ** (-rng.uniform(low_db, high_db) / 20.0)
    return to_int16(np.clip(signal, -limit, limit))


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
