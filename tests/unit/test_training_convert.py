"""Training end to end on little data: structure of the converted model, repeatability, INT8 against float."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tinygen.core.errors import TinygenError
from tinygen.core.progress import silent
from tinygen.datasets.load import load_dataset
from tinygen.datasets.split import split
from tinygen.tasks import vibration
from tinygen.tasks.registry import make_task
from tinygen.training.int8 import check_structure, ends
from tinygen.training.run import smoke, train_model
from tinygen.training.values import TrainedModel

pytestmark = pytest.mark.slow


@pytest.fixture(autouse=True)
def _needs(needs_module: Callable[..., None]) -> None:
    needs_module("tensorflow", "train")
    needs_module("tflite_micro", "verify")


def trained(task_name: str, work: Path, seed: int = 1, epochs: int | None = None) -> TrainedModel:
    data = load_dataset(task_name, None, work / "cache", 1, silent, "smoke")
    task = smoke(make_task(task_name, data))
    return train_model(task, data, split(data, seed), seed=seed, work_dir=work, epochs=epochs)


def check(model: TrainedModel, task_name: str, operators: set[str]) -> None:
    graph = check_structure(model.tflite, task_name)
    assert {op.name for op in graph.ops} == operators
    assert model.synthetic
    assert model.n_parameters <= 40_000
    assert all(0.0 <= value <= 1.0 for value in (*model.float_metrics.values(), *model.int8_metrics.values()))
    at = ends(graph)
    assert at.model_input.scale > 0


def test_gesture(tmp_path: Path) -> None:
    heard: list[str] = []
    data = load_dataset("gesture", None, tmp_path / "cache", 1, silent, "smoke")
    task = smoke(make_task("gesture", data))
    model = train_model(
        task,
        data,
        split(data, 1),
        seed=1,
        work_dir=tmp_path,
        epochs=6,
        progress=lambda stage, done, total, remark="": heard.append(stage),
    )
    check(model, "gesture", {"CONV_2D", "AVERAGE_POOL_2D", "RESHAPE", "FULLY_CONNECTED", "SOFTMAX"})
    assert model.decision.labels == task.labels
    assert {"training", "converting"} <= set(heard)
    assert model.details["float_and_int8_agree"] >= 0.8  # type: ignore[operator]
    again = train_model(task, data, split(data, 1), seed=1, work_dir=tmp_path / "other", epochs=6)
    assert again.tflite == model.tflite
    assert again.decision == model.decision


def test_vibration(tmp_path: Path) -> None:
    model = trained("vibration", tmp_path, epochs=30)
    check(model, "vibration", {"FULLY_CONNECTED"})
    assert model.decision.kind == "reconstruction"
    assert model.decision.threshold > 0
    assert abs(model.float_metrics["auc"] - model.int8_metrics["auc"]) < 0.1


def test_kws(tmp_path: Path, needs_tool: Callable[..., str]) -> None:
    needs_tool("espeak-ng", "espeak-ng")
    model = trained("kws", tmp_path, epochs=1)
    check(
        model, "kws", {"CONV_2D", "DEPTHWISE_CONV_2D", "AVERAGE_POOL_2D", "FULLY_CONNECTED", "SOFTMAX"}
    )  # fmt: skip


def test_folding_is_exact(tmp_path: Path) -> None:
    from tinygen.training.quiet import prepare_tensorflow

    prepare_tensorflow()
    from tinygen.training.build import input_normalization, network_shape, plain_network, training_network
    from tinygen.training.fit import normalized

    rng = np.random.default_rng(2)
    for name in ("gesture", "vibration"):
        data = load_dataset(name, None, tmp_path, 1, silent, "smoke")
        task = make_task(name, data) if name == "gesture" else vibration.make_autoencoder(data)
        real = (rng.normal(size=(8, *task.input_shape)) * 3 + 5).astype(np.float32)
        normalization = input_normalization(task, real)
        model = training_network(task)
        model.set_weights(
            [w + rng.uniform(0.1, 0.6, size=w.shape).astype(np.float32) * 0.2 for w in model.get_weights()]
        )
        shape = network_shape(task)
        expected = np.asarray(model(normalized(real.reshape(8, *shape), normalization, shape), training=False))
        if task.loss == "reconstruction":
            expected = expected * normalization.spread + normalization.mean
        plain = plain_network(task, model, normalization)
        found = np.concatenate([np.asarray(plain(row[None])) for row in real.reshape(8, *shape)])
        np.testing.assert_allclose(found, expected, rtol=1e-3, atol=1e-4)


def test_a_float_model_is_not_taken_for_int8(tmp_path: Path) -> None:
    from tinygen.core.hush import hushed
    from tinygen.training.quiet import prepare_tensorflow

    prepare_tensorflow()
    import tensorflow as tf

    with hushed():
        function = tf.function(lambda x: x * 2.0, input_signature=[tf.TensorSpec((1, 4), tf.float32)])
        converter = tf.lite.TFLiteConverter.from_concrete_functions([function.get_concrete_function()])
        made = converter.convert()
    with pytest.raises(TinygenError):
        check_structure(made, "float")


@pytest.mark.parametrize(
    ("task_name", "folder", "epochs", "metric", "least"),
    [
        ("gesture", "data/gesture", 20, "accuracy", 0.80),
        ("vibration", "data/vibration", 60, "auc", 0.88),
        ("kws", "data/kws", 4, "accuracy", 0.35),
    ],
)
def test_real_recordings(
    tmp_path: Path,
    shared_dir: Callable[[str], Path],
    *,
    task_name: str,
    folder: str,
    epochs: int,
    metric: str,
    least: float,
) -> None:
    data = load_dataset(task_name, shared_dir(folder), tmp_path, 1)
    task = make_task(task_name, data)
    if task_name == "kws":
        task = replace(task, training=replace(task.training, augment=()))
    model = train_model(task, data, split(data, 1), seed=1, work_dir=tmp_path, epochs=epochs)
    assert not model.synthetic
    assert model.int8_metrics[metric] >= least
    assert model.float_metrics[metric] >= least
