"""Spoken words as material for `stages`: features once, variations and silence anew for every epoch. No TensorFlow."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from tinygen.core.errors import bad_input
from tinygen.datasets.window import led
from tinygen.features.reference import frames_batch, stream
from tinygen.features.spec import LogMelSpec, lead_in_samples, samples_per_window
from tinygen.tasks.spec import Task
from tinygen.training.settling import led_in, plain
from tinygen.training.spectral import Variation, nepers, varied

Float32 = npt.NDArray[np.float32]
Int16 = npt.NDArray[np.int16]
Int64 = npt.NDArray[np.int64]

SILENCE = "_silence_"
_TOGETHER = 128
_SILENCE_SHARE = 16  # one example in so many is a stretch of noise


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Words:
    """Examples: features int16 [n, rows, bands], classes int64 [n].

    What is learned from has features of `settling.plain(spec)`, what is judged those of the front end itself.
    """

    features: Int16
    classes: Int64


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Share:
    """A part of every epoch: `times` 2.0 takes all examples twice, 0.5 draws half of them anew each epoch.

    Attributes:
        most: examples of one class in an epoch, as a multiple of the median class; 0 is no limit.
    """

    words: Words
    times: float
    most: float = 0.0

    def drawn(self, rng: np.random.Generator) -> Int64:
        """Indices of the examples of an epoch."""
        n = len(self.words.classes)
        chosen = np.concatenate([rng.permutation(n) for _ in range(int(np.ceil(self.times)))])
        chosen = chosen[: round(self.times * n)]
        if not self.most:
            return chosen
        classes = self.words.classes[chosen]
        counts = np.bincount(classes)
        limit = round(self.most * float(np.median(counts[counts > 0])))
        place = np.zeros(len(classes), dtype=np.int64)
        for number in range(len(counts)):
            own = classes == number
            place[own] = np.arange(int(own.sum()))
        return chosen[place < limit]


def log_mel_of(task: Task) -> LogMelSpec:
    """The task's front end.

    Raises:
        TinygenError: it is another one.
    """
    if not isinstance(task.features, LogMelSpec):
        raise bad_input(f"needs log-mel features, has '{task.features.kind}'", where=task.name)
    return task.features


def words_of(task: Task, spec: LogMelSpec, signals: Sequence[Int16], labels: Sequence[str]) -> Words:
    """Examples of recordings int16 [n, 1]; shorter ones are filled up with zeros, longer ones cut.

    Args:
        task: gives the classes.
        spec: its front end, or that front end's plain form.
        signals, labels: the recordings.

    Raises:
        TinygenError: the features cannot be computed.
    """
    n, lead_in = samples_per_window(spec), lead_in_samples(spec)

    def window(signal: Int16) -> Int16:
        heard = signal[:n]
        return led(heard, 0, np.pad(heard, ((0, n - len(heard)), (0, 0))), lead_in)

    rows: list[Int16] = []
    for at in range(0, len(signals), _TOGETHER):
        rows.append(frames_batch(spec, np.stack([window(signal) for signal in signals[at : at + _TOGETHER]])))
    classes = np.array([task.labels.index(label) for label in labels], dtype=np.int64)
    return Words(features=np.concatenate(rows), classes=classes)


def noise_rows(spec: LogMelSpec, signals: Sequence[Int16]) -> Int16:
    """Plain feature rows int16 [m, bands] of noise recordings int16 [n, 1], one after another."""
    none = np.zeros((0, spec.n_bands), np.int16)
    return np.concatenate([none, *(stream(plain(spec), signal) for signal in signals)])


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Epochs:
    """Epoch number -> (real inputs float32 [n, rows, bands, 1], blank where NaN; targets float32 [n, classes])."""

    spec: LogMelSpec
    labels: tuple[str, ...]
    shares: tuple[Share, ...]
    noises: Int16
    how: Variation
    smoothing: float
    seed: int

    def __call__(self, epoch: int) -> tuple[Float32, Float32]:
        """The examples of one epoch; the same for the same number."""
        rng = np.random.default_rng([self.seed, 21, epoch])
        features: list[Int16] = []
        classes: list[Int64] = []
        for share in self.shares:
            chosen = share.drawn(rng)
            features.append(share.words.features[chosen])
            classes.append(share.words.classes[chosen])
        if SILENCE in self.labels and len(self.noises):
            count = sum(map(len, classes)) // _SILENCE_SHARE
            features.append(self._silence(count, rng))
            classes.append(np.full(count, self.labels.index(SILENCE)))
        inputs = varied(self.spec, np.concatenate(features), self.noises, self.how, rng)
        inputs *= np.float32(self.spec.feature_scale)
        targets = np.eye(len(self.labels), dtype=np.float32)[np.concatenate(classes)]
        return inputs[..., None], targets * (1.0 - self.smoothing) + self.smoothing / len(self.labels)

    def _silence(self, count: int, rng: np.random.Generator) -> Int16:
        """Stretches of noise at any level, int16 [count, rows, bands]."""
        rows = self.shares[0].words.features.shape[1]
        start = rng.integers(0, len(self.noises) - rows, size=count)
        level = rng.uniform(-300, 60, size=(count, 1, 1))
        stretches = self.noises[start[:, None] + np.arange(rows)]
        quieter: Int16 = np.clip(stretches + level, 0, 32767).astype(np.int16)
        return quieter


def moments(epochs: Epochs) -> tuple[Float32, Float32]:
    """Mean and spread float32 [1] of real inputs as training sees them."""
    inputs, _ = epochs(0)
    mean, spread = np.nanmean(inputs), np.nanstd(inputs)
    return np.array([mean], np.float32), np.array([max(float(spread), 1e-6)], np.float32)


def plain_inputs(spec: LogMelSpec, features: Int16) -> Float32:
    """Real inputs float32 [n, rows, bands, 1] without variation, of features of `settling.plain(spec)`."""
    x = nepers(spec, features)
    scale = np.float32((1 << spec.log_scale_shift) * spec.feature_scale)
    return led_in(spec, x)[..., None] * scale


def real_inputs(spec: LogMelSpec, features: Int16) -> Float32:
    """Real inputs float32 [n, rows, bands, 1] of features of the front end itself."""
    scaled: Float32 = features.astype(np.float32)[..., None] * np.float32(spec.feature_scale)
    return scaled
