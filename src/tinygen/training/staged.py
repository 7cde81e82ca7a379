"""A task's own training in stages, where tinygen.toml asks for a recipe: what `run.fit_task` then does.

The network is written as INT8 here already: ranges are learned with the weights, so there is nothing left to guess when
it is converted.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from tinygen.core.canonical import digest
from tinygen.core.errors import bad_input
from tinygen.core.progress import Progress
from tinygen.datasets.synth import neural
from tinygen.datasets.synth.kws import engine_versions
from tinygen.datasets.synth.speech import engines
from tinygen.datasets.synth.wordset import OTHERS, speak_words
from tinygen.datasets.values import Dataset
from tinygen.features.quantize import input_range
from tinygen.tasks.recipes import teacher_body, with_head, without_branches
from tinygen.tasks.spec import Means, Task
from tinygen.training.examples import Examples, cached_examples
from tinygen.training.kept import training_code
from tinygen.training.settling import plain
from tinygen.training.spectral import USUAL
from tinygen.training.words import (
    Epochs,
    Share,
    Words,
    log_mel_of,
    moments,
    noise_rows,
    plain_inputs,
    real_inputs,
    words_of,
)

SPECIAL = ("_silence_", "_unknown_")
_REAL_TIMES = 3.0
_SPEAKERS, _NEURAL_SPEAKERS, _OTHERS_EACH = 240, 60, 3


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Staged:
    """What `fit_staged` gives: the INT8 file, float outputs [n, classes] of the test side, one dict per epoch."""

    tflite: bytes
    float_outputs: npt.NDArray[np.float32]
    history: list[dict[str, float]]


def fit_staged(
    task: Task,
    dataset: Dataset,
    sides: tuple[Examples, Examples, Examples],
    means: Means,
    *,
    seed: int,
    epochs: int | None,
    cache: Path,
    progress: Progress,
) -> Staged:
    """Train a task on log-mel features in stages.

    Args:
        task: labels, features and layers.
        dataset: gives noises.
        sides: train (of the plain front end, without variations), validation and test examples.
        means: what is switched on.
        seed: of everything that is drawn.
        epochs: instead of the plan's number.
        cache: folder for checkpoints and spoken words.
        progress: told how far it is.

    Raises:
        TinygenError: another front end, no speech engine where synthesis is asked for, or training did not settle.
    """
    from tinygen.training.stages import Material, make_network

    if epochs is not None:
        means = replace(means, epochs=epochs, rounding_epochs=min(means.rounding_epochs, epochs))
    spec = log_mel_of(task)
    train, validation, test = sides
    shares = [Share(words=Words(features=train.features, classes=train.classes), times=_REAL_TIMES)]
    if means.synthesis:
        shares.append(Share(words=_spoken(task, dataset, seed, cache, progress), times=means.synthesis))
    signals = [noise.signal for noise in dataset.noises]
    rows = noise_rows(spec, signals)
    plan = Epochs(
        spec=spec, labels=task.labels, shares=tuple(shares), noises=rows, how=USUAL, smoothing=means.smoothing,
        seed=seed,
    )  # fmt: skip
    mean, spread = moments(plan)
    material = Material(
        epoch=plan,
        mean=mean,
        spread=spread,
        plain=plain_inputs(spec, train.features),
        held=(real_inputs(spec, validation.features), validation.classes),
        input_range=input_range(spec),
    )
    layers = task.layers if means.branches else without_branches(task.layers)
    made = make_network(
        layers, task.input_shape, material, means, seed=seed, cache=cache,
        key=[dataset.digest, list(task.labels), asdict(spec), training_code()],
        teacher_layers=with_head(teacher_body(task.input_shape), task.input_shape, len(task.labels)),
        progress=progress,
    )  # fmt: skip
    logits = made.float_logits(real_inputs(spec, test.features))
    return Staged(tflite=made.tflite(), float_outputs=_softmax(logits), history=made.history["training"])


def _softmax(logits: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    shares: npt.NDArray[np.float32] = (powers / powers.sum(axis=1, keepdims=True)).astype(np.float32)
    return shares


def _spoken(task: Task, dataset: Dataset, seed: int, cache: Path, progress: Progress) -> Words:
    """The task's words by pseudo-speakers: speech programs, and the neural voice where it is installed.

    Raises:
        TinygenError: a label that is no word, or no speech engine.
    """
    commands = tuple(label for label in task.labels if label not in SPECIAL)
    odd = [label for label in commands if not label.replace(" ", "").replace("'", "").isalpha()]
    if odd:
        raise bad_input(
            f"'{odd[0]}' cannot be spoken", where="training.synthesis", hint="name labels by the words they stand for"
        )
    others: Sequence[str] = [word for word in OTHERS if word not in commands] if "_unknown_" in task.labels else []

    def make() -> Examples:
        found = speak_words(
            words=commands, others=tuple(others), n_speakers=_SPEAKERS, others_each=_OTHERS_EACH, seed=seed,
            engines=engines(), neural=neural.find(), n_neural=_NEURAL_SPEAKERS, progress=progress,
        )  # fmt: skip
        made = words_of(task, plain(log_mel_of(task)), [r.signal for r in found], [r.label for r in found])
        return Examples(features=made.features, classes=made.classes, groups=tuple(r.group for r in found))

    voices = [engine_versions(), *([neural.version(), _NEURAL_SPEAKERS] if neural.here() else [])]
    words = [commands, others, _SPEAKERS, _OTHERS_EACH, list(task.labels)]
    key = digest(["spoken", words, seed, voices, asdict(plain(log_mel_of(task)))])
    kept = cached_examples(cache, key, make)
    return Words(features=kept.features, classes=kept.classes)
