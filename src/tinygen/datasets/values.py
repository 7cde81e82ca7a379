"""The values this room hands on."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

Int16 = npt.NDArray[np.int16]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Recording:
    """One recording, never split over the sides of a split.

    Attributes:
        signal: int16 [n_samples, n_channels].
        rate_hz: sampling rate.
        label: class name ("yes"), or "healthy" / a fault name for vibration.
        group: what must not be on both sides: speaker, bearing, person; the recording itself if nothing is known.
        name: where it came from, relative to the data set.
        position: place in life 0..1 for run-to-failure data, else None.
        side: "train", "validation" or "test" where the data set itself says on which side it belongs, else "".
    """

    signal: Int16
    rate_hz: int
    label: str
    group: str
    name: str
    position: float | None = None
    side: str = ""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Dataset:
    """Recordings with what is known about them.

    Attributes:
        synthetic: True when made by a generator; every figure from it is labelled so.
        licence: SPDX id or "none stated".
        digest: SHA-256 over all signals and labels.
        noises: background recordings for augmentation (label "_noise_"), may be empty.
        group_kind: "speaker" | "bearing" | "person" | "group" | "recording".
        notes: what was done to the data or left out, for people: resampling, units, files not used.
    """

    name: str
    recordings: tuple[Recording, ...]
    synthetic: bool
    licence: str
    source: str
    group_kind: str
    digest: str
    noises: tuple[Recording, ...] = field(default=())
    notes: tuple[str, ...] = field(default=())


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Split:
    """Disjoint by group: no group is on two sides."""

    train: tuple[Recording, ...]
    validation: tuple[Recording, ...]
    test: tuple[Recording, ...]
