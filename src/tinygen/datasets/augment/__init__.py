"""Variations of recordings for training, seeded: single ones, and recipes of several as data (`chain`)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tinygen.datasets.augment.audio import (
    add_noise,
    add_room,
    change_gain,
    change_pitch,
    change_speed,
    clip_peaks,
    equalize,
    shift_time,
    warp_vocal_tract,
)
from tinygen.datasets.augment.chain import MOTION, SPEECH, VIBRATION, vary
from tinygen.datasets.augment.motion import jitter, rotate, scale, warp_time
from tinygen.datasets.augment.spectrum import mask, warp_bands
from tinygen.datasets.augment.vibration import add_white, change_load, change_shaft_speed
from tinygen.datasets.values import Int16

__all__ = [
    "add_noise", "add_room", "add_white", "change_gain", "change_load", "change_pitch", "change_shaft_speed",
    "change_speed", "clip_peaks", "equalize", "jitter", "mask", "rotate", "scale", "shift_time", "vary", "vary_motion",
    "vary_speech", "vary_vibration", "warp_bands", "warp_time", "warp_vocal_tract",
]  # fmt: skip


def vary_speech(signal: Int16, noises: Sequence[Int16], rng: np.random.Generator) -> Int16:
    """One random variation of a one-second utterance at 16 kHz."""
    return vary(SPEECH, signal, noises, rng)


def vary_motion(signal: Int16, rng: np.random.Generator) -> Int16:
    """One random variation of a motion recording."""
    return vary(MOTION, signal, (), rng)


def vary_vibration(signal: Int16, rng: np.random.Generator) -> Int16:
    """One random variation of a vibration snapshot: small, because level is what tells healthy from worn."""
    return vary(VIBRATION, signal, (), rng)
