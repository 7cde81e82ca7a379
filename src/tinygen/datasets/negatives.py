"""Motion that is no gesture, made of the gestures themselves, for recordings that bring no class "none".

A network that has seen gestures only calls everything one of them. One recording of what it must refuse is made for
each gesture. Two of three are other gestures: axes exchanged, mirrored, or played backwards, in whatever ways make
them unlike every gesture there is (many a gesture is another one's mirror image or reverse, so that is measured). The
others are rest (the recording's mean and a little noise), a gesture cut off half-way and held, two halves of different
gestures joined, and motion with the same spectrum but random phases, in turn.

On uWave, two of its gestures left out in turn (four pairs, one short training each, INT8), the area under the ROC of
seen against unseen gestures was 0.89 without a class "none", 0.94 with the last four kinds, 0.96 with other gestures
alone, 0.96 with all.
Source for training on made outliers: Hendrycks et al., "Deep anomaly detection with outlier exposure", ICLR 2019.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import permutations, product

import numpy as np
import numpy.typing as npt

from tinygen.core.errors import bad_input
from tinygen.datasets.assemble import UNLABELLED, digest_recordings
from tinygen.datasets.signal import to_int16
from tinygen.datasets.values import Dataset, Int16, Recording

NONE = "none"
NOTE = (
    "the class 'none' was made of the gestures: axes exchanged, mirrored or backwards; rest; cut off, joined, random "
    "phases"
)

ADVICE = (
    "no recording is labelled 'none', so nothing is refused but what the model is unsure of: record other motion as "
    "'none', or set made = true in [open_set]"
)

UNLIKE = 0.5
"""A changed gesture is another one where its course correlates by less than this with every gesture's."""

_POINTS = 32

Float64 = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """Where each channel comes from, its sign, and whether time runs backwards."""

    order: tuple[int, ...]
    signs: tuple[int, ...]
    backwards: bool

    def __call__(self, moving: Float64) -> Float64:
        """Of float64 [n, channels] around its mean."""
        changed: Float64 = moving[:, list(self.order)] * np.array(self.signs)
        return changed[::-1] if self.backwards else changed


def made_none(recordings: Sequence[Recording], seed: int) -> tuple[Recording, ...]:
    """One recording that is no gesture for each gesture, in its group.

    Raises:
        TinygenError: fewer than two labels: what is no gesture is told from the gestures there are.
    """
    gestures = [r for r in recordings if r.label != UNLABELLED]
    if len({r.label for r in gestures}) < 2:
        raise bad_input("at least two gestures are needed", where="none", hint="or record motion labelled 'none'")
    unlike = strange_changes(gestures)
    made = []
    for number, recording in enumerate(gestures):
        rng = np.random.default_rng([seed, 31, number])
        changes = unlike.get(recording.label, ())
        if number % 3 and changes:
            signal = recording.signal.astype(np.float64)
            mean = signal.mean(axis=0)
            signal = mean + changes[int(rng.integers(len(changes)))](signal - mean)
        else:
            others = [r for r in gestures if r.label != recording.label and r.group == recording.group]
            others = others or [r for r in gestures if r.label != recording.label]
            other = others[int(rng.integers(len(others)))]
            signal = _no_gesture(number // 3 % 4, recording.signal, other.signal, rng)
        made.append(replace(recording, signal=to_int16(signal), label=NONE, name=f"{recording.name}:none"))
    return tuple(made)


def with_recordings(dataset: Dataset, made: Sequence[Recording], note: str) -> Dataset:
    """The data set with more recordings, and what must be known of them."""
    recordings = tuple(sorted((*dataset.recordings, *made), key=lambda r: (r.name, r.label)))
    digest = digest_recordings((*recordings, *dataset.noises))
    return replace(dataset, recordings=recordings, digest=digest, notes=(*dataset.notes, note))


def strange_changes(recordings: Sequence[Recording]) -> dict[str, tuple[Change, ...]]:
    """Changes of each label's gestures that make none of the gestures of it, by the mean course of each label."""
    courses = {
        label: _course(np.mean([_course(r.signal) for r in recordings if r.label == label], axis=0))
        for label in sorted({r.label for r in recordings})
    }
    known = np.stack([course.ravel() for course in courses.values()])
    found = {}
    for label, course in courses.items():
        every = changes_of(course.shape[1])
        found[label] = tuple(c for c in every if float((known @ c(course).ravel()).max()) < UNLIKE)
    return found


def changes_of(channels: int) -> tuple[Change, ...]:
    """All changes but none: of three axes (and alike of a second three: rate of turn) or fewer; else of all at once."""
    axes = 3 if channels % 3 == 0 else channels
    if axes <= 3:
        orders = list(permutations(range(axes)))
        signs = list(product((1, -1), repeat=axes))
    else:
        orders = [tuple((i + turn) % axes for i in range(axes)) for turn in range(axes)]
        signs = [(1,) * axes, (-1,) * axes]
    found = []
    for order, sign, backwards in product(orders, signs, (False, True)):
        whole = tuple(start + i for start in range(0, channels, axes) for i in order)
        found.append(Change(order=whole, signs=sign * (channels // axes), backwards=backwards))
    return tuple(found[1:])


def _course(signal: Int16 | Float64) -> Float64:
    """float64 [_POINTS, channels] of length 1: where a gesture goes, whatever its speed and strength."""
    wave = signal - signal.mean(axis=0, dtype=np.float64)
    grid = np.linspace(0, len(wave) - 1, _POINTS)
    course = np.stack([np.interp(grid, np.arange(len(wave)), wave[:, c]) for c in range(wave.shape[1])], axis=1)
    return course / max(float(np.linalg.norm(course)), 1e-9)


def _no_gesture(kind: int, signal: Int16, other: Int16, rng: np.random.Generator) -> Float64:
    """Rest, cut off, joined with another one's end, or random phases: float64 of the signal's shape."""
    n = len(signal)
    moving = signal.astype(np.float64)
    spread = moving.std(axis=0)
    if kind == 0:
        rest: Float64 = moving.mean(axis=0) + rng.normal(0, 1, moving.shape) * spread * rng.uniform(0.01, 0.1)
        return rest
    at = int(n * rng.uniform(0.3, 0.6))
    if kind == 1:
        held = np.repeat(moving[at : at + 1], n - at, axis=0) + rng.normal(0, 0.02, (n - at, len(spread))) * spread
        return np.concatenate([moving[:at], held])
    if kind == 2:
        end = other[int(len(other) * at / n) :].astype(np.float64)
        grid = np.linspace(0, len(end) - 1, n - at)
        tail = np.stack([np.interp(grid, np.arange(len(end)), end[:, c]) for c in range(end.shape[1])], axis=1)
        return np.concatenate([moving[:at], tail])
    spectrum = np.fft.rfft(moving, axis=0)
    turn = np.exp(2j * np.pi * rng.random(len(spectrum)))
    turn[0] = 1.0
    return np.fft.irfft(spectrum * turn[:, None], n, axis=0)
