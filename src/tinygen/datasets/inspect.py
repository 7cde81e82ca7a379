"""Looking through a data set: balance, levels, clipping, offsets, lengths. What is odd is said with its recordings."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from tinygen.datasets.leaks import is_constant
from tinygen.datasets.values import Recording

FULL_SCALE = 32767
CLIPPED_SHARE = 0.001
"""A recording counts as clipped where more of its samples than this lie at the end of the scale, in runs."""
_RUN = 3
_QUIET_DBFS = -60.0
_OFFSET = 0.05


@dataclass(frozen=True, slots=True, kw_only=True)
class Level:
    """One recording in numbers.

    Attributes:
        rms_dbfs, peak_dbfs: of what moves (the mean is taken off), dB relative to int16's full scale.
        offset: mean of the channel that is furthest off, in steps.
        clipped: share of samples at the end of the scale or in flat runs at the recording's own peak.
        seconds: its length.
    """

    rms_dbfs: float
    peak_dbfs: float
    offset: float
    clipped: float
    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class ClassFacts:
    """What one class holds; levels are medians with the 5th and 95th percentile."""

    label: str
    count: int
    groups: int
    seconds: float
    rms_dbfs: tuple[float, float, float]
    clipped: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Findings:
    """What was seen; recordings by name."""

    classes: tuple[ClassFacts, ...]
    clipped: tuple[str, ...]
    constant: tuple[str, ...]
    quiet: tuple[str, ...]
    offset: tuple[str, ...]
    balance: float
    odd_groups: tuple[tuple[str, str], ...]


def level_of(recording: Recording) -> Level:
    """Loudness, offset and clipping of one recording."""
    x = recording.signal.astype(np.float64)
    mean = x.mean(axis=0)
    moving = x - mean
    rms, peak = float(np.sqrt(np.mean(moving**2))), float(np.abs(moving).max(initial=0.0))
    return Level(
        rms_dbfs=20 * np.log10(max(rms, 0.1) / FULL_SCALE),
        peak_dbfs=20 * np.log10(max(peak, 0.1) / FULL_SCALE),
        offset=float(mean[np.abs(mean).argmax()]),
        clipped=_clipped_share(recording),
        seconds=recording.signal.shape[0] / max(recording.rate_hz, 1),
    )


def _clipped_share(recording: Recording) -> float:
    """Samples in runs of three and more at the largest or smallest value of a loud recording."""
    x = recording.signal
    worst = 0.0
    for channel in x.T:
        for end in (int(channel.max()), int(channel.min())):
            if abs(end) < FULL_SCALE // 8:
                continue  # quiet ones rest at their ends without being cut off
            at = np.concatenate([[False], channel == end, [False]])
            edges = np.flatnonzero(np.diff(at.astype(np.int8)))
            runs = edges[1::2] - edges[::2]
            worst = max(worst, float(runs[runs >= _RUN].sum()) / channel.size)
    return worst


def inspect(recordings: Sequence[Recording]) -> Findings:
    """Everything that can be said without a model."""
    levels = [level_of(r) for r in recordings]
    by_class: dict[str, list[int]] = defaultdict(list)
    for i, r in enumerate(recordings):
        by_class[r.label].append(i)
    classes = tuple(_class_facts(label, [recordings[i] for i in at], [levels[i] for i in at])
                    for label, at in sorted(by_class.items()))  # fmt: skip
    named = [c for c in classes if not c.label.startswith("_")] or list(classes)
    counts = [c.count for c in named]
    constant = [r.name for r in recordings if is_constant(r.signal) and r.label != "_silence_"]
    return Findings(
        classes=classes,
        clipped=_names(recordings, levels, lambda r, level: level.clipped > CLIPPED_SHARE),
        constant=tuple(constant),
        quiet=_names(
            recordings,
            levels,
            lambda r, level: level.rms_dbfs < _QUIET_DBFS and _is_sound(r),
        ),
        offset=_names(recordings, levels, lambda r, level: _is_sound(r) and abs(level.offset) > _OFFSET * FULL_SCALE),
        balance=max(counts) / max(min(counts), 1) if counts else 1.0,
        odd_groups=_odd_groups(recordings),
    )


def _is_sound(recording: Recording) -> bool:
    """Motion rests on gravity and may be small; levels are judged where a microphone or pick-up is."""
    return recording.rate_hz > 2000 and recording.label != "_silence_"


def _names(
    recordings: Sequence[Recording], levels: Sequence[Level], wanted: Callable[[Recording, Level], bool]
) -> tuple[str, ...]:
    return tuple(r.name for r, level in zip(recordings, levels, strict=True) if wanted(r, level))


def _class_facts(label: str, recordings: Sequence[Recording], levels: Sequence[Level]) -> ClassFacts:
    rms = np.percentile([level.rms_dbfs for level in levels], [5, 50, 95])
    return ClassFacts(
        label=label,
        count=len(recordings),
        groups=len({r.group for r in recordings}),
        seconds=float(sum(level.seconds for level in levels)),
        rms_dbfs=(float(rms[0]), float(rms[1]), float(rms[2])),
        clipped=sum(level.clipped > CLIPPED_SHARE for level in levels),
    )


def _odd_groups(recordings: Sequence[Recording]) -> tuple[tuple[str, str], ...]:
    """Groups whose names differ in case, spaces, - or _ only: probably one, written twice."""
    seen: dict[str, str] = {}
    found: set[tuple[str, str]] = set()
    for group in sorted({r.group for r in recordings}):
        plain = "".join(c for c in group.casefold() if c not in " _-")
        first = seen.setdefault(plain, group)
        if first != group:
            found.add((first, group))
    return tuple(sorted(found))
