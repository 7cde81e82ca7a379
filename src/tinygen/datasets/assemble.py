"""Recordings become a Dataset: sorted, checked, digested."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

import numpy as np

from tinygen.core.errors import bad_input
from tinygen.datasets.values import Dataset, Recording

UNLABELLED = "unlabelled"
"""The label of recordings that are kept for plots but belong to no side of a split."""


def digest_recordings(recordings: Iterable[Recording]) -> str:
    """SHA-256 over signals, labels, groups, names and rates, as 64 hex digits."""
    state = hashlib.sha256()
    for recording in recordings:
        facts = (recording.name, recording.label, recording.group, recording.rate_hz, recording.signal.shape)
        state.update(repr((*facts, recording.position, *filter(None, [recording.side]))).encode())
        state.update(np.ascontiguousarray(recording.signal, dtype="<i2").tobytes())
    return state.hexdigest()


def assemble(
    *,
    name: str,
    recordings: Iterable[Recording],
    synthetic: bool,
    licence: str,
    source: str,
    group_kind: str,
    noises: Iterable[Recording] = (),
    notes: Iterable[str] = (),
) -> Dataset:
    """Sort by name, check what every task relies on, and digest.

    Raises:
        TinygenError: no recording at all, an empty one, or recordings with different numbers of channels.
    """
    ordered = tuple(sorted(recordings, key=lambda r: (r.name, r.label)))
    extra = tuple(sorted(noises, key=lambda r: r.name))
    if not ordered:
        raise bad_input(
            "there is no recording in this data set", where=source, hint="see README, 'Your own recordings'"
        )
    channels = ordered[0].signal.shape[1]
    for recording in ordered:
        if recording.signal.shape[0] == 0:
            raise bad_input("this recording is empty", where=recording.name)
        if recording.signal.shape[1] != channels:
            raise bad_input(
                f"this recording has {recording.signal.shape[1]} channels, '{ordered[0].name}' has {channels}",
                where=recording.name,
                hint="all recordings of a data set need the same channels",
            )
    return Dataset(
        name=name,
        recordings=ordered,
        synthetic=synthetic,
        licence=licence,
        source=source,
        group_kind=group_kind,
        digest=digest_recordings((*ordered, *extra)),
        noises=extra,
        notes=tuple(notes),
    )
