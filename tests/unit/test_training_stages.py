"""Training in stages: folding changes nothing, rounding in the loop is TFLM's, pruned channels leave what is compiled,
an interrupted run goes on without loss.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from tinygen.boards.loader import find_board
from tinygen.model import compile as compiler
from tinygen.model import importer
from tinygen.model.rewrite.registry import rewrite
from tinygen.tasks.recipes import RECIPES, with_head
from tinygen.tasks.shapes import cost
from tinygen.tasks.spec import Layer, Means
from tinygen.training.export import count_ranges, write_int8
from tinygen.training.fold import folded, plain_layers
from tinygen.training.int8 import check_structure, ends, run_tflm
from tinygen.training.layout import initial, slots, statistics_size

Float32 = npt.NDArray[np.float32]

SHAPE = (24, 12, 1)
LABELS = 3


@pytest.fixture
def tensorflow(needs_module: Callable[..., None]) -> None:
    needs_module("tensorflow", "train")
    from tinygen.training.quiet import prepare_tensorflow

    prepare_tensorflow()


def conv(filters: int, kernel: tuple[int, int] = (1, 1), strides: tuple[int, int] = (1, 1), branches: int = 0) -> Layer:
    return Layer(
        kind="conv2d", filters=filters, kernel=kernel, strides=strides, activation="relu", batch_norm=True,
        branches=branches,
    )  # fmt: skip


def depthwise(kernel: tuple[int, int], strides: tuple[int, int] = (1, 1), branches: int = 0) -> Layer:
    return Layer(
        kind="depthwise_conv2d", kernel=kernel, strides=strides, activation="relu", batch_norm=True, branches=branches
    )


SMALL = with_head(
    (
        conv(8, (4, 3), (2, 2), branches=2),
        depthwise((3, 3), branches=2),
        conv(8, branches=1),
        depthwise((2, 1), (2, 1), branches=1),
        conv(12),
    ),
    SHAPE,
    LABELS,
)


def drawn(layers: tuple[Layer, ...], shape: tuple[int, int, int], seed: int = 1) -> tuple[Float32, Float32]:
    """Weights and statistics that are nothing special: as after some training."""
    rng = np.random.default_rng(seed)
    weights = initial(slots(layers, shape), seed)
    weights += rng.normal(0, 0.05, size=len(weights)).astype(np.float32)
    running = np.concatenate(
        [
            np.concatenate([rng.normal(0, 0.05, slot.size), rng.uniform(0.02, 0.1, slot.size)])
            for slot in slots(layers, shape)
            if slot.role == "gamma"
        ]
    ).astype(np.float32)
    assert len(running) == statistics_size(layers, shape)
    return weights, running


@pytest.mark.slow
@pytest.mark.parametrize("name", ["small", *(recipe.name for recipe in RECIPES)])
def test_folding_changes_nothing(name: str, tensorflow: None) -> None:
    from tinygen.training.network import EPSILON, Network
    from tinygen.training.rounding import plain_call

    layers, shape = (SMALL, SHAPE)
    if name != "small":
        recipe = next(r for r in RECIPES if r.name == name)
        shape = (49, 40, 1)
        layers = with_head(recipe.body(shape), shape, LABELS)
    weights, running = drawn(layers, shape)
    mean, spread = np.array([0.7], np.float32), np.array([1.9], np.float32)
    real = np.random.default_rng(3).normal(0.7, 1.9, size=(8, *shape)).astype(np.float32)
    trained, _ = Network(layers=layers, shape=shape)((real - mean) / spread, weights, running, training=False)
    plain = plain_layers(layers)
    flat = folded(layers, shape, weights, running, mean=mean, spread=spread, eps=EPSILON)
    assert len(flat) == cost(layers, shape).parameters  # what is folded is as small as it is said to be
    after = plain_call(plain, shape, flat)(real)
    scale = float(np.abs(trained).max())
    np.testing.assert_allclose(np.asarray(after), np.asarray(trained), atol=2e-5 * scale)
    assert float(np.std(np.asarray(after), axis=0).max()) > 1e-3 * scale  # the outputs depend on the inputs


def _shares(logits: object) -> npt.NDArray[np.float64]:
    """Softmax."""
    powers = np.exp(np.asarray(logits, dtype=np.float64))
    shares: npt.NDArray[np.float64] = powers / powers.sum(axis=1, keepdims=True)
    return shares


def _with_even_logits(flat: Float32, logits: Float32, width: int) -> None:
    """Bring drawn logits to a mean of 0 and a spread of 1 each: a saturated softmax would hide every difference."""
    n = logits.shape[1]
    spread = logits.std(axis=0) + 1e-9
    kernel = flat[-n - width * n : -n]
    kernel[:] = (kernel.reshape(width, n) / spread).reshape(-1)
    flat[-n:] = (flat[-n:] - logits.mean(axis=0)) / spread


@pytest.mark.slow
@pytest.mark.parametrize("name", ["small", "broadcast"])
def test_rounding_in_the_loop_is_what_tflm_computes(
    name: str, tensorflow: None, needs_module: Callable[..., None]
) -> None:
    needs_module("tflite_micro", "verify")
    from tinygen.training.network import EPSILON
    from tinygen.training.rounding import RoundedNetwork, observed_ranges, plain_call

    layers, shape = SMALL, SHAPE
    if name == "broadcast":
        shape = (49, 40, 1)
        layers = with_head(next(r for r in RECIPES if r.name == "broadcast").body(shape), shape, LABELS)
    one = np.ones(1, np.float32)
    flat = folded(layers, shape, *drawn(layers, shape), mean=0 * one, spread=one, eps=EPSILON)
    plain = plain_layers(layers)
    rng = np.random.default_rng(5)
    real = (rng.normal(0, 1, size=(24, *shape)) * rng.uniform(0.3, 2, size=(24, 1, 1, 1))).astype(np.float32)
    _with_even_logits(flat, np.asarray(plain_call(plain, shape, flat)(real)), slots(plain, shape)[-2].shape[0])
    ranges = observed_ranges(plain, shape, flat, real)
    tflite = write_int8(plain, shape, flat, ranges)
    graph = check_structure(tflite, name)
    at = ends(graph)
    q = np.clip(np.rint(real / at.model_input.scale) + at.model_input.zero_point, -128, 127).astype(np.int8)
    logits, _ = RoundedNetwork(layers=plain, shape=shape)(
        real, np.concatenate([flat, ranges.reshape(-1)]), np.zeros(0, np.float32), training=False
    )
    outputs = (run_tflm(tflite, graph, q.reshape(len(q), -1)).astype(np.float64) + 128) / 256
    # Rounding the other way by one step happens (doubled rounding, means), and moves on through the layers.
    assert np.abs(outputs - _shares(logits)).mean() < 0.02
    assert (
        np.abs(outputs - _shares(logits)).mean()
        < np.abs(outputs - _shares(plain_call(plain, shape, flat)(real))).mean()
    )
    assert outputs.std(axis=0).max() > 0.02


@pytest.mark.parametrize("size", [1e-9, 1e-20, 1e-44], ids=str)
def test_the_bias_of_a_channel_that_faded_stays(size: float, needs_module: Callable[..., None]) -> None:
    """Weight decay takes a channel's weights towards 0, not its bias, which must still fit int32 steps."""
    needs_module("tflite_micro", "verify")
    shape = (4, 4, 1)
    layers = (
        Layer(kind="conv2d", filters=2, kernel=(3, 3)),
        Layer(kind="depthwise_conv2d", kernel=(2, 2)),
        Layer(kind="flatten"),
        Layer(kind="dense", filters=2),
    )
    rng = np.random.default_rng(3)
    parts = [rng.normal(0, 0.3, slot.size).astype(np.float32) for slot in slots(layers, shape)]
    parts[0][1::2], parts[1][1] = np.float32(size), 0.5
    parts[2][1::2], parts[3][1] = np.float32(size), -0.7
    parts[4][:], parts[5][:] = np.float32(size), [0.3, -0.4]
    ranges = np.tile(np.array([[-1.0, 1.0]], np.float32), (count_ranges(layers), 1))
    tflite = write_int8(layers, shape, np.concatenate(parts), ranges)
    graph = importer.load(tflite, "faded")
    chip = find_board("nucleo_f446re").chip
    compiler.plan(graph, chip)
    output = graph.tensors[graph.outputs[0]].quantization
    assert output is not None
    found = run_tflm(tflite, graph, rng.integers(-128, 128, (3, 16)).astype(np.int8)).astype(np.float64)
    assert np.abs((found - output.zero_point) * output.scale - [0.3, -0.4]).max() < output.scale
    # Without biases either, and all ranges the least ones, the file is still one that every tool takes.
    compiler.plan(importer.load(write_int8(layers, shape, 0 * np.concatenate(parts) + size, 0 * ranges), "faded"), chip)


@pytest.mark.parametrize("recipe", RECIPES, ids=lambda r: r.name)
def test_recipes_stream_and_are_small(recipe: object) -> None:
    from tinygen.tasks.recipes import Recipe

    assert isinstance(recipe, Recipe)
    shape = (49, 40, 1)
    layers = with_head(recipe.body(shape), shape, 12)
    assert cost(layers, shape).parameters <= 40_000
    plain = plain_layers(layers)
    flat = initial(slots(plain, shape), 1)
    ranges = np.tile(np.array([[-3.0, 3.0]], np.float32), (count_ranges(plain), 1))
    graph = importer.load(write_int8(plain, shape, flat, ranges), recipe.name)
    chip = find_board("nucleo_f446re").chip
    whole = compiler.plan(rewrite(graph), chip)
    hop = compiler.plan(rewrite(graph, incremental=True), chip)
    # Sums over branches keep all their rows as state: exact, but little is saved.
    assert hop.macs < whole.macs * (0.8 if recipe.name == "broadcast" else 1 / 3)
    assert whole.arena_bytes < 20 * 1024


def test_pruned_channels_leave_the_compiled_model() -> None:
    from tinygen.training.prune import Pruning

    shape, layers = SHAPE, SMALL
    weights, running = drawn(layers, shape)
    mask = Pruning(share=0.4, begin=0.0, end=0.5).mask(layers, shape, weights, 1.0)
    assert 0.0 < float(mask.mean()) < 1.0
    one = np.ones(1, np.float32)
    macs = []
    for kept in (np.ones_like(mask), mask):
        flat = folded(layers, shape, weights * kept, running, mean=0 * one, spread=one, eps=1e-3)
        plain = plain_layers(layers)
        ranges = np.tile(np.array([[-6.0, 6.0]], np.float32), (count_ranges(plain), 1))
        graph = importer.load(write_int8(plain, shape, flat, ranges), "pruned")
        macs.append(compiler.plan(rewrite(graph), find_board("nucleo_f446re").chip).macs)
    assert macs[1] < 0.75 * macs[0]


def test_pruning_is_gradual_and_leaves_every_layer_something() -> None:
    from tinygen.training.prune import Pruning

    how = Pruning(share=0.9, begin=0.2, end=0.6)
    assert how.wanted(0.1) == 0.0
    assert 0.0 < how.wanted(0.3) < how.wanted(0.5) < how.wanted(0.8) == pytest.approx(0.9)
    weights, running = drawn(SMALL, SHAPE)
    mask = how.mask(SMALL, SHAPE, weights, 1.0)
    one = np.ones(1, np.float32)
    flat = folded(SMALL, SHAPE, weights * mask, running, mean=0 * one, spread=one, eps=1e-3)
    assert np.abs(flat).sum() > 0
    assert mask.sum() < len(mask)


class InterruptedHereError(Exception):
    pass


@pytest.mark.slow
@pytest.mark.parametrize("means", [Means(epochs=3, batch_size=16, average=0.9, rounding_epochs=2, prune=0.3)])
def test_an_interrupted_run_goes_on_without_loss(means: Means, tmp_path: Path, tensorflow: None) -> None:
    from tinygen.training.stages import Material, make_network

    rng = np.random.default_rng(1)
    inputs = rng.normal(size=(96, *SHAPE)).astype(np.float32)
    classes = rng.integers(0, LABELS, size=96)
    inputs[classes == 1, :12] += 1.5
    inputs[classes == 2, 12:] += 1.5
    targets = np.eye(LABELS, dtype=np.float32)[classes]
    one = np.ones(1, np.float32)

    def run(cache: Path, stop_at: tuple[str, int] | None = None, means: Means = means) -> bytes:
        def progress(stage: str, done: int, total: int, remark: str = "") -> None:
            if stop_at is not None and (stage, done) == stop_at:
                raise InterruptedHereError

        material = Material(
            epoch=lambda epoch: (inputs[:, ::-1] if epoch % 2 else inputs, targets),
            mean=0 * one, spread=one, plain=inputs, held=(inputs, classes),
        )  # fmt: skip
        made = make_network(
            SMALL, SHAPE, material, means, seed=3, cache=cache, key="data", progress=progress,
            teacher_layers=SMALL,
        )  # fmt: skip
        return made.tflite()

    whole = run(tmp_path / "whole")
    for stop_at in (("training", 2), ("training with rounding", 1)):
        cache = tmp_path / stop_at[0].replace(" ", "-")
        with pytest.raises(InterruptedHereError):
            run(cache, stop_at)
        assert run(cache) == whole, stop_at
    taught = run(tmp_path / "whole", means=replace(means, teachers=1, teacher_epochs=2))
    assert taught != whole
