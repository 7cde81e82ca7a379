"""What is none of the gestures is refused: the limit keeps its promise, a class "none" is made where it is missing."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tinygen.config import load_config
from tinygen.datasets.assemble import assemble
from tinygen.datasets.values import Dataset, Recording
from tinygen.pipeline.prepared import prepared
from tinygen.tasks import gesture, stream
from tinygen.tasks.spec import OpenSet, StreamPlan, Task
from tinygen.training import open_set


def gestures(*labels: str) -> Dataset:
    rng = np.random.default_rng(3)
    t = np.arange(64) / 10
    recordings = [
        Recording(
            signal=(1500 * np.stack([np.sin(t + i), np.cos((i + 1) * t), 0 * t], axis=1)
                    + rng.normal(0, 100, (64, 3))).astype(np.int16),
            rate_hz=50, label=label, group=f"p{n % 6}", name=f"{label}{n:02d}",
        )
        for i, label in enumerate(labels) for n in range(12)
    ]  # fmt: skip
    return assemble(name="made", recordings=recordings, synthetic=True, licence="MIT", source="", group_kind="person")


def task_with(*none: str, made: bool = False, false_accepts: float = 0.05) -> Task:
    task = gesture.make(gestures("left", "right", *none))
    return replace(task, open_set=OpenSet(labels=none, made=made, false_accepts=false_accepts))


def outputs(rng: np.random.Generator, classes: np.ndarray, sure: float) -> np.ndarray:
    """Bytes int8 [n, 3] whose share of the class grows with `sure`; all three are 255 together."""
    logits = rng.normal(0, 1, (len(classes), 3))
    logits[np.arange(len(classes)), classes] += sure
    shares = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    found: np.ndarray = (np.round(shares * 255) - 128).clip(-128, 127).astype(np.int8)
    return found


@pytest.mark.parametrize("target", [0.02, 0.1, 0.3])
def test_the_limit_lets_through_what_was_asked(target: float) -> None:
    task = task_with("none", false_accepts=target)
    assert task.labels == ("left", "none", "right")
    rng = np.random.default_rng(1)
    held, test = rng.integers(0, 3, 4000), rng.integers(0, 3, 4000)
    found = open_set.judged(task, outputs(rng, held, 2.5), held, outputs(rng, test, 2.5), test)
    assert found is not None
    if found.threshold > open_set.LOWEST:
        assert abs(found.metrics["false_accepts"] - target) < 0.03
    else:
        assert found.metrics["false_accepts"] < target
    # Kept are those that are right and above the limit; both counted by hand.
    said = outputs(np.random.default_rng(2), test, 3.0)
    other = open_set.judged(task, outputs(rng, held, 2.5), held, said, test)
    assert other is not None
    largest = said[:, [0, 2]].astype(int).max(axis=1) + 128
    right = np.where(said[:, 0] >= said[:, 2], 0, 2) == test
    known = test != 1
    assert other.metrics["kept"] == pytest.approx(np.mean((right & (largest > other.threshold))[known]))
    interval = other.details["open_set_interval"]
    assert isinstance(interval, list)
    assert interval[0] < other.metrics["open_set_auc"] < interval[1]


def test_a_limit_that_would_refuse_nearly_everything_is_not_taken() -> None:
    task = task_with("none")
    own = int(0.75 * 255)
    like, sure = np.full(100, 250, np.int32), np.full(100, 240, np.int32)
    assert open_set.limit_of(task, like, sure) == own
    assert open_set.limit_of(task, like, np.full(100, 254, np.int32)) == 250
    assert open_set.limit_of(task, np.zeros(0, np.int32), sure) == own


def test_made_recordings_are_nobodys_truth() -> None:
    table = np.array([[8, 2, 0], [5, 5, 0], [1, 0, 9]])
    assert open_set.accuracy(task_with("none"), table) == pytest.approx(22 / 30)
    assert open_set.accuracy(task_with("none", made=True), table) == pytest.approx(17 / 20)
    nothing, nobody = np.zeros((0, 3), np.int8), np.zeros(0, np.int64)
    closed = replace(task_with("none"), open_set=None)
    assert open_set.judged(closed, nothing, nobody, nothing, nobody) is None


def test_a_class_none_is_made_where_nobody_recorded_one(tmp_path: Path) -> None:
    (tmp_path / "tinygen.toml").write_text('task = "gesture"\n[open_set]\nmade = true\n')
    config = load_config(None, {"build_dir": "b"}, tmp_path)
    plain = gestures("left", "right", "up")
    made = prepared(config, plain)
    assert made.task.labels == ("left", "none", "right", "up")
    assert made.task.open_set == OpenSet(labels=("none",), made=True, false_accepts=0.05)
    assert "none" in made.task.stream.ignored
    for side in (made.sides.train, made.sides.validation, made.sides.test):
        none = [r for r in side if r.label == "none"]
        assert 2 * len(none) == len(side)
        assert {r.group for r in none} == {r.group for r in side if r.label != "none"}  # no group changes its side
    assert all(r.label != "none" for r in made.heldout)
    assert made.dataset.digest != plain.digest and any("made of the gestures" in note for note in made.dataset.notes)
    recorded = prepared(config, gestures("left", "right", "Idle"))
    assert recorded.task.labels == ("Idle", "left", "right")
    assert recorded.task.open_set is not None and not recorded.task.open_set.made
    switched_off = prepared(replace(config, made_none=False), plain)
    assert switched_off.task.labels == ("left", "right", "up") and switched_off.task.open_set is None
    assert "refused" in switched_off.dataset.notes[-1]


def test_the_limit_is_the_streams_threshold() -> None:
    plan = StreamPlan(smoothing=3, threshold=0.75, release=0.4, ignored=("none",))
    usual = stream.rule_of(plan, labels=("none", "left"), rate_hz=50, window_rows=8, hop_rows=1)
    limited = stream.rule_of(plan, labels=("none", "left"), rate_hz=50, window_rows=8, hop_rows=1, label_threshold=200)
    assert (usual.threshold, limited.threshold) == (573, 600)
    assert limited.release == usual.release * 600 // 573
    assert limited.watched == (1,)
