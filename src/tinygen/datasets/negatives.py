"""Motion that is no gesture, made of the gestures themselves, for recordings that bring no class "none".

A network that has seen gestures only calls everything one of them. Four kinds of what it must refuse, in turn:
rest (the recording's mean and a little noise), a gesture cut off half-way and held, two halves of different gestures
joined, and motion with the same spectrum but random phases. None is a gesture played backwards: many gestures are
another one's reverse.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from tinygen.core.errors import bad_input
from tinygen.datasets.assemble import UNLABELLED, digest_recordings
from tinygen.datasets.signal import to_int16
from tinygen.datasets.values import Dataset, Int16, Recording

NONE = "none"


def made_none(recordings: tuple[Recording, ...], seed: int) -> tuple[Recording, ...]:
    """One recording that is no gesture for every two gestures, in the groups of those it was made of.

    Raises:
        TinygenError: fewer than two labels: halves of different gestures cannot be joined.
    """
    labels = sorted({r.label for r in recordings})
    if len(labels) < 2:
        raise bad_input("at least two gestures are needed", where="none", hint="or record motion labelled 'none'")
    made = []
    for number, recording in enumerate(recordings[::2]):
        rng = np.random.default_rng([seed, 31, number])
        others = [r for r in recordings if r.label != recording.label and r.group == recording.group]
        others = others or [r for r in recordings if r.label != recording.label]
        other = others[int(rng.integers(len(others)))]
        signal = _no_gesture(number % 4, recording.signal, other.signal, rng)
        made.append(replace(recording, signal=signal, label=NONE, name=f"{recording.name}:none"))
    return tuple(made)


def with_none(dataset: Dataset, seed: int) -> Dataset:
    """The data set with a class "none" made of its gestures; for training, never to judge by.

    Raises:
        TinygenError: as `made_none`.
    """
    gestures = tuple(r for r in dataset.recordings if r.label != UNLABELLED)
    recordings = tuple(sorted((*dataset.recordings, *made_none(gestures, seed)), key=lambda r: (r.name, r.label)))
    note = "the class 'none' was made of the gestures: rest, cut-off and joined gestures, motion with random phases"
    return replace(
        dataset,
        recordings=recordings,
        digest=digest_recordings((*recordings, *dataset.noises)),
        notes=(*dataset.notes, note),
    )


def _no_gesture(kind: int, signal: Int16, other: Int16, rng: np.random.Generator) -> Int16:
    n = len(signal)
    moving = signal.astype(np.float64)
    spread = moving.std(axis=0)
    if kind == 0:
        noise = rng.normal(0, 1, moving.shape) * spread * rng.uniform(0.01, 0.1)
        return to_int16(moving.mean(axis=0) + noise)
    at = int(n * rng.uniform(0.3, 0.6))
    if kind == 1:
        held = np.repeat(moving[at : at + 1], n - at, axis=0) + rng.normal(0, 0.02, (n - at, len(spread))) * spread
        return to_int16(np.concatenate([moving[:at], held]))
    if kind == 2:
        rest = other[int(len(other) * at / n) :].astype(np.float64)
        grid = np.linspace(0, len(rest) - 1, n - at)
        tail = np.stack([np.interp(grid, np.arange(len(rest)), rest[:, c]) for c in range(rest.shape[1])], axis=1)
        return to_int16(np.concatenate([moving[:at], tail]))
    spectrum = np.fft.rfft(moving, axis=0)
    turn = np.exp(2j * np.pi * rng.random(len(spectrum)))
    turn[0] = 1.0
    return to_int16(np.fft.irfft(spectrum * turn[:, None], n, axis=0))
