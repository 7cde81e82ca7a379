"""Noise reduction and PCAN over real log-mel features, so that augmentation can come before them. No TensorFlow here.

Augmentation (`spectral`) works on plain log-mel features; where a front end reduces noise, that stage follows here in
real numbers, whole data sets at a time. Its estimate begins where a lead-in has brought it: at the level of the
example's quietest stretch. Tests compare it with the integers of `features.gain`.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt

from tinygen.features import gain, logmel
from tinygen.features.spec import LogMelSpec

Float32 = npt.NDArray[np.float32]
Int16 = npt.NDArray[np.int16]

QUIET_ROWS = 4
"""The quietest stretch is this part of an example long, as `datasets.window` has it."""

SPREAD, BAND_SPREAD = 0.3, 0.15
"""How far, in nepers, training moves an example's estimate as a whole and in each band."""

LONGEST = 4.0
"""Half the examples' estimates have settled for one to so many lead-ins: a stream is listened to for longer."""

_LARGEST = 20.0  # nepers: beyond what 16-bit samples can give


def plain(spec: LogMelSpec) -> LogMelSpec:
    """The front end without what adapts to the signal: what augmentation works on."""
    return replace(spec, enable_noise_reduction=False, enable_pcan=False, lead_in_frames=0)


def quiet(spec: LogMelSpec, x: Float32) -> Float32:
    """Magnitudes float32 [n, bands] of the quietest stretch of each example.

    Args:
        spec: the front end.
        x: plain features in nepers, float32 [n, rows, bands].
    """
    magnitudes = np.exp(np.minimum(x, _LARGEST))
    size = max(1, x.shape[1] // QUIET_ROWS)
    sums = np.cumsum(np.pad((magnitudes**2).sum(axis=2), ((0, 0), (1, 0))), axis=1)
    at = (sums[:, size:] - sums[:, :-size]).argmin(axis=1)
    stretch = magnitudes[np.arange(len(x))[:, None], at[:, None] + np.arange(size)]
    found: Float32 = stretch.mean(axis=1).astype(np.float32)
    return found


def started(spec: LogMelSpec, x: Float32, rows: Float32) -> Float32:
    """Noise estimates float32 [n, bands] after some rows of each example's quietest stretch, from zero.

    Args:
        spec: the front end.
        x: plain features in nepers, float32 [n, rows, bands].
        rows: float32 [n, 1], how many.
    """
    found: Float32 = quiet(spec, x) * (1 - (1 - _smoothing(spec)) ** rows)
    return found


def _smoothing(spec: LogMelSpec) -> Float32:
    bands = np.arange(spec.n_bands)
    return np.where(bands % 2 == 0, np.float32(spec.even_smoothing), np.float32(spec.odd_smoothing))


def settled(spec: LogMelSpec, x: Float32, estimate: Float32) -> Float32:
    """Features in nepers behind noise reduction and, where it is on, PCAN.

    Args:
        spec: the front end.
        x: plain features in nepers, float32 [n, rows, bands].
        estimate: magnitudes float32 [n, bands] that the noise estimate begins with.

    Returns:
        float32 [n, rows, bands].
    """
    if not spec.enable_noise_reduction:
        return x
    shift = np.float32(2.0 ** logmel.correction_bits(spec))  # features are logarithms of magnitudes times this
    smoothing = _smoothing(spec)
    offset, strength = np.float32(spec.pcan_offset), np.float32(spec.pcan_strength)
    largest = np.float32(32767.0 / (1 << spec.pcan_gain_bits))
    magnitudes = np.exp(np.minimum(x, _LARGEST))
    out = np.empty_like(magnitudes)
    for row in range(x.shape[1]):
        now = magnitudes[:, row]
        estimate = smoothing * now + (1 - smoothing) * estimate
        left = np.maximum(now - estimate, np.float32(spec.min_signal_remaining) * now)
        if spec.enable_pcan:
            ratio = left * np.minimum((estimate + offset) ** -strength, largest)
            left = np.where(ratio < 2, ratio * ratio / 4, ratio - 1) * np.float32(1 << gain.PCAN_OUTPUT_BITS)
        else:
            left = left / shift
        out[:, row] = np.floor(left) * shift
    nepers: Float32 = np.log(np.maximum(out, 1.0)).astype(np.float32)
    return nepers


def led_in(spec: LogMelSpec, x: Float32) -> Float32:
    """`settled` behind the spec's own lead-in."""
    if not spec.enable_noise_reduction:
        return x
    return settled(spec, x, started(spec, x, np.full((len(x), 1), spec.lead_in_frames, np.float32)))


def moved(spec: LogMelSpec, x: Float32, rng: np.random.Generator) -> Float32:
    """`settled` from an estimate somewhere around what such a lead-in, or a longer one, gives."""
    if not spec.enable_noise_reduction:
        return x
    n, bands = len(x), x.shape[2]
    longer = np.where(rng.random((n, 1)) < 0.5, rng.uniform(1.0, LONGEST, size=(n, 1)), 1.0)
    rows = spec.lead_in_frames * longer
    by = rng.normal(0.0, SPREAD, size=(n, 1)) + rng.normal(0.0, BAND_SPREAD, size=(n, bands))
    return settled(spec, x, started(spec, x, rows.astype(np.float32)) * np.exp(by).astype(np.float32))
