"""Motion that is no gesture, made of gestures."""

from __future__ import annotations

import numpy as np
import pytest

from tinygen.core.errors import TinygenError
from tinygen.datasets.assemble import assemble
from tinygen.datasets.negatives import NONE, NOTE, changes_of, made_none, strange_changes, with_recordings
from tinygen.datasets.values import Dataset, Recording


def _gestures(labels: tuple[str, ...]) -> Dataset:
    rng = np.random.default_rng(4)
    recordings = [
        Recording(
            signal=(rng.normal(0, 3000, (90, 3)).cumsum(axis=0) / 9).astype(np.int16),
            rate_hz=100, label=label, group=f"person{n % 3}", name=f"{label}{n:02d}",
        )
        for label in labels for n in range(12)
    ]  # fmt: skip
    return assemble(
        name="made", recordings=recordings, synthetic=True, licence="none", source="test", group_kind="person"
    )


def test_none_is_made_within_each_group_and_is_no_recording_again() -> None:
    data = _gestures(("circle", "swipe"))
    more = with_recordings(data, made_none(data.recordings, 7), NOTE)
    made = [r for r in more.recordings if r.label == NONE]
    assert len(made) == len(data.recordings)
    assert {r.group for r in made} == {r.group for r in data.recordings}
    originals = {r.signal.tobytes() for r in data.recordings}
    assert all(r.signal.shape == (90, 3) and r.signal.tobytes() not in originals for r in made)
    assert more.digest != data.digest
    again = made_none(data.recordings, 7)
    assert [r.signal.tobytes() for r in again] == [r.signal.tobytes() for r in made_none(data.recordings, 7)]
    assert any(
        a.signal.tobytes() != b.signal.tobytes() for a, b in zip(again, made_none(data.recordings, 8), strict=True)
    )


def test_one_gesture_is_too_few() -> None:
    with pytest.raises(TinygenError, match="two gestures"):
        made_none(_gestures(("circle",)).recordings, 1)


def test_a_changed_gesture_is_no_other_gesture() -> None:
    """A circle backwards is the other circle: where both are gestures, neither is made a "none" of the other."""
    t = 2 * np.pi * np.arange(80) / 80
    noise = np.random.default_rng(1)

    def circles(direction: int) -> list[Recording]:
        wave = 3000 * np.stack([np.cos(t), direction * np.sin(t), 0.05 * np.cos(3 * t)], axis=1)
        return [
            Recording(signal=(wave + noise.normal(0, 90, wave.shape)).astype(np.int16), rate_hz=100,
                      label=f"circle{direction}", group=f"p{i}", name=f"{direction}_{i}")
            for i in range(4)
        ]  # fmt: skip

    both = [*circles(1), *circles(-1)]
    unlike = strange_changes(both)
    assert all(unlike.values())
    for label, changes in unlike.items():
        for change in changes:
            straight = change.order == (0, 1, 2)
            assert not (straight and change.signs[0] == 1), label  # mirrored, backwards or both: one of the two
    assert len(changes_of(3)) == 95
    assert all(c.order[3:] == tuple(3 + i for i in c.order[:3]) for c in changes_of(6))
    assert len(changes_of(1)) == 3
