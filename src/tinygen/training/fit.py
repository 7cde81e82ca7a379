"""Fitting: seeded, with a falling learning rate, early stopping, and progress for whoever listens.

After every epoch everything that changes is kept: a killed training goes on and ends with the very same weights.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
import numpy as np
import numpy.typing as npt
import tensorflow as tf

from tinygen.core.errors import bad_input
from tinygen.core.progress import Progress
from tinygen.tasks.spec import Task
from tinygen.training.build import Normalization, training_network
from tinygen.training.kept import Kept, keep, kept_at

Float32 = npt.NDArray[np.float32]
Int64 = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Side:
    """Inputs float32 [n, ...] as the network takes them (normalised), and classes int64 [n]."""

    inputs: Float32
    classes: Int64


def normalized(inputs: Float32, normalization: Normalization, shape: tuple[int, ...]) -> Float32:
    """Real inputs [n, ...] as the training network takes them."""
    scaled = (inputs - normalization.mean) / normalization.spread
    return scaled.astype(np.float32).reshape(len(inputs), *shape)


def fit(
    task: Task,
    train: Side,
    validation: Side,
    *,
    seed: int,
    epochs: int,
    progress: Progress,
    checkpoint: Path | None = None,
) -> tuple[Any, list[dict[str, float]]]:
    """Train the task's network; the same seed gives the same weights on the same machine.

    Args:
        task: gives the network.
        train, validation: what is learned, and what says when to stop.
        seed: of everything that is drawn.
        epochs: at most.
        progress: told how far it is.
        checkpoint: all that changes is kept there after every epoch, and taken from there where it is there; its name
            must stand for all other arguments.

    Returns:
        (Keras model with the weights of the best epoch, one dict of figures per epoch)

    Raises:
        TinygenError: the loss was never a finite number.
    """
    keras.utils.set_random_seed(seed)
    tf.config.experimental.enable_op_determinism()
    model = training_network(task)
    batches = _Batches(task, train, seed)
    total = max(1, epochs * len(batches))
    reconstruction = task.loss == "reconstruction"
    loss: Any = "mse" if reconstruction else keras.losses.CategoricalCrossentropy(label_smoothing=0.05)
    model.compile(
        optimizer=keras.optimizers.Adam(_Schedule(task.training.learning_rate, total)),
        loss=loss,
        metrics=[] if reconstruction else ["accuracy"],
    )
    watch = _Watch(progress, epochs, batches, checkpoint)
    done = watch.resume(model)
    held = validation.inputs if reconstruction else np.eye(len(task.labels), dtype=np.float32)[validation.classes]
    if not watch.settled:
        model.fit(
            batches, validation_data=(validation.inputs, held), epochs=epochs, initial_epoch=done, verbose=0,
            shuffle=False, callbacks=[watch],
        )  # fmt: skip
    if watch.best_weights is not None:
        model.set_weights(watch.best_weights)
    elif epochs > 0:
        raise bad_input(
            "training did not settle: its loss is not a number after any epoch",
            where=task.name,
            hint="look for recordings that are silent, constant or mislabelled, or try another seed",
        )
    return model, watch.history


class _Batches(keras.utils.PyDataset):  # type: ignore[misc]
    """Shuffled batches; spectrogram-like inputs are moved and masked a little, other ones left alone."""

    def __init__(self, task: Task, side: Side, seed: int) -> None:
        super().__init__(workers=1, use_multiprocessing=False)
        self._side = side
        self._size = task.training.batch_size
        self._targets = None if task.loss == "reconstruction" else np.eye(len(task.labels), dtype=np.float32)
        self._mask = task.features.kind == "logmel"
        self._rng = np.random.default_rng([seed, 77])
        self._order = self._rng.permutation(len(side.inputs))

    def __len__(self) -> int:
        return max(1, -(-len(self._side.inputs) // self._size))

    def __getitem__(self, index: int) -> tuple[Float32, Float32]:
        chosen = self._order[index * self._size : (index + 1) * self._size]
        inputs = self._side.inputs[chosen]
        if self._mask:
            inputs = self._masked(inputs, index)
        if self._targets is None:
            return inputs, inputs
        return inputs, self._targets[self._side.classes[chosen]]

    def on_epoch_end(self) -> None:
        """New order for the next epoch."""
        self._order = self._rng.permutation(len(self._side.inputs))

    def place(self) -> tuple[Int64, dict[str, Any]]:
        """(order of the epoch that comes, state of the generator), for `go_on`."""
        return self._order.astype(np.int64), dict(self._rng.bit_generator.state)

    def go_on(self, order: Int64, generator: dict[str, Any]) -> None:
        """Be where `place` was asked."""
        self._order = order
        self._rng.bit_generator.state = generator

    def _masked(self, inputs: Float32, index: int) -> Float32:
        """Blank some frames and bands (Park et al. 2019, SpecAugment); input [n, frames, bands, 1]."""
        rng = np.random.default_rng([int(self._order[0]), int(self._order[-1]), index])
        out = inputs.copy()
        _, frames, bands, _ = inputs.shape
        for example in out:
            example[:] = np.roll(example, int(rng.integers(-3, 4)), axis=0)
            width = int(rng.integers(0, 7))
            start = int(rng.integers(0, frames - width))
            example[start : start + width] = 0.0
            width = int(rng.integers(0, 6))
            start = int(rng.integers(0, bands - width))
            example[:, start : start + width] = 0.0
        return out


class _Schedule(keras.optimizers.schedules.LearningRateSchedule):  # type: ignore[misc]
    """Up over the first twentieth, then down to nothing along half a cosine."""

    def __init__(self, peak: float, total_steps: int) -> None:
        self._peak = peak
        self._total = total_steps

    def __call__(self, step: Any) -> Any:
        step = tf.cast(step, tf.float32)
        warm = max(1.0, self._total / 20)
        rising = (step + 1.0) / warm
        falling = 0.5 * (1.0 + tf.cos(math.pi * tf.minimum(step / self._total, 1.0)))
        return self._peak * tf.minimum(rising, 1.0) * (0.02 + 0.98 * falling)

    def get_config(self) -> dict[str, object]:
        """Keras asks for it when it saves a model."""
        return {"peak": self._peak, "total_steps": self._total}


class _Watch(keras.callbacks.Callback):  # type: ignore[misc]
    """Keeps the best weights and what a kill would lose, stops when nothing improves any more, tells the progress."""

    def __init__(self, progress: Progress, epochs: int, batches: _Batches, checkpoint: Path | None) -> None:
        super().__init__()
        self.history: list[dict[str, float]] = []
        self.best_weights: list[npt.NDArray[Any]] | None = None
        self._progress = progress
        self._epochs = epochs
        self._batches = batches
        self._checkpoint = checkpoint
        self._kept: Kept | None = None
        self._best = math.inf
        self._since = 0

    @property
    def settled(self) -> bool:
        """Nothing is left to train."""
        return len(self.history) >= self._epochs or self._since >= max(8, self._epochs // 3)

    def resume(self, model: Any) -> int:
        """Take up what was kept of this training; the number of epochs that are done."""
        model.optimizer.build(model.trainable_variables)
        kept = None if self._checkpoint is None else kept_at(self._checkpoint, len(model.get_weights()))
        if kept is None or len(kept.variables) != len(_variables(model)):
            return 0
        self._kept = kept
        self.history, self.best_weights = kept.history, kept.best_weights
        self._best, self._since = kept.best, kept.since
        return len(kept.history)

    def on_train_begin(self, logs: dict[str, float] | None = None) -> None:
        """Called by Keras, after it has drawn an order of its own."""
        if self._kept is None:
            return
        for variable, value in zip(_variables(self.model), self._kept.variables, strict=True):
            variable.assign(value)
        self._batches.go_on(self._kept.order, self._kept.generator)

    def on_epoch_begin(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        """Called by Keras: all of the epoch before is done now, the order of the next one drawn."""
        if epoch == len(self.history) > 0:
            self._keep()

    def on_train_end(self, logs: dict[str, float] | None = None) -> None:
        """Called by Keras."""
        self._keep()

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        """Called by Keras."""
        figures = {name: float(value) for name, value in (logs or {}).items() if math.isfinite(value)}
        self.history.append({"epoch": epoch + 1.0, **figures})
        loss = figures.get("val_loss", math.inf)
        self._since += 1
        if loss < self._best:
            self._best, self._since = loss, 0
            self.best_weights = self.model.get_weights()
        shown = "val_accuracy" if "val_accuracy" in figures else "val_loss"
        self._progress("training", epoch + 1, self._epochs, f"{shown} {figures.get(shown, math.nan):.3f}")
        if self.settled and epoch + 1 < self._epochs:
            self.model.stop_training = True
            self._progress("training", self._epochs, self._epochs, f"stopped after epoch {epoch + 1}")

    def _keep(self) -> None:
        if self._checkpoint is None:
            return
        order, generator = self._batches.place()
        keep(
            self._checkpoint,
            Kept(
                variables=[np.asarray(variable) for variable in _variables(self.model)],
                best_weights=self.best_weights,
                best=self._best,
                since=self._since,
                history=self.history,
                order=order,
                generator=generator,
            ),
        )


def _variables(model: Any) -> list[Any]:
    """All that training changes: weights, statistics, what dropout draws next, the optimiser's moments and count."""
    return [*model.variables, *model.optimizer.variables]
