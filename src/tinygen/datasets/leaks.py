"""Does a split leak? The same speaker, bearing, person or recording on two sides makes every figure a lie."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
import numpy.typing as npt

from tinygen.core.errors import bad_input
from tinygen.datasets.values import Dataset, Int16, Recording, Split

NEAR = 0.88
"""Recordings whose fingerprints have this cosine or more are looked at sample by sample..."""
SAME = 0.995
"""...and where their waveforms, moved over each other, correlate by this or more they are one recording."""

_FRAMES, _BANDS = 24, 24
_BITS, _TABLES = 14, 24
_LARGEST_BUCKET = 400


@dataclass(frozen=True, slots=True, kw_only=True)
class Leak:
    """Something that is on two sides.

    Attributes:
        what: "speaker", "bearing", "person", "recording"... or "content".
        sides: where it is.
        first, second: names of a recording on each.
        says: a sentence about it.
    """

    what: str
    sides: tuple[str, str]
    first: str
    second: str
    says: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """Two recordings that sound or look the same; similarity 1.0 = the very same samples."""

    first: Recording
    second: Recording
    similarity: float


def content_digest(signal: Int16) -> str:
    """SHA-256 over the samples alone: the same audio has it under any name, label or file format."""
    return hashlib.sha256(np.ascontiguousarray(signal, dtype="<i2").tobytes()).hexdigest()


def is_constant(signal: Int16) -> bool:
    """True where nothing ever changes: such recordings are all alike and say nothing about each other."""
    return bool((signal == signal[:1]).all())


def find_leaks(split: Split, group_kind: str) -> tuple[Leak, ...]:
    """Groups and identical recordings that are on two sides, in the order of the sides."""
    sides = (("train", split.train), ("validation", split.validation), ("test", split.test))
    found: list[Leak] = []
    digests = {name: _by_digest(side) for name, side in sides}
    for (name, side), (other_name, other) in combinations(sides, 2):
        groups = {r.group: r.name for r in reversed(side)}
        for group, example in sorted({r.group: r.name for r in reversed(other)}.items()):
            if group in groups:
                says = f"{group_kind} '{group}' is on the sides {name} and {other_name}"
                found.append(
                    Leak(what=group_kind, sides=(name, other_name), first=groups[group], second=example, says=says)
                )
        for digest, example in sorted(digests[other_name].items()):
            twin = digests[name].get(digest)
            if twin is not None:
                says = f"'{twin}' ({name}) and '{example}' ({other_name}) hold the very same samples"
                found.append(Leak(what="content", sides=(name, other_name), first=twin, second=example, says=says))
    return tuple(found)


def refuse_leaks(dataset: Dataset, split: Split) -> None:
    """Stop before anything is trained on a split that leaks.

    Raises:
        TinygenError: a group, or the same samples, are on two sides.
    """
    leaks = find_leaks(split, dataset.group_kind)
    if leaks:
        more = f", and {len(leaks) - 1} more" if len(leaks) > 1 else ""
        raise bad_input(
            f"the split leaks: {leaks[0].says}{more}",
            where=dataset.name,
            hint="put each group on one side and each recording in once; `tinygen datasets check` lists all",
        )


def _by_digest(side: Sequence[Recording]) -> dict[str, str]:
    return {content_digest(r.signal): r.name for r in reversed(side) if not is_constant(r.signal)}


def same_content(recordings: Iterable[Recording]) -> tuple[Pair, ...]:
    """Each later recording with the first one that has the very same samples."""
    seen: dict[str, Recording] = {}
    found: list[Pair] = []
    for recording in recordings:
        if is_constant(recording.signal):
            continue
        first = seen.setdefault(content_digest(recording.signal), recording)
        if first is not recording:
            found.append(Pair(first=first, second=recording, similarity=1.0))
    return tuple(found)


def fingerprint(signal: Int16) -> npt.NDArray[np.float32]:
    """A unit vector that is nearly the same for a copy at another level, cut or offset a little, or coded again.

    Log energies of 24 stretches of the loud part in 24 bands of equal ratio, with the mean of each band taken off, so
    that a common spectrum or a common room does not make strangers alike. Zero where nothing changes.
    """
    mono = signal.astype(np.float64).sum(axis=1)
    mono -= mono.mean()
    level = np.abs(mono)
    loud = np.flatnonzero(level > 0.02 * level.max(initial=0.0))
    part = mono[loud[0] : loud[-1] + 1] if loud.size else mono
    if part.size < 2 * _FRAMES or not part.any():
        return np.zeros(_FRAMES * _BANDS, dtype=np.float32)
    size = 1 << int(np.log2(max(4 * part.size // _FRAMES, 16)))
    starts = np.linspace(0, max(part.size - size, 0), _FRAMES).astype(np.int64)
    padded = np.pad(part, (0, max(0, size - part.size)))
    frames = np.lib.stride_tricks.sliding_window_view(padded, size)[starts] * np.hanning(size)
    power = np.abs(np.fft.rfft(frames, axis=1)) ** 2
    edges = np.unique(np.geomspace(1, power.shape[1], _BANDS + 1).astype(np.int64))[:-1]
    bands = np.add.reduceat(power, edges, axis=1)
    logs = np.log(bands + 1e-3 * bands.max() + 1e-9)
    logs -= logs.mean(axis=0)
    flat = np.zeros(_FRAMES * _BANDS)
    flat[: logs.size] = logs.ravel()
    length = float(np.linalg.norm(flat))
    return (flat / length if length > 1e-6 else np.zeros_like(flat)).astype(np.float32)


def correlation(first: Int16, second: Int16) -> float:
    """How alike two signals are where they overlap best, all channels together, 0..1; level does not matter.

    At least half of the shorter one must overlap.
    """
    a, b = (x.astype(np.float64) - x.mean(axis=0) for x in (first, second))
    length = a.shape[0] + b.shape[0]
    product = np.fft.rfft(a, length, axis=0) * np.conj(np.fft.rfft(b, length, axis=0))
    lag = int(np.fft.irfft(product.sum(axis=1), length).argmax())
    lag -= length if lag > a.shape[0] else 0
    a, b = a[max(lag, 0) :], b[max(-lag, 0) :]
    n = min(a.shape[0], b.shape[0])
    if 2 * n < min(first.shape[0], second.shape[0]):
        return 0.0
    scale = float(np.sqrt(np.sum(a[:n] ** 2) * np.sum(b[:n] ** 2)))
    return float(np.sum(a[:n] * b[:n])) / scale if scale > 0 else 0.0


def near_duplicates(recordings: Sequence[Recording]) -> tuple[Pair, ...]:
    """Pairs that are one recording heard twice: cut, moved, louder, coded again, or with a little noise.

    Locality-sensitive hashing of fingerprints finds candidates, correlation of the waveforms decides. Pairs of the
    very same samples are not among them: `same_content` gives those.

    Source: Charikar (2002), "Similarity estimation techniques from rounding algorithms", random hyperplanes.
    """
    prints = np.stack([fingerprint(r.signal) for r in recordings]) if recordings else np.zeros((0, 1), np.float32)
    alive = np.flatnonzero(prints.any(axis=1))
    rng = np.random.default_rng(20_02)
    pairs: set[tuple[int, int]] = set()
    weights = 1 << np.arange(_BITS)
    for _ in range(_TABLES):
        planes = rng.normal(size=(prints.shape[1], _BITS)).astype(np.float32)
        keys = ((prints[alive] @ planes) > 0) @ weights
        order = np.argsort(keys, kind="stable")
        for bucket in np.split(alive[order], np.flatnonzero(np.diff(keys[order])) + 1):
            if bucket.size < 2:
                continue
            for start in range(0, bucket.size, _LARGEST_BUCKET):
                block = bucket[start : start + _LARGEST_BUCKET]
                likeness = prints[block] @ prints[block].T
                for i, j in zip(*np.nonzero(np.triu(likeness >= NEAR, 1)), strict=True):
                    pairs.add((int(block[i]), int(block[j])))
    found: list[Pair] = []
    for i, j in sorted(pairs):
        first, second = recordings[i], recordings[j]
        if first.signal.shape[1] == second.signal.shape[1] and not np.array_equal(first.signal, second.signal):
            alike = correlation(first.signal, second.signal)
            if alike >= SAME:
                found.append(Pair(first=first, second=second, similarity=min(alike, 0.9999)))
    return tuple(found)


def tied_groups(recordings: Sequence[Recording]) -> dict[str, str]:
    """{group: the group it must stay with}: groups that share a recording, sample for sample, count as one."""
    tie = {r.group: r.group for r in recordings}

    def root(group: str) -> str:
        while tie[group] != group:
            group = tie[group]
        return group

    for pair in same_content(recordings):
        ends = sorted((root(pair.first.group), root(pair.second.group)))
        tie[ends[1]] = ends[0]
    return {group: root(group) for group in tie}
