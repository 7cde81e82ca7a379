"""Is a recording usable? Its level: silent, clipped, off centre, cut off."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from tinygen.datasets.values import Int16

_FULL = 32768.0
_BLOCK_S = 0.05
QUIETEST_SPEECH_DBFS = -45.0
"""Speech a metre from a microphone lies 15 dB and more above this; below it a 16-bit front end sees its own noise."""
LOUDEST_SILENCE_DBFS = -25.0
_CLIPPED_RUN = 3
_CLIPPED_SHARE = 1e-3
_OFFSET_SHARE = 0.05
_EDGE_DB = 12.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Level:
    """Figures of a recording, in dB below full scale.

    Attributes:
        peak_dbfs: the largest sample. loudest_dbfs: RMS of the loudest 50 ms, without the offset.
        clipped: samples at the ends of the range in runs of three and more.
        offset: mean of the worst channel, of full scale.
        starts_below_db, ends_below_db: how far the first and last 50 ms lie below the loudest: a word that is cut off
            is loud there.
        stuck: channels that never change, from 0.
    """

    peak_dbfs: float
    loudest_dbfs: float
    clipped: int
    offset: float
    starts_below_db: float
    ends_below_db: float
    stuck: tuple[int, ...] = ()


def _decibel(value: float) -> float:
    return 20 * math.log10(max(value, 1e-9) / _FULL)


def level_of(signal: Int16, rate_hz: float) -> Level:
    """Figures of int16 [n, channels] with at least one instant."""
    wave = signal.astype(np.float64)
    mean = wave.mean(axis=0)
    size = max(1, min(len(wave), round(_BLOCK_S * rate_hz)))
    blocks = (wave - mean)[: len(wave) // size * size].reshape(-1, size, wave.shape[1])
    rms = np.sqrt((blocks**2).mean(axis=1)).max(axis=1)
    loudest = _decibel(float(rms.max()))
    return Level(
        peak_dbfs=_decibel(float(np.abs(wave).max())),
        loudest_dbfs=loudest,
        clipped=sum(_in_runs(signal[:, channel]) for channel in range(signal.shape[1])),
        offset=float(np.abs(mean).max() / _FULL),
        starts_below_db=loudest - _decibel(float(rms[0])),
        ends_below_db=loudest - _decibel(float(rms[-1])),
        stuck=tuple(int(channel) for channel in np.flatnonzero((signal == signal[:1]).all(axis=0))),
    )


def _in_runs(channel: Int16) -> int:
    """Samples at the ends of the range that stand in runs; one alone is a loud sample, not a clipped one."""
    ends = (channel == 32767) | (channel == -32768)
    edges = np.flatnonzero(np.diff(np.concatenate([[0], ends.astype(np.int8), [0]])))
    lengths = edges[1::2] - edges[::2]
    return int(lengths[lengths >= _CLIPPED_RUN].sum())


def problems(
    level: Level, n_samples: int, *, speech: bool, quiet: bool, channels: int = 1
) -> tuple[list[str], list[str]]:
    """Reasons to record again, and what is only odd.

    Args:
        level: of the recording.
        n_samples: of all channels together.
        speech: somebody says a word in it, rather than anything else a sensor gives.
        quiet: nothing needs to happen in it (silence, "none").
        channels: of the recording.
    """
    bad, odd = [], []
    if level.clipped > max(_CLIPPED_RUN, _CLIPPED_SHARE * n_samples):
        bad.append(f"clipped: {level.clipped:,} samples at full scale; less gain, or more distance")
    if not quiet and (level.loudest_dbfs < _decibel(1.0) or len(level.stuck) >= channels):
        constant = level.peak_dbfs > _decibel(1.0) + 1e-9
        what = (
            f"it stays at {level.peak_dbfs:.0f} dBFS: is the sensor stuck?" if constant else "is the sensor connected?"
        )
        bad.append(f"nothing is in it: {what}")
    elif speech and not quiet and level.loudest_dbfs < QUIETEST_SPEECH_DBFS:
        bad.append(f"too quiet: {level.loudest_dbfs:.0f} dBFS at its loudest, speech needs {QUIETEST_SPEECH_DBFS:.0f}")
    elif level.stuck and not quiet:
        said = ", ".join(str(channel) for channel in level.stuck)
        odd.append(f"channel {said} never changes: is every axis connected?")
    if speech and level.offset > _OFFSET_SHARE:
        odd.append(f"off centre by {level.offset:.0%} of full scale")
    if speech and quiet and level.loudest_dbfs > LOUDEST_SILENCE_DBFS:
        odd.append(f"{level.loudest_dbfs:.0f} dBFS at its loudest: is this silence?")
    if speech and not quiet and not bad:
        if level.starts_below_db < _EDGE_DB:
            odd.append("loud at its very start: was the beginning cut off?")
        if level.ends_below_db < _EDGE_DB:
            odd.append("loud at its very end: was the end cut off?")
    return bad, odd
