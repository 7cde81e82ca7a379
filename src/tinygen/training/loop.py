"""The training loop: one vector of weights, one compiled step, a checkpoint after every epoch.

Switched on one by one by the plan: a moving average of the weights, a teacher, channels driven to zero.
"""

from __future__ import annotations

import io
import math
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from tinygen.core.errors import bad_input
from tinygen.core.files import write_atomic
from tinygen.core.progress import Progress
from tinygen.tasks.shapes import Shape
from tinygen.tasks.spec import Layer
from tinygen.training.layout import Slot, decayed, initial
from tinygen.training.network import Network, initial_statistics
from tinygen.training.prune import NOTHING, Pruning

Float32 = npt.NDArray[np.float32]

_FIRST, _SECOND, _TINY = 0.9, 0.99, 1e-8  # Adam (Kingma & Ba 2015); a short memory suits short schedules
_KEEP = 0.95  # of running statistics, per step
_LONGEST_GRADIENT = 5.0
_BATCH_TO_JUDGE = 512


class Trainable(Protocol):
    """What the loop trains: `network.Network`, or `rounding.RoundedNetwork`."""

    @property
    def layout(self) -> list[Slot]:
        """Arrays in the order of use."""
        ...

    @property
    def n_statistics(self) -> int:
        """Numbers in the running statistics."""
        ...

    @property
    def layers(self) -> tuple[Layer, ...]:
        """As data."""
        ...

    @property
    def shape(self) -> Shape:
        """[height, width, channels] of the input."""
        ...

    def __call__(self, x: Any, weights: Any, running: Any, *, training: bool, drop: Any = None) -> tuple[Any, Any]:
        """(logits, statistics)."""
        ...


Teacher = Callable[[Any], Any]
"""Normalised inputs float32 [n, ...] -> logits [n, classes], as tensors."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule:
    """Hyper-parameters of one run of the loop.

    Attributes:
        average: decay of the moving average of the weights, 0 for none.
        trust: share of the loss that is the teacher's answer, where there is a teacher; softened by `temperature`.
        pruning: channels to drive to zero.
    """

    epochs: int
    batch_size: int
    learning_rate: float
    weight_decay: float = 1e-2
    average: float = 0.0
    trust: float = 0.7
    temperature: float = 2.0
    pruning: Pruning = NOTHING


@dataclass(slots=True, kw_only=True, eq=False)
class State:
    """All that changes while training; float32 vectors.

    Attributes:
        weights, average: as used by the step, and their moving average.
        running: statistics of normalisations. first, second: Adam's moments. alive: 0 where a weight was pruned.
        epoch: epochs done. step: steps done.
    """

    weights: Float32
    average: Float32
    running: Float32
    first: Float32
    second: Float32
    alive: Float32
    epoch: int = 0
    step: int = 0
    history: list[dict[str, float]] = field(default_factory=list)


def fresh(network: Network, seed: int) -> State:
    """The state before the first epoch."""
    weights = initial(network.layout, seed)
    return State(
        weights=weights,
        average=weights.copy(),
        running=initial_statistics(network),
        first=np.zeros_like(weights),
        second=np.zeros_like(weights),
        alive=np.ones_like(weights),
    )


def inference(network: Network) -> Callable[[Float32, Float32, Float32], Float32]:
    """(normalised inputs float32 [n, ...], weights, running) -> logits float32 [n, classes]."""
    shape = tf.TensorSpec((None, *network.shape), tf.float32)
    vector = tf.TensorSpec((None,), tf.float32)
    function = tf.function(
        lambda x, w, running: network(x, w, running, training=False)[0],
        input_signature=[shape, vector, vector],
        autograph=False,
    )

    def run(inputs: Float32, weights: Float32, running: Float32) -> Float32:
        parts = [
            function(inputs[at : at + _BATCH_TO_JUDGE], weights, running).numpy()
            for at in range(0, len(inputs), _BATCH_TO_JUDGE)
        ]
        return np.concatenate(parts)

    return run


def run_loop(
    network: Trainable,
    state: State,
    data: Callable[[int], tuple[Float32, Float32]],
    schedule: Schedule,
    *,
    seed: int,
    checkpoint: Path | None = None,
    teacher: Teacher | None = None,
    judge: Callable[[int, Float32, Float32], dict[str, float]] | None = None,
    progress: Progress,
    stage: str = "training",
) -> State:
    """Train to the last epoch of the schedule.

    Args:
        network: what is trained; a quantising one has no statistics.
        state: where to begin.
        data: epoch -> (normalised inputs float32 [n, ...], targets float32 [n, classes]); the same for the same epoch.
        schedule: how.
        seed: of the order of examples and of what is dropped.
        checkpoint: the state is kept there after every epoch, and taken from there where it is of this very run.
        teacher: answers that are imitated.
        judge: (epoch from 1, weights, running) -> figures of an epoch for the history.
        progress: told how far it is.
        stage: what the progress is called.

    Raises:
        TinygenError: the loss stopped being a number.
    """
    state = _resumed(checkpoint, state)
    if state.epoch >= schedule.epochs:
        return state
    step = _Step(network, state, schedule, teacher, seed)
    total = 1
    for epoch in range(state.epoch, schedule.epochs):
        inputs, targets = data(epoch)
        order = np.random.default_rng([seed, 77, epoch]).permutation(len(inputs))
        per_epoch = max(1, len(inputs) // schedule.batch_size)
        total = per_epoch * schedule.epochs
        losses = []
        for number in range(per_epoch):
            chosen = order[number * schedule.batch_size : (number + 1) * schedule.batch_size]
            rate = rate_at(schedule.learning_rate, epoch * per_epoch + number, total)
            losses.append(step(inputs[chosen], targets[chosen], rate))
        loss = float(np.mean([float(value) for value in losses]))
        if not math.isfinite(loss):
            raise bad_input(
                "training did not settle: its loss is not a number",
                where=f"epoch {epoch + 1}",
                hint="look for recordings that are silent, constant or mislabelled, or try another seed",
            )
        state = step.state(state, epoch + 1)
        if schedule.pruning.share > 0:
            state = replace(
                state,
                alive=schedule.pruning.mask(
                    network.layers, network.shape, state.weights, (epoch + 1) / schedule.epochs
                ),
            )
            step.keep_only(state.alive)
            state = step.state(state, epoch + 1)
        figures = {"epoch": epoch + 1.0, "loss": loss}
        if judge is not None:
            figures |= judge(epoch + 1, final_weights(state, schedule), state.running)
        state.history.append(figures)
        if checkpoint is not None:
            write_atomic(checkpoint, _packed(state))
        shown = ", ".join(f"{name} {value:.3f}" for name, value in figures.items() if name != "epoch")
        progress(stage, epoch + 1, schedule.epochs, shown)
    return state


def final_weights(state: State, schedule: Schedule) -> Float32:
    """What a run ends with: the average where one was kept."""
    return state.average if schedule.average else state.weights


def rate_at(peak: float, step: int, total: int) -> float:
    """Up over the first twentieth, then down to a hundredth along half a cosine."""
    warm = min(1.0, (step + 1) / max(1.0, total / 20))
    return peak * warm * (0.01 + 0.99 * 0.5 * (1.0 + math.cos(math.pi * min(1.0, step / total))))


class _Step:
    """The compiled optimiser step and its variables."""

    def __init__(
        self, network: Trainable, state: State, schedule: Schedule, teacher: Teacher | None, seed: int
    ) -> None:
        self._vectors = {
            name: tf.Variable(getattr(state, name))
            for name in ("weights", "average", "running", "first", "second", "alive")
        }
        self._count = tf.Variable(float(state.step))
        self._run = tf.function(self._make(network, schedule, teacher, seed), reduce_retracing=True, autograph=False)

    def __call__(self, inputs: Float32, targets: Float32, rate: float) -> Any:
        return self._run(tf.constant(inputs), tf.constant(targets), tf.constant(rate, tf.float32))

    def keep_only(self, alive: Float32) -> None:
        """Set what is pruned to zero, now and from now on."""
        self._vectors["alive"].assign(alive)
        for name in ("weights", "average", "first"):
            self._vectors[name].assign(self._vectors[name] * alive)

    def state(self, before: State, epoch: int) -> State:
        """The state after an epoch."""
        vectors = {name: variable.numpy() for name, variable in self._vectors.items()}
        return replace(before, **vectors, epoch=epoch, step=int(self._count.numpy()))

    def _make(self, network: Trainable, schedule: Schedule, teacher: Teacher | None, seed: int) -> Callable[..., Any]:
        decay = tf.constant(decayed(network.layout) * schedule.weight_decay)
        w, average, running = (self._vectors[name] for name in ("weights", "average", "running"))
        first, second, alive = (self._vectors[name] for name in ("first", "second", "alive"))
        count = self._count
        heat, trust = schedule.temperature, schedule.trust

        def step(x: Any, targets: Any, rate: Any) -> Any:
            answer = None if teacher is None else tf.stop_gradient(tf.nn.softmax(teacher(x) / heat))
            with tf.GradientTape() as tape:
                drop = tf.stack([tf.constant(seed, tf.int32), tf.cast(count, tf.int32)])
                logits, statistics = network(x, w, running, training=True, drop=drop)
                loss = tf.reduce_mean(tf.nn.softmax_cross_entropy_with_logits(targets, logits))
                total = loss
                if answer is not None:
                    soft = tf.nn.softmax_cross_entropy_with_logits(answer, logits / heat)
                    total = (1.0 - trust) * loss + trust * heat * heat * tf.reduce_mean(soft)
            gradient = tape.gradient(total, w)
            gradient *= tf.minimum(1.0, _LONGEST_GRADIENT / (tf.norm(gradient) + 1e-6))
            count.assign_add(1.0)
            first.assign(_FIRST * first + (1.0 - _FIRST) * gradient)
            second.assign(_SECOND * second + (1.0 - _SECOND) * gradient * gradient)
            moved = first / (1.0 - _FIRST**count) / (tf.sqrt(second / (1.0 - _SECOND**count)) + _TINY)
            w.assign((w - rate * (moved + decay * w)) * alive)
            if network.n_statistics:
                running.assign(_KEEP * running + (1.0 - _KEEP) * statistics)
            if schedule.average:
                keep = tf.minimum(schedule.average, (1.0 + count) / (10.0 + count))
                average.assign((keep * average + (1.0 - keep) * w) * alive)
            return loss

        return step


def _packed(state: State) -> bytes:
    out = io.BytesIO()
    names = sorted({name for row in state.history for name in row})
    table = np.array([[row.get(name, math.nan) for name in names] for row in state.history])
    np.savez(
        out,
        weights=state.weights,
        average=state.average,
        running=state.running,
        first=state.first,
        second=state.second,
        alive=state.alive,
        counts=np.array([state.epoch, state.step]),
        names=np.array(names, dtype=np.str_),
        history=table,
    )
    return out.getvalue()


def _resumed(path: Path | None, otherwise: State) -> State:
    """The kept state, or `otherwise` where there is none of this shape (a damaged file counts as none)."""
    if path is None or not path.is_file():
        return otherwise
    try:
        with np.load(path, allow_pickle=False) as kept:
            names = [str(name) for name in kept["names"]]
            rows = [
                {name: float(value) for name, value in zip(names, row, strict=True) if not math.isnan(value)}
                for row in kept["history"]
            ]
            state = State(
                **{name: kept[name] for name in ("weights", "average", "running", "first", "second", "alive")},
                epoch=int(kept["counts"][0]),
                step=int(kept["counts"][1]),
                history=rows,
            )
    except Exception:
        return otherwise
    return state if state.weights.shape == otherwise.weights.shape else otherwise
