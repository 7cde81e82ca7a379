"""A long recording cut into clips: around what is loud in it, or one after the other."""

from __future__ import annotations

import numpy as np

from tinygen.datasets.values import Int16

_FRAME_S = 0.02
_ABOVE_FLOOR_DB = 10.0
_BELOW_PEAK_DB = 30.0
_PAUSE_S = 0.25
_SHORTEST_S = 0.08
_FLOOR_QUANTILE = 0.2


def spoken(signal: Int16, rate_hz: int) -> list[tuple[int, int]]:
    """Stretches [start, end) in instants where something is said: pauses of a quarter of a second part them.

    A frame of 20 ms counts when it is 10 dB above the recording's floor and at most 30 dB below its loudest.
    """
    size = max(1, round(_FRAME_S * rate_hz))
    count = len(signal) // size
    if count == 0:
        return [(0, len(signal))]
    wave = signal[: count * size].astype(np.float64)
    frames = (wave - wave.mean(axis=0)).reshape(count, -1)
    power = 10 * np.log10((frames**2).mean(axis=1) + 1.0)
    limit = max(float(np.quantile(power, _FLOOR_QUANTILE)) + _ABOVE_FLOOR_DB, float(power.max()) - _BELOW_PEAK_DB)
    loud = np.flatnonzero(power > limit)
    found: list[tuple[int, int]] = []
    for frame in loud.tolist():
        start, end = frame * size, (frame + 1) * size
        if found and start - found[-1][1] < _PAUSE_S * rate_hz:
            found[-1] = (found[-1][0], end)
        else:
            found.append((start, end))
    return [(start, end) for start, end in found if end - start >= _SHORTEST_S * rate_hz]


def around(stretches: list[tuple[int, int]], clip: int, total: int) -> list[tuple[int, int]]:
    """Clips of at most `clip` instants with the stretches in their middle; longer stretches are left out.

    A clip ends in the middle of the pause to its neighbour, so that nobody else is heard in it; at the ends of the
    recording it is shifted inwards.
    """
    found = []
    for number, (start, end) in enumerate(stretches):
        if end - start > clip:
            continue
        low = (stretches[number - 1][1] + start) // 2 if number else 0
        high = (end + stretches[number + 1][0]) // 2 if number + 1 < len(stretches) else total
        at = min(max(low, (start + end - clip) // 2), max(low, high - clip))
        found.append((at, min(at + clip, high)))
    return found


def in_a_row(clip: int, total: int) -> list[tuple[int, int]]:
    """Clips one after the other; what is left at the end is dropped, unless it is all there is."""
    return [(at, at + clip) for at in range(0, total - clip + 1, clip)] or [(0, total)]
