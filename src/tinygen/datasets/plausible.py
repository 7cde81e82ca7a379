"""Recordings no useful model can come of: refused, or said, before anything is trained on them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np

from tinygen.core.errors import bad_input
from tinygen.datasets.values import Recording

GESTURE_HIGHEST_HZ = 2000
"""Above this a signal is sound, not motion: hand movements end below some 20 Hz, and inertial sensors that are read for
them deliver 25 to 1,000 samples a second."""
VIBRATION_LOWEST_HZ = 100
KWS_SHORTEST_S = 0.1
_QUIET_LABELS = ("_silence_", "none", "negative", "idle", "rest", "other", "silence", "_noise_")
_SHORT = 0.25  # of the median length


def check_plausible(task_name: str, recordings: Sequence[Recording]) -> tuple[str, ...]:
    """Sentences about what is odd.

    Args:
        task_name: "kws", "vibration" or "gesture".
        recordings: adapted to the task.

    Raises:
        TinygenError: the rate is another kind of signal's, a class never changes, or all is too short.
    """
    if not recordings:
        return ()
    _rate(task_name, recordings)
    _shortness(task_name, recordings)
    return (*_constant(recordings), *_much_shorter(recordings))


def _rate(task_name: str, recordings: Sequence[Recording]) -> None:
    first = recordings[0]
    if task_name == "gesture" and first.rate_hz > GESTURE_HIGHEST_HZ:
        raise bad_input(
            f"is sampled at {first.rate_hz} Hz; motion is sampled at {GESTURE_HIGHEST_HZ} Hz at most",
            where=first.name,
            hint="sound belongs to the task kws, machine vibration to the task vibration",
        )
    if task_name == "vibration" and first.rate_hz < VIBRATION_LOWEST_HZ:
        raise bad_input(
            f"is sampled at {first.rate_hz} Hz; a vibration spectrum needs at least {VIBRATION_LOWEST_HZ} Hz",
            where=first.name,
            hint="slow movements belong to the task gesture",
        )


def _shortness(task_name: str, recordings: Sequence[Recording]) -> None:
    if task_name != "kws":
        return  # these tasks fit their window to the recordings, and say themselves what is too short
    longest = max(recordings, key=lambda r: r.signal.shape[0])
    seconds = longest.signal.shape[0] / longest.rate_hz
    if seconds < KWS_SHORTEST_S:
        raise bad_input(
            f"even the longest recording lasts {seconds * 1000:.3g} ms; a word needs {KWS_SHORTEST_S * 1000:g} ms",
            where=longest.name,
            hint="one second around the word is right",
        )


def _constant(recordings: Sequence[Recording]) -> tuple[str, ...]:
    flat = [r for r in recordings if not is_quiet(r.label) and bool((r.signal == r.signal[:1]).all())]
    total = Counter(r.label for r in recordings)
    for label, count in sorted(Counter(r.label for r in flat).items()):
        if 2 * count >= total[label]:
            worst = next(r for r in flat if r.label == label)
            raise bad_input(
                f"{count} of {total[label]} recordings of '{label}' never change",
                where=worst.name,
                hint="was the sensor connected? remove or record these again",
            )
    if not flat:
        return ()
    return (f"{len(flat)} recordings never change, the first is '{flat[0].name}': was the sensor connected?",)


def is_quiet(label: str) -> bool:
    """Nothing needs to happen in recordings of this label."""
    return label.lower() in _QUIET_LABELS


def _much_shorter(recordings: Sequence[Recording]) -> tuple[str, ...]:
    median = float(np.median([r.signal.shape[0] for r in recordings]))
    short = [r for r in recordings if r.signal.shape[0] < _SHORT * median]
    if not short:
        return ()
    return (
        f"{len(short)} recordings are shorter than a quarter of the usual {median:.0f} samples and are lengthened by "
        f"holding their ends, the first is '{short[0].name}' ({short[0].signal.shape[0]} samples)",
    )
