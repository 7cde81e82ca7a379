"""Leak-free splits: a group (speaker, bearing, person, recording) lies on one side only."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from tinygen.core.errors import bad_input
from tinygen.datasets.adapt import HEALTHY
from tinygen.datasets.assemble import UNLABELLED
from tinygen.datasets.leaks import refuse_leaks, tied_groups
from tinygen.datasets.readers.raw import SIDES
from tinygen.datasets.values import Dataset, Recording, Split

SHARES = (0.6, 0.2, 0.2)
"""What train, validation and test get of every class, as nearly as whole groups allow."""

_TRIES = 24


def split(dataset: Dataset, seed: int) -> Split:
    """Divide by group, each class as near to SHARES as whole groups allow; the same seed gives the same split.

    Where the data set says itself what is on which side, that holds; a side that it leaves out is taken from the
    training side by whole groups. Either way the same recording must not be on two sides under two names.

    Where a class is called "healthy" (anomaly detection) only that class must be on every side, and some other class
    on the test side. Unlabelled recordings are on no side.

    Raises:
        TinygenError: a class, or the whole set, has too few groups to be on every side; or the split leaks.
    """
    made = divide(dataset, seed)
    refuse_leaks(dataset, made)
    return made


def divide(dataset: Dataset, seed: int) -> Split:
    """`split` without the refusal, for those who want to list what leaks.

    Raises:
        TinygenError: a class, or the whole set, has too few groups to be on every side.
    """
    recordings = [r for r in dataset.recordings if r.label != UNLABELLED]
    if any(r.side for r in recordings):
        return _declared(dataset, recordings, seed)
    return _drawn(dataset, recordings, seed)


def _declared(dataset: Dataset, recordings: list[Recording], seed: int) -> Split:
    """The data set's own sides; validation recordings are taken from the training side where it names none."""
    without = [r.name for r in recordings if r.side not in SIDES]
    if without:
        raise bad_input(
            f"names the side of some recordings only; {len(without)} have none, the first is '{without[0]}'",
            where=dataset.name,
            hint=f"say {', '.join(SIDES)} for each recording, or for none",
        )
    train, validation, test = ([r for r in recordings if r.side == side] for side in SIDES)
    for side, held in (("train", train), ("test", test)):
        if not held:
            raise bad_input(f"has no recording on the side '{side}'", where=dataset.name, hint="name both, or no side")
    if not validation:
        groups = sorted({r.group for r in train})
        taken = np.random.default_rng([seed, 3]).permutation(len(groups))[: max(1, len(groups) // 5)]
        chosen = {groups[i] for i in taken.tolist()}
        validation = [r for r in train if r.group in chosen]
        train = [r for r in train if r.group not in chosen]
    made = Split(train=tuple(train), validation=tuple(validation), test=tuple(test))
    labels = {r.label for r in test}
    missing = sorted(labels - {r.label for r in train}) if HEALTHY not in labels else []
    if missing:
        raise bad_input(f"nothing to train '{missing[0]}' on: it is on the test side only", where=dataset.name)
    return made


def _drawn(dataset: Dataset, recordings: list[Recording], seed: int) -> Split:
    """Sides by chance, whole groups together; groups that share a recording count as one."""
    tied = tied_groups(recordings)
    labels = sorted({r.label for r in recordings})
    anomaly = HEALTHY in labels
    required = [HEALTHY] if anomaly else labels
    _refuse_hopeless(dataset, recordings, required, anomaly)
    groups = sorted(set(tied.values()))
    counts = np.zeros((len(groups), len(labels)), dtype=np.int64)
    position = {group: i for i, group in enumerate(groups)}
    for r in recordings:
        counts[position[tied[r.group]], labels.index(r.label)] += 1
    needed = np.array([label in required for label in labels])
    best: tuple[float, npt.NDArray[np.int64]] | None = None
    for attempt in range(_TRIES):
        sides = _assign(counts, np.random.default_rng([seed, attempt]))
        cost = _cost(counts, sides, needed, anomaly)
        if best is None or cost < best[0]:
            best = (cost, sides)
    if best is None or best[0] >= 1000.0:
        raise bad_input(
            f"cannot be divided so that every class is on every side without tearing a {dataset.group_kind} apart",
            where=dataset.name,
            hint=f"add recordings of more {_plural(dataset.group_kind)}",
        )
    side_of = {group: int(best[1][i]) for group, i in position.items()}
    parts: tuple[list[Recording], list[Recording], list[Recording]] = ([], [], [])
    for r in recordings:
        parts[side_of[tied[r.group]]].append(r)
    return Split(train=tuple(parts[0]), validation=tuple(parts[1]), test=tuple(parts[2]))


def _plural(kind: str) -> str:
    return {"person": "people"}.get(kind, f"{kind}s")


def _refuse_hopeless(dataset: Dataset, recordings: list[Recording], required: list[str], anomaly: bool) -> None:
    kinds = _plural(dataset.group_kind)
    labels = {r.label for r in recordings}
    if len(labels) < 2:
        raise bad_input(
            f"there is one class only: '{next(iter(labels), '')}'",
            where=dataset.name,
            hint="anomaly detection is judged on at least one fault" if anomaly else "at least two are needed",
        )
    for label in required:
        of_label = [r for r in recordings if r.label == label]
        groups = {r.group for r in of_label}
        if len(of_label) < 3:
            raise bad_input(
                f"class '{label}' has {len(of_label)} recording{'s' * (len(of_label) > 1)}, at least 3 are needed",
                where=dataset.name,
                hint="one each to train, to choose and to judge; some dozens give a useful model",
            )
        if len(groups) < 3:
            raise bad_input(
                f"class '{label}' comes from {len(groups)} {dataset.group_kind if len(groups) == 1 else kinds}, "
                f"at least 3 {kinds} are needed",
                where=dataset.name,
                hint=f"a model is judged on {kinds} it has not seen; add recordings of others, "
                "or leave the group out to split by recording",
            )


def _assign(counts: npt.NDArray[np.int64], rng: np.random.Generator) -> npt.NDArray[np.int64]:
    """Side (0, 1, 2) of each group: large groups first, each to the side whose classes lack most."""
    total = counts.sum(axis=0)
    target = np.outer(SHARES, total).astype(np.float64)
    weight = 1.0 / np.maximum(total, 1)
    held = np.zeros_like(target)
    sides = np.zeros(counts.shape[0], dtype=np.int64)
    order = np.lexsort((rng.permutation(counts.shape[0]), -counts.sum(axis=1)))
    # Among groups of like size chance decides; a little noise lets different tries differ for unlike ones too.
    for group in order:
        lack = (target - held) / np.maximum(target, 1e-9)
        gain = (lack * (counts[group] * weight)).sum(axis=1) + rng.uniform(0, 1e-3, size=3)
        side = int(np.argmax(gain))
        sides[group] = side
        held[side] += counts[group]
    return sides


def _cost(
    counts: npt.NDArray[np.int64], sides: npt.NDArray[np.int64], needed: npt.NDArray[np.bool_], anomaly: bool
) -> float:
    """How far the shares are off; 1000 and more where a class that must be on a side is not."""
    held = np.stack([counts[sides == side].sum(axis=0) for side in range(3)])
    share = held / np.maximum(counts.sum(axis=0), 1)
    cost = float(np.abs(share - np.array(SHARES)[:, None]).sum())
    missing = int((held[:, needed] == 0).sum())
    if anomaly and held[2, ~needed].sum() == 0:
        missing += 1
    return cost + 1000.0 * missing
