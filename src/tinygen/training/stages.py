"""A network from its first weights to INT8, stage by stage: teacher, student, folding, rounding in the loop, export.

Each stage is switched on by itself in `Means`; each keeps a checkpoint after every epoch, so that an interrupted run
goes on where it was.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from tinygen.core.canonical import digest
from tinygen.core.progress import Progress
from tinygen.tasks.shapes import Shape
from tinygen.tasks.spec import Layer, Means
from tinygen.training.export import write_int8
from tinygen.training.fold import folded, plain_layers
from tinygen.training.loop import Schedule, State, Teacher, final_weights, fresh, inference, run_loop
from tinygen.training.network import EPSILON, Network
from tinygen.training.prune import Pruning
from tinygen.training.rounding import RoundedNetwork, observed_ranges, plain_call

Float32 = npt.NDArray[np.float32]

_CALIBRATE = 512  # examples that set the first ranges


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Material:
    """What is learned from, and judged on.

    Attributes:
        epoch: number -> (real inputs float32 [n, ...], blank where NaN; targets float32 [n, classes]).
        mean, spread: float32 [channels] of real inputs, for the trained network's normalisation.
        plain: real inputs float32 [m, ...] without augmentation, for the first ranges.
        held: (real inputs, classes int64) that only the history's figures are made from.
        input_range: real values at both ends of the INT8 input, where they are given.
        heard: told (epoch from 1, accuracy on `held`) of the student; what it raises ends the training.
    """

    epoch: Callable[[int], tuple[Float32, Float32]]
    mean: Float32
    spread: Float32
    plain: Float32
    held: tuple[Float32, npt.NDArray[np.int64]] | None = None
    input_range: tuple[float, float] | None = None
    heard: Callable[[int, float], None] | None = None

    def normalised(self, real: Float32) -> Float32:
        """Inputs as the network with normalisations takes them; blank is the mean."""
        scaled: Float32 = np.nan_to_num((real - self.mean) / self.spread, nan=0.0).astype(np.float32)
        return scaled

    def filled(self, real: Float32) -> Float32:
        """Inputs as the plain network takes them; blank is the mean."""
        return np.where(np.isnan(real), self.mean, real).astype(np.float32)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Made:
    """A network that is ready to be written.

    Attributes:
        layers: plain ones. weights, ranges: as `export.write_int8` takes them. float_weights: before rounding.
        history: of every stage, by its name.
    """

    layers: tuple[Layer, ...]
    shape: Shape
    weights: Float32
    ranges: Float32
    float_weights: Float32
    history: dict[str, list[dict[str, float]]]

    def tflite(self) -> bytes:
        """The INT8 file."""
        return write_int8(self.layers, self.shape, self.weights, self.ranges)

    def float_logits(self, real: Float32) -> Float32:
        """Of the float network, before any rounding: real inputs [n, ...] -> [n, classes]."""
        call = plain_call(self.layers, self.shape, self.float_weights)
        return np.concatenate([call(tf.constant(real[at : at + 512])).numpy() for at in range(0, len(real), 512)])


def make_network(
    layers: Sequence[Layer],
    shape: Shape,
    material: Material,
    means: Means,
    *,
    seed: int,
    cache: Path | None,
    key: object,
    teacher_layers: Sequence[Layer] = (),
    progress: Progress,
) -> Made:
    """All stages that `means` switches on.

    Args:
        layers, shape: the network.
        material: examples.
        means: what is switched on, and for how long.
        seed: of everything that is drawn.
        cache: folder for checkpoints, or None.
        key: what identifies the material and the code; part of the checkpoints' names.
        teacher_layers: of the larger network, where `means.teachers` is not 0.
        progress: told how far it is.

    Raises:
        TinygenError: training did not settle.
    """

    def normal(epoch: int) -> tuple[Float32, Float32]:
        real, targets = material.epoch(epoch)
        return material.normalised(real), targets

    def kept(stage: str, *more: object) -> Path | None:
        if cache is None:
            return None
        facts = [stage, key, [asdict(layer) for layer in layers], asdict(means), seed, *more]
        return cache / f"checkpoint-{stage}-{digest(facts)[:20]}.npz"

    history: dict[str, list[dict[str, float]]] = {}
    schedule = Schedule(
        epochs=means.epochs,
        batch_size=means.batch_size,
        learning_rate=means.learning_rate,
        weight_decay=means.weight_decay,
        average=means.average,
        trust=means.trust,
        pruning=Pruning(share=means.prune),
    )
    teachers: list[Teacher] = []
    for number in range(means.teachers):
        wide = Network(layers=tuple(teacher_layers), shape=shape)
        own = replace(schedule, pruning=Pruning(), average=means.average or 0.99, epochs=means.teacher_epochs)
        facts = [[asdict(layer) for layer in teacher_layers], key, asdict(own), seed, number]
        place = None if cache is None else cache / f"checkpoint-teacher-{digest(facts)[:20]}.npz"
        state = run_loop(
            wide, fresh(wide, seed + 100 * (number + 1)), normal, own, seed=seed + 100 * (number + 1), checkpoint=place,
            judge=_judge(wide, material), progress=progress, stage=f"teacher {number + 1} of {means.teachers}",
        )  # fmt: skip
        history[f"teacher {number + 1}"] = state.history
        teachers.append(_frozen(wide, final_weights(state, own), state.running))
    network = Network(layers=tuple(layers), shape=shape)
    state = run_loop(
        network, fresh(network, seed), normal, schedule, seed=seed, checkpoint=kept("student"),
        teacher=_mean(teachers) if teachers else None, judge=_judge(network, material, material.heard),
        progress=progress,
    )  # fmt: skip
    history["training"] = state.history
    plain = plain_layers(layers)
    weights = folded(
        layers, shape, final_weights(state, schedule), state.running,
        mean=material.mean, spread=material.spread, eps=EPSILON,
    )  # fmt: skip
    # Ranges must hold what augmentation makes too: a device is louder and noisier than the recordings.
    some = material.filled(material.epoch(means.epochs)[0][:_CALIBRATE])
    seen = np.concatenate([material.plain[:: max(1, len(material.plain) // _CALIBRATE)], some])
    ranges = observed_ranges(plain, shape, weights, seen)
    if material.input_range is not None:
        ranges[0] = material.input_range
    made = Made(layers=plain, shape=shape, weights=weights, ranges=ranges, float_weights=weights, history=history)
    if not means.rounding_epochs:
        return made
    return _rounded(made, material, means, teachers, seed=seed, checkpoint=kept("rounding"), progress=progress)


def _rounded(
    made: Made, material: Material, means: Means, teachers: list[Teacher], *, seed: int, checkpoint: Path | None,
    progress: Progress,
) -> Made:  # fmt: skip
    """A few more epochs with rounding in the loop."""
    network = RoundedNetwork(layers=made.layers, shape=made.shape, input_range=material.input_range)

    def real(epoch: int) -> tuple[Float32, Float32]:
        inputs, targets = material.epoch(means.epochs + epoch)
        return material.filled(inputs), targets

    def taught(x: Any) -> Any:
        return _mean(teachers)((x - material.mean) / material.spread)

    start = np.concatenate([made.weights, made.ranges.reshape(-1)])
    state = fresh_from(start)
    # What was pruned stays so: a kernel's channel that is all zero with its bias, here single weights that are 0.
    n_weights = len(made.weights)
    state.alive[:n_weights] = (made.weights != 0.0).astype(np.float32) if means.prune else 1.0
    schedule = Schedule(
        epochs=means.rounding_epochs,
        batch_size=means.batch_size,
        learning_rate=means.learning_rate * means.rounding_rate,
        weight_decay=0.0,
        average=means.average or 0.99,
        trust=means.trust,
    )
    done = run_loop(
        network, state, real, schedule, seed=seed + 50, checkpoint=checkpoint, teacher=taught if teachers else None,
        progress=progress, stage="training with rounding",
    )  # fmt: skip
    final = final_weights(done, schedule)
    ranges = final[n_weights:].reshape(-1, 2)
    if material.input_range is not None:
        ranges[0] = material.input_range
    return replace(
        made,
        weights=final[:n_weights],
        ranges=ranges,
        history={**made.history, "rounding": done.history},
    )


def fresh_from(weights: Float32) -> State:
    """A state that begins with given weights and has no statistics."""
    return State(
        weights=weights,
        average=weights.copy(),
        running=np.zeros(0, np.float32),
        first=np.zeros_like(weights),
        second=np.zeros_like(weights),
        alive=np.ones_like(weights),
    )


def _judge(
    network: Network, material: Material, heard: Callable[[int, float], None] | None = None
) -> Callable[[int, Float32, Float32], dict[str, float]] | None:
    if material.held is None:
        return None
    inputs, classes = material.normalised(material.held[0]), material.held[1]

    call = inference(network)

    def judge(epoch: int, weights: Float32, running: Float32) -> dict[str, float]:
        accuracy = float(np.mean(call(inputs, weights, running).argmax(axis=1) == classes))
        if heard is not None:
            heard(epoch, accuracy)
        return {"val_accuracy": accuracy}

    return judge


def _frozen(network: Network, weights: Float32, running: Float32) -> Teacher:
    fixed, kept = tf.constant(weights), tf.constant(running)
    return lambda x: network(x, fixed, kept, training=False)[0]


def _mean(teachers: Sequence[Teacher]) -> Teacher:
    return lambda x: tf.add_n([teacher(x) for teacher in teachers]) / float(len(teachers))
