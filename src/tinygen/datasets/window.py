"""Cutting recordings to what one inference consumes; training, evaluation and verification all cut here."""

from __future__ import annotations

import numpy as np

from tinygen.datasets.values import Int16, Recording

_QUIET_SHARE = 4  # a lead-in is made of the quietest stretch of this part of a window


def fit(signal: Int16, n_samples: int) -> Int16:
    """The middle `n_samples` of a signal [n, channels]; a shorter one is held at its first and last sample."""
    missing = n_samples - signal.shape[0]
    if missing > 0:
        return np.pad(signal, ((missing // 2, missing - missing // 2), (0, 0)), mode="edge")
    start = -missing // 2
    return signal[start : start + n_samples]


def ambience(signal: Int16, n_samples: int, longest: int) -> Int16:
    """What the place sounds like where nobody speaks: the quietest stretch of a signal, to and fro.

    Args:
        signal: int16 [n >= 1, channels].
        n_samples: wanted.
        longest: instants of the stretch; a shorter signal is taken whole.

    Returns:
        int16 [n_samples, channels], ending where the stretch begins.
    """
    size = min(longest, signal.shape[0])
    sums = np.cumsum(np.pad(signal.astype(np.int64), ((1, 0), (0, 0))), axis=0)
    squares = np.cumsum(np.pad(signal.astype(np.int64) ** 2, ((1, 0), (0, 0))), axis=0)
    # size^2 times the variance of every stretch, exact in integers.
    spread = (squares[size:] - squares[:-size]) * size - (sums[size:] - sums[:-size]) ** 2
    at = int(spread.sum(axis=1).argmin())
    stretch = signal[at : at + size]
    back_and_forth = np.concatenate([stretch, stretch[::-1]])
    repeats = -(-n_samples // len(back_and_forth))
    return np.tile(back_and_forth, (repeats, 1))[repeats * len(back_and_forth) - n_samples :]


def led(signal: Int16, start: int, window: Int16, lead_in: int) -> Int16:
    """A window with what came before it in the recording, as far as that reaches, and ambience before that.

    Args:
        signal: int16 [n, channels], the recording.
        start: where in it the window begins.
        window: int16 [m, channels].
        lead_in: instants before it.

    Returns:
        int16 [lead_in + m, channels].
    """
    if not lead_in:
        return window
    before = signal[max(0, start - lead_in) : max(0, start)]
    made = ambience(signal, lead_in - len(before), max(1, len(window) // _QUIET_SHARE))
    return np.concatenate([made, before, window])


def cut(recording: Recording, n_samples: int, *, lead_in: int = 0, max_windows: int = 64) -> list[Int16]:
    """All windows of int16 [lead_in + n_samples, channels] that one recording gives.

    A recording shorter than two windows gives its middle; a longer one is cut from its start without overlap,
    and at most `max_windows`, evenly spread, are taken. The instants of a lead-in come before them.
    """
    signal = recording.signal
    length = signal.shape[0]
    if length < 2 * n_samples:
        return [led(signal, (length - n_samples) // 2, fit(signal, n_samples), lead_in)]
    count = length // n_samples
    chosen = range(count) if count <= max_windows else np.linspace(0, count - 1, max_windows).astype(int).tolist()
    return [led(signal, i * n_samples, signal[i * n_samples : (i + 1) * n_samples], lead_in) for i in chosen]
