"""Tasks fit themselves to their data and to small boards."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from tinygen.core.errors import TinygenError
from tinygen.datasets.assemble import assemble
from tinygen.datasets.values import Dataset, Recording
from tinygen.features.spec import ScaledWindowSpec, feature_shape, samples_per_inference
from tinygen.features.validate import spec_problems
from tinygen.tasks import gesture
from tinygen.tasks.registry import TASKS, make_task
from tinygen.tasks.shapes import after, cost, step
from tinygen.tasks.spec import Layer, Task


def dataset(labels: tuple[str, ...], samples: int, channels: int, rate_hz: int, peak: int = 4096) -> Dataset:
    rng = np.random.default_rng(0)
    recordings = [
        Recording(
            signal=rng.integers(-peak, peak + 1, size=(samples, channels)).astype(np.int16),
            rate_hz=rate_hz,
            label=label,
            group=f"g{i}",
            name=f"{label}{i}",
        )
        for label in labels
        for i in range(3)
    ]
    return assemble(
        name="set", recordings=recordings, synthetic=True, licence="MIT", source="test", group_kind="person"
    )  # fmt: skip


CASES = {
    "kws": [dataset(("yes", "_unknown_", "no", "_silence_"), 16000, 1, 16000)],
    "vibration": [
        dataset(("healthy", "worn"), 2560, 2, 25600),
        dataset(("healthy", "worn"), 48000, 1, 12000),
        dataset(("healthy", "worn"), 200, 3, 1000),
    ],
    "gesture": [
        dataset(("none", "circle"), 160, 3, 100),
        dataset(("a", "b"), 315, 3, 100),
        dataset(("a", "b"), 119, 6, 50),
        dataset(("a", "b"), 16, 1, 20),
        dataset(("a", "b"), 3000, 9, 1000, peak=30000),
    ],
}
TASKS_MADE = [(name, make_task(name, data)) for name, many in CASES.items() for data in many]


@pytest.mark.parametrize(("name", "task"), TASKS_MADE)
def test_front_end_and_network_fit_together(name: str, task: Task) -> None:
    assert task.name == name
    assert spec_problems(task.features) == []
    assert int(np.prod(task.input_shape)) == int(np.prod(feature_shape(task.features)))
    outputs = int(np.prod(after(task.layers, task.input_shape)))
    assert outputs == (int(np.prod(task.input_shape)) if task.decision == "reconstruction" else len(task.labels))
    shape = task.input_shape
    for layer in task.layers:
        shape, _ = step(layer, shape)
        assert min(shape) >= 1
    assert task.layers[-1].activation == ("linear" if task.decision == "reconstruction" else "softmax")


@pytest.mark.parametrize(("name", "task"), TASKS_MADE)
def test_networks_are_small(name: str, task: Task) -> None:
    price = cost(task.layers, task.input_shape)
    assert price.parameters <= 40_000
    assert price.macs <= 1_700_000


def test_every_task_has_a_case_here() -> None:
    assert {kind.name for kind in TASKS} == set(CASES)


def test_keywords_put_silence_and_unknown_first() -> None:
    assert make_task("kws", CASES["kws"][0]).labels == ("_silence_", "_unknown_", "no", "yes")


def test_vibration_takes_rate_and_axes_from_the_data() -> None:
    features = make_task("vibration", CASES["vibration"][1]).features
    assert (features.rate_hz, features.n_channels) == (12000, 1)
    assert samples_per_inference(features) <= 4096


@pytest.mark.parametrize(("case", "frames"), [(0, 128), (1, 105), (2, 119), (3, 16), (4, 125)])
def test_gesture_window_covers_a_gesture(case: int, frames: int) -> None:
    data = CASES["gesture"][case]
    features = make_task("gesture", data).features
    assert features.n_frames == frames
    assert samples_per_inference(features) <= data.recordings[0].signal.shape[0]
    real = np.std(data.recordings[0].signal) * features.feature_scale
    assert 0.4 < real < 2.5


def test_motion_is_levelled_only_by_gravity_that_was_recorded() -> None:
    """Whatever the device's position: what counts is each recording's own mean."""
    plain = dataset(("a", "b"), 200, 3, 100)
    gesture.make(plain, {"gravity": "remove"})
    with pytest.raises(TinygenError, match="no gravity to level by") as refused:
        gesture.make(plain, {"gravity": "level"})
    assert "[features] gravity" in refused.value.where
    held = [np.roll([4096, 0, 0], number % 3) for number in range(len(plain.recordings))]
    heavy = tuple(
        replace(r, signal=(r.signal + g).astype(np.int16)) for r, g in zip(plain.recordings, held, strict=True)
    )
    made = gesture.make(replace(plain, recordings=heavy), {"gravity": "level"}).features
    assert isinstance(made, ScaledWindowSpec)
    assert made.gravity == "level"


def test_unsuitable_data_is_refused() -> None:
    with pytest.raises(TinygenError, match="at least 128"):
        make_task("vibration", dataset(("healthy", "worn"), 100, 1, 1000))
    with pytest.raises(TinygenError, match="5 channels"):
        make_task("vibration", dataset(("healthy", "worn"), 1000, 5, 1000))
    with pytest.raises(TinygenError, match="at least 16"):
        make_task("gesture", dataset(("a", "b"), 8, 3, 100))
    with pytest.raises(TinygenError) as caught:
        make_task("vibrations", dataset(("a", "b"), 8, 3, 100))
    assert "vibration" in caught.value.hint


def test_costs_of_known_layers() -> None:
    shape, price = step(Layer(kind="conv2d", filters=4, kernel=(3, 3), padding="same", strides=(2, 2)), (9, 9, 2))
    assert shape == (5, 5, 4)
    assert (price.parameters, price.macs) == (76, 25 * 72)
    shape, price = step(Layer(kind="depthwise_conv2d", kernel=(3, 3)), (9, 9, 2))
    assert shape == (7, 7, 2)
    assert (price.parameters, price.macs) == (20, 49 * 18)
    assert step(Layer(kind="max_pool2d", kernel=(2, 2), strides=(2, 2)), (9, 9, 2))[0] == (4, 4, 2)
    assert step(Layer(kind="flatten"), (4, 4, 2))[0] == (1, 1, 32)
    assert step(Layer(kind="dense", filters=5), (1, 1, 32))[1].parameters == 165
