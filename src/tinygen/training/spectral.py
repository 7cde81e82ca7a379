"""Augmentation of log-mel features, whole data sets at a time. No TensorFlow here.

What recordings differ by is nearly linear in the domain the features live in: place and speed move rows, the length of
a vocal tract moves bands, a microphone adds a curve, a room smears power along time, noise adds power. Working there
costs a fiftieth of working on samples, so every epoch sees every example anew.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from tinygen.features.spec import LogMelSpec
from tinygen.training import settling

Float32 = npt.NDArray[np.float32]
Int16 = npt.NDArray[np.int16]

_PER_DB = float(np.log(10.0) / 20.0)  # nepers of magnitude


@dataclass(frozen=True, slots=True, kw_only=True)
class Variation:
    """How far examples are moved; each is drawn uniformly, each example for itself.

    Attributes:
        shift_rows: either way along time. speed: rows run faster or slower by up to this share.
        warp: the mel axis is stretched by up to this share, and moved by `bend` bands.
        curve_db: of a smooth random curve over the bands. level_db: (lowest, highest) gain.
        room: share of examples that get a decay; decay_s: (shortest, longest) time to fall by 60 dB.
        noise: share of examples that get noise; snr_db: (lowest, highest) against the loudest rows.
        floor: (lowest, highest) level in nepers of a steady noise of any colour that every example gets; (0, 0): none.
        mask_rows, mask_bands: longest blank stretch, two of each (Park et al. 2019, SpecAugment).
        mix: share of examples that are mixed with another one (Zhang et al. 2017, mixup), by power.
    """

    shift_rows: float = 6.0
    speed: float = 0.2
    warp: float = 0.12
    bend: float = 1.0
    curve_db: float = 6.0
    level_db: tuple[float, float] = (-18.0, 8.0)
    room: float = 0.4
    decay_s: tuple[float, float] = (0.1, 0.7)
    noise: float = 0.7
    snr_db: tuple[float, float] = (0.0, 35.0)
    floor: tuple[float, float] = (0.0, 0.0)
    mask_rows: int = 6
    mask_bands: int = 5
    mix: float = 0.0


USUAL = Variation(
    shift_rows=8, speed=0.15, warp=0.1, bend=0.8, curve_db=5.0, level_db=(-10.0, 6.0), room=0.3, noise=0.4,
    snr_db=(5.0, 35.0), floor=(0.5, 5.5), mask_rows=5, mask_bands=4,
)  # fmt: skip
"""For recordings, alone or with synthetic speech, whose cells without any noise would give it away."""

WIDE = Variation(
    shift_rows=15, speed=0.22, warp=0.13, bend=1.2, curve_db=8.0, level_db=(-12.0, 7.0), room=0.5, noise=0.5,
    snr_db=(6.0, 35.0), floor=(1.5, 7.0), mask_rows=6, mask_bands=6,
)  # fmt: skip
"""For synthetic speech alone: what real rooms, microphones, throats and starts of a clip do has to come from here.

Words of real clips have their middle anywhere between row 10 and row 39 of 49, and no cell is ever without noise.
"""

NONE = Variation(
    shift_rows=0, speed=0, warp=0, bend=0, curve_db=0, level_db=(0, 0), room=0, noise=0, mask_rows=0, mask_bands=0
)


def nepers(spec: LogMelSpec, features: Int16) -> Float32:
    """Natural logarithms of magnitudes of integer features."""
    real: Float32 = features.astype(np.float32) / np.float32(1 << spec.log_scale_shift)
    return real


def varied(spec: LogMelSpec, features: Int16, noises: Int16, how: Variation, rng: np.random.Generator) -> Float32:
    """One variation of every example, as real features (before `feature_scale`).

    Args:
        spec: the front end; what it does behind the filter bank follows the variation.
        features: int16 [n, rows, bands] of `settling.plain(spec)`.
        noises: int16 [m, bands], such rows of noise recordings one after another; m >= 4 * rows, or none.
        how: how far.
        rng: decides.

    Returns:
        float32 [n, rows, bands], blank stretches NaN.
    """
    parts = [_some(spec, features[at : at + 512], noises, how, rng) for at in range(0, len(features), 512)]
    return np.concatenate(parts) if parts else np.zeros(features.shape, np.float32)


def _some(spec: LogMelSpec, features: Int16, noises: Int16, how: Variation, rng: np.random.Generator) -> Float32:
    n, _, bands = features.shape
    x = nepers(spec, features)
    x = _moved(x, how, rng)
    curve = _curves(n, bands, how.curve_db, rng) + rng.uniform(*how.level_db, size=(n, 1)).astype(np.float32) * _PER_DB
    x += curve[:, None, :]
    power = np.exp(2.0 * np.minimum(x, 16.0))
    if how.room > 0:
        power = _smeared(power, spec, how, rng)
    if how.noise > 0 and len(noises):
        power += _noise(spec, power, noises, how, rng)
    if how.floor[1] > 0:
        power += _floor(power.shape, how, rng)
    x = np.maximum(0.5 * np.log(np.maximum(power, 1.0)), 0.0).astype(np.float32)
    x = settling.moved(spec, x, rng)
    _blank(x, how, rng)
    return x * np.float32(1 << spec.log_scale_shift)


def _moved(x: Float32, how: Variation, rng: np.random.Generator) -> Float32:
    """Resample along time and bands; what comes in from outside is each band's own quiet level."""
    n, rows, bands = x.shape
    if not (how.shift_rows or how.speed or how.warp or how.bend):
        return x.copy()
    quiet = np.sort(x, axis=1)[:, rows // 10, :]
    centre = (rows - 1) / 2
    speed = 1.0 + rng.uniform(-how.speed, how.speed, size=(n, 1))
    at = (np.arange(rows) - centre) * speed + centre + rng.uniform(-how.shift_rows, how.shift_rows, size=(n, 1))
    x = _gather(x, at, quiet)
    stretch = 1.0 + rng.uniform(-how.warp, how.warp, size=(n, 1))
    at = np.arange(bands) * stretch + rng.uniform(-how.bend, how.bend, size=(n, 1))
    swapped = _gather(np.ascontiguousarray(x.transpose(0, 2, 1)), np.clip(at, 0, bands - 1), None)
    return np.ascontiguousarray(swapped.transpose(0, 2, 1))


def _gather(x: Float32, at: npt.NDArray[np.float64], outside: Float32 | None) -> Float32:
    """x [n, k, m] at real positions [n, k] along axis 1; beyond the ends `outside` [n, m]."""
    k = x.shape[1]
    low = np.floor(at).astype(np.int64)
    part = (at - low).astype(np.float32)[:, :, None]
    index = np.arange(len(x))[:, None]
    out = x[index, np.clip(low, 0, k - 1)] * (1 - part) + x[index, np.clip(low + 1, 0, k - 1)] * part
    if outside is not None:
        beyond = (at < -0.5) | (at > k - 0.5)
        out = np.where(beyond[:, :, None], outside[:, None, :], out)
    return out.astype(np.float32)


def _curves(n: int, bands: int, depth_db: float, rng: np.random.Generator) -> Float32:
    """Smooth curves float32 [n, bands] in nepers through six random knots."""
    knots = rng.uniform(-depth_db, depth_db, size=(n, 6)) * _PER_DB
    at = np.linspace(0, 5, bands)
    low = np.minimum(at.astype(np.int64), 4)
    part = at - low
    return (knots[:, low] * (1 - part) + knots[:, low + 1] * part).astype(np.float32)


def _smeared(power: Float32, spec: LogMelSpec, how: Variation, rng: np.random.Generator) -> Float32:
    """Power with an exponential decay along time: a room without its early echoes."""
    n, rows, _ = power.shape
    hop_s = spec.hop_samples / spec.rate_hz
    keep = np.exp(-13.8 * hop_s / rng.uniform(*how.decay_s, size=(n, 1))).astype(np.float32)
    # Late power as a share of the direct one.
    late = (rng.uniform(0.02, 0.5, size=(n, 1)) * (rng.random((n, 1)) < how.room)).astype(np.float32)
    tail = np.zeros_like(power[:, 0])
    out = np.empty_like(power)
    for row in range(rows):
        out[:, row] = power[:, row] + late * tail
        tail = (tail + power[:, row]) * keep
    return out


def _noise(spec: LogMelSpec, power: Float32, noises: Int16, how: Variation, rng: np.random.Generator) -> Float32:
    """Power of a random stretch of noise at a ratio to the example's loudest rows."""
    n, rows, bands = power.shape
    start = rng.integers(0, len(noises) - rows, size=n)
    stretch = nepers(spec, noises[start[:, None] + np.arange(rows)]) + _curves(n, bands, how.curve_db, rng)[:, None]
    added = np.exp(2.0 * stretch)
    loud = np.sort(power.sum(axis=2), axis=1)[:, -max(1, rows // 8) :].mean(axis=1)
    ratio = 10.0 ** (-rng.uniform(*how.snr_db, size=n) / 10.0)
    factor = np.maximum(loud, bands * 20.0**2) * ratio / np.maximum(added.sum(axis=2).mean(axis=1), 1e-6)
    factor = factor * (rng.random(n) < how.noise)
    scaled: Float32 = (added * factor[:, None, None]).astype(np.float32)
    return scaled


def _floor(shape: tuple[int, ...], how: Variation, rng: np.random.Generator) -> Float32:
    """Power of steady noise: a level and a colour per example, and cells that scatter as those of noise do."""
    n, rows, bands = shape
    level = rng.uniform(*how.floor, size=(n, 1)).astype(np.float32) + _curves(n, bands, how.curve_db, rng)
    tilt = rng.uniform(-1.5, 0.5, size=(n, 1)) * np.linspace(0.0, 1.0, bands)
    scatter = rng.normal(0.0, 0.25, size=(n, rows, bands)).astype(np.float32)
    power: Float32 = np.exp(2.0 * (level + tilt.astype(np.float32))[:, None] + 2.0 * scatter).astype(np.float32)
    return power


def _blank(x: Float32, how: Variation, rng: np.random.Generator) -> None:
    n, rows, bands = x.shape
    for longest, size, axis in ((how.mask_rows, rows, 1), (how.mask_bands, bands, 2)):
        for _ in range(2 if longest else 0):
            width = rng.integers(0, longest + 1, size=(n, 1))
            start = rng.integers(0, size - longest, size=(n, 1))
            at = np.arange(size)
            hit = (at >= start) & (at < start + width)
            x[np.broadcast_to(hit[:, :, None] if axis == 1 else hit[:, None, :], x.shape)] = np.nan
