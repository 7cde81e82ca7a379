"""Splits never tear a group apart."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tinygen.core.errors import TinygenError
from tinygen.datasets.assemble import assemble
from tinygen.datasets.split import SHARES, split
from tinygen.datasets.values import Dataset, Recording


def recording(label: str, group: str, number: int = 0) -> Recording:
    signal = np.full((4, 1), number, dtype=np.int16)
    return Recording(signal=signal, rate_hz=100, label=label, group=group, name=f"{group}/{label}{number:04d}")


def dataset(recordings: list[Recording], kind: str = "speaker") -> Dataset:
    return assemble(
        name="set", recordings=recordings, synthetic=False, licence="MIT", source="test", group_kind=kind
    )  # fmt: skip


def people(n_groups: int, labels: tuple[str, ...] = ("no", "yes"), each: int = 3) -> list[Recording]:
    return [recording(label, f"p{g}", i) for g in range(n_groups) for label in labels for i in range(each)]


@settings(max_examples=30, deadline=None)
@given(
    sizes=st.lists(st.tuples(st.integers(1, 6), st.integers(1, 6)), min_size=5, max_size=40),
    seed=st.integers(0, 2**31),
)
def test_groups_are_disjoint_and_nothing_is_lost(sizes: list[tuple[int, int]], seed: int) -> None:
    recordings = [
        recording(label, f"g{g}", i)
        for g, counts in enumerate(sizes)
        for label, count in zip(("no", "yes"), counts, strict=True)
        for i in range(count)
    ]
    made = split(dataset(recordings), seed)
    sides = (made.train, made.validation, made.test)
    groups = [{r.group for r in side} for side in sides]
    assert not groups[0] & groups[1]
    assert not groups[0] & groups[2]
    assert not groups[1] & groups[2]
    assert sum(len(side) for side in sides) == len(recordings)
    for side in sides:
        assert {r.label for r in side} == {"no", "yes"}


def test_shares_are_met_where_groups_allow() -> None:
    made = split(dataset(people(50)), 1)
    for side, share in zip((made.train, made.validation, made.test), SHARES, strict=True):
        assert len(side) / 300 == pytest.approx(share, abs=0.05)


def test_the_seed_decides() -> None:
    data = dataset(people(20))

    def names(seed: int) -> list[str]:
        return [r.name for r in split(data, seed).test]

    assert names(1) == names(1)
    assert names(1) != names(2)


@pytest.mark.parametrize(
    ("recordings", "said"),
    [
        (people(5, labels=("yes",)), "one class only"),
        ([*people(5), recording("go", "p0")], "class 'go' has 1 recording,"),
        ([*people(5), *(recording("go", "p0", i) for i in range(9))], "comes from 1 speaker, at least 3 speakers"),
        ([*people(2)], "comes from 2 speakers"),
    ],
)
def test_impossible_splits_are_refused(recordings: list[Recording], said: str) -> None:
    with pytest.raises(TinygenError) as caught:
        split(dataset(recordings), 1)
    assert said in caught.value.message
    assert caught.value.hint


def test_anomaly_sets_need_faults_on_the_test_side_only() -> None:
    recordings = people(6, labels=("healthy",)) + [recording("worn", "p2", i) for i in range(3)]
    recordings += [recording("unlabelled", "p1", 9)]
    made = split(dataset(recordings, "bearing"), 4)
    assert "p2" in {r.group for r in made.test}
    assert all({"healthy"} <= {r.label for r in side} for side in (made.train, made.validation, made.test))
    everything = (*made.train, *made.validation, *made.test)
    assert "unlabelled" not in {r.label for r in everything}
    with pytest.raises(TinygenError, match="one class only"):
        split(dataset(people(6, labels=("healthy",)), "bearing"), 1)
