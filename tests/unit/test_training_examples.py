"""What happens around TensorFlow, without it: examples, figures of merit, a quiet import, clear refusals."""

from __future__ import annotations

import itertools
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tinygen.core.errors import ExitCode, TinygenError
from tinygen.core.progress import silent
from tinygen.datasets.load import load_dataset
from tinygen.datasets.split import split
from tinygen.tasks import thresholds, vibration
from tinygen.tasks.registry import make_task
from tinygen.training import examples, metrics, quiet


def test_examples_are_the_device_features_of_each_window(tmp_path: Path) -> None:
    data = load_dataset("gesture", None, tmp_path, 1, silent, "smoke")
    task = make_task("gesture", data)
    side = split(data, 1).train
    made = examples.make_examples(task, side, silent, "")
    assert made.features.shape == (len(side), task.features.n_frames, 3)
    assert made.features.dtype == np.int16
    assert [task.labels[c] for c in made.classes.tolist()] == [r.label for r in side]
    start = (side[0].signal.shape[0] - task.features.n_frames) // 2
    np.testing.assert_array_equal(made.features[0], side[0].signal[start : start + task.features.n_frames])
    real = examples.real_input(task, made.features)
    assert real.shape == (len(side), *task.input_shape)
    assert real.dtype == np.float32


def test_varied_examples_follow_the_seed_and_keep_the_plain_ones_first(tmp_path: Path) -> None:
    data = load_dataset("vibration", None, tmp_path, 1, silent, "smoke")
    task = vibration.make_autoencoder(data)
    side = split(data, 1).validation
    made = [examples.make_varied_examples(task, side, (), seed, silent) for seed in (1, 1, 2)]
    plain = examples.make_examples(task, side, silent, "")
    copies = len(task.training.augment) + 1
    assert len(made[0].classes) == copies * len(side) == len(made[0].groups)
    np.testing.assert_array_equal(made[0].features[: len(side)], plain.features)
    np.testing.assert_array_equal(made[0].features, made[1].features)
    assert not np.array_equal(made[0].features, made[2].features)


def test_cached_examples_are_used_and_a_damaged_cache_is_not(tmp_path: Path) -> None:
    calls = 0

    def make() -> examples.Examples:
        nonlocal calls
        calls += 1
        return examples.Examples(
            features=np.arange(6, dtype=np.int16).reshape(2, 1, 3), classes=np.array([0, 1]), groups=("a", "b")
        )

    for key, expected in (("x", 1), ("x", 1), ("y", 2)):
        found = examples.cached_examples(tmp_path, key, make)
        assert calls == expected
        assert found.groups == ("a", "b")
    for kept in tmp_path.glob("*.npz"):
        kept.write_bytes(b"half")
    assert examples.cached_examples(tmp_path, "x", make).classes.tolist() == [0, 1]
    assert calls == 3


@settings(deadline=None)
@given(
    scores=st.lists(st.integers(0, 20), min_size=2, max_size=30),
    flags=st.lists(st.booleans(), min_size=30, max_size=30),
)
def test_auc_is_the_chance_that_a_fault_scores_higher(scores: list[int], flags: list[bool]) -> None:
    values = np.array(scores)
    positive = np.array(flags[: len(scores)])
    found = thresholds.auc(values, positive)
    pairs = [(p > n) + 0.5 * (p == n) for p in values[positive] for n in values[~positive]]
    assert (np.isnan(found) and not pairs) or found == pytest.approx(np.mean(pairs))


def test_roc_runs_from_corner_to_corner_and_never_back() -> None:
    rng = np.random.default_rng(0)
    positive = rng.random(500) < 0.3
    points = thresholds.roc(rng.normal(size=500) + positive, positive, points=40)
    assert points[0] == [0.0, 0.0]
    assert points[-1] == [1.0, 1.0]
    assert len(points) <= 40
    assert all(a <= b for one, two in itertools.pairwise(points) for a, b in zip(one, two, strict=True))


def test_confusion_and_quantile() -> None:
    table = metrics.confusion(np.array([0, 0, 1]), np.array([0, 1, 1]), 2)
    assert table.tolist() == [[1, 1], [0, 1]]
    assert metrics.accuracy(table) == pytest.approx(2 / 3)
    scores = np.arange(100, dtype=np.int32)
    assert thresholds.quantile_threshold(scores, 0.98) == 97
    assert thresholds.quantile_threshold(scores[:1], 0.98) == 0


def test_missing_tensorflow_is_explained(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(quiet, "find_spec", lambda name: None)
    with pytest.raises(TinygenError) as caught:
        quiet.prepare_tensorflow()
    assert caught.value.code == ExitCode.TOOL_FAILED
    assert "tinygen[train]" in caught.value.hint


def test_importing_the_room_does_not_import_tensorflow() -> None:
    code = (
        "import sys, tinygen.training.run, tinygen.datasets.load, tinygen.tasks.registry; "
        "sys.exit(any(name in sys.modules for name in ('tensorflow', 'keras', 'tflite_micro')))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
