"""Constructed signals: what no recording contains but a device will meet, from silence to full scale."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

Int16 = npt.NDArray[np.int16]
Maker = Callable[[np.random.Generator, int, int], npt.NDArray[np.generic]]

_TOP, _BOTTOM = 32767, -32768


def _noise(rng: np.random.Generator, samples: int, channels: int) -> npt.NDArray[np.generic]:
    return rng.integers(_BOTTOM, _TOP, size=(samples, channels), endpoint=True)


def _soft_noise(rng: np.random.Generator, samples: int, channels: int) -> npt.NDArray[np.generic]:
    return np.rint(rng.normal(0.0, 300.0, size=(samples, channels)))


def _square(rng: np.random.Generator, samples: int, channels: int) -> npt.NDArray[np.generic]:
    half = int(rng.integers(3, 60))
    column = np.where((np.arange(samples) // half) % 2 == 0, _TOP, _BOTTOM)
    return np.repeat(column[:, None], channels, axis=1)


def _silence(rng: np.random.Generator, samples: int, channels: int) -> npt.NDArray[np.generic]:
    return np.zeros((samples, channels))


def _sweep(rng: np.random.Generator, samples: int, channels: int) -> npt.NDArray[np.generic]:
    t = np.arange(samples) / max(samples, 1)
    phase = np.pi * 0.45 * samples * t * t
    amplitude = rng.uniform(2000.0, 30000.0)
    shifts = np.arange(channels) * 0.7
    return np.rint(amplitude * np.sin(phase[:, None] + shifts[None, :]))


def _impulse(rng: np.random.Generator, samples: int, channels: int) -> npt.NDArray[np.generic]:
    signal = np.zeros((samples, channels))
    signal[int(rng.integers(0, samples)), :] = _TOP
    return signal


def _minimum(rng: np.random.Generator, samples: int, channels: int) -> npt.NDArray[np.generic]:
    return np.full((samples, channels), _BOTTOM)


def _bursts(rng: np.random.Generator, samples: int, channels: int) -> npt.NDArray[np.generic]:
    envelope = np.repeat(rng.uniform(0.0, 1.0, size=8) ** 3, -(-samples // 8))[:samples]
    return np.rint(envelope[:, None] * rng.uniform(_BOTTOM, _TOP, size=(samples, channels)))


# In the order they are taken: varied ones first, so that a short proof still has varying outputs.
MAKERS: tuple[tuple[str, Maker], ...] = (
    ("noise", _noise),
    ("sweep", _sweep),
    ("square", _square),
    ("soft-noise", _soft_noise),
    ("silence", _silence),
    ("bursts", _bursts),
    ("impulse", _impulse),
    ("minimum", _minimum),
)


def constructed(number: int, seed: int, samples: int, channels: int) -> tuple[str, Int16]:
    """Constructed signal `number` as (name, int16 [samples, channels]); the same for the same arguments."""
    name, maker = MAKERS[number % len(MAKERS)]
    values = maker(np.random.default_rng([seed, number]), samples, channels)
    return f"constructed-{number}-{name}", np.clip(values, _BOTTOM, _TOP).astype(np.int16)


def constructed_input(number: int, seed: int, size: int) -> tuple[str, npt.NDArray[np.int8]]:
    """Constructed model input `number` as (name, int8 [size]): random, then extremes, then random again."""
    rng = np.random.default_rng([seed, number])
    extremes = {
        1: ("lowest", np.full(size, -128)),
        2: ("highest", np.full(size, 127)),
        3: ("alternating", np.where(np.arange(size) % 2 == 0, -128, 127)),
        4: ("ramp", np.arange(size) % 256 - 128),
        5: ("ends", rng.choice([-128, 127], size=size)),
    }
    name, values = extremes.get(number, ("random", rng.integers(-128, 127, size=size, endpoint=True)))
    return f"constructed-{number}-{name}", values.astype(np.int8)
