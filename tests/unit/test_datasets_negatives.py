"""Motion that is no gesture, made of gestures."""

from __future__ import annotations

import numpy as np
import pytest

from tinygen.core.errors import TinygenError
from tinygen.datasets.assemble import assemble
from tinygen.datasets.negatives import NONE, made_none, with_none
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
    more = with_none(data, 7)
    made = [r for r in more.recordings if r.label == NONE]
    assert len(made) == 12
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
        with_none(_gestures(("circle",)), 1)
