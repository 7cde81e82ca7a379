"""One training of a word network from recordings to judged INT8 bytes, for folds and ablations."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from tinygen.core.canonical import digest
from tinygen.core.progress import Progress
from tinygen.features.quantize import input_range
from tinygen.tasks.recipes import find_recipe, teacher_body, with_head, without_branches
from tinygen.tasks.shapes import cost
from tinygen.tasks.spec import Means, Task
from tinygen.training.int8 import check_structure, ends, model_inputs, run_tflm
from tinygen.training.quiet import prepare_tensorflow
from tinygen.training.spectral import Variation
from tinygen.training.words import Epochs, Int16, Share, Words, log_mel_of, moments, plain_inputs, real_inputs


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SpeechResult:
    """What one training gave.

    Attributes:
        found: int64 [n], INT8 answers on the test side; found_float: of the float network.
        cpu_s, wall_s: of this process; what an interruption had done before does not count.
    """

    tflite: bytes
    found: npt.NDArray[np.int64]
    found_float: npt.NDArray[np.int64]
    parameters: int
    macs: int
    history: dict[str, list[dict[str, float]]]
    cpu_s: float
    wall_s: float


def train_words(
    task: Task,
    recipe: str,
    means: Means,
    *,
    shares: Sequence[Share],
    noises: Int16,
    test: Words,
    how: Variation,
    seed: int,
    cache: Path,
    key: object,
    progress: Progress,
) -> SpeechResult:
    """Train a recipe and judge it in TFLM's interpreter.

    Args:
        task: labels and features.
        recipe: of `tasks.recipes`.
        means: what is switched on.
        shares: what is learned from, features of the plain front end.
        noises: such rows int16 [m, bands].
        test: examples of speakers that are in no share, features of the front end itself.
        how: augmentation.
        seed: of everything that is drawn.
        cache: folder for checkpoints.
        key: what identifies data and code.
        progress: told how far it is.

    Raises:
        TinygenError: TensorFlow or TFLM's interpreter is missing, or training did not settle.
    """
    prepare_tensorflow()
    from tinygen.training.stages import Material, make_network

    started = time.monotonic(), time.process_time()
    spec = log_mel_of(task)
    layers = with_head(find_recipe(recipe).body(task.input_shape), task.input_shape, len(task.labels))
    if not means.branches:
        layers = without_branches(layers)
    epochs = Epochs(
        spec=spec, labels=task.labels, shares=tuple(shares), noises=noises, how=how, smoothing=means.smoothing,
        seed=seed,
    )  # fmt: skip
    mean, spread = moments(epochs)
    plain = np.concatenate([share.words.features[:: max(1, len(share.words.features) // 300)] for share in shares])
    material = Material(
        epoch=epochs, mean=mean, spread=spread, plain=plain_inputs(spec, plain), input_range=input_range(spec)
    )
    made = make_network(
        layers, task.input_shape, material, means, seed=seed, cache=cache, key=digest([key, recipe]),
        teacher_layers=with_head(teacher_body(task.input_shape), task.input_shape, len(task.labels)),
        progress=progress,
    )  # fmt: skip
    tflite = made.tflite()
    graph = check_structure(tflite, task.name)
    outputs = run_tflm(tflite, graph, model_inputs(spec, test.features, ends(graph)))
    floats = made.float_logits(real_inputs(spec, test.features))
    price = cost(layers, task.input_shape)
    return SpeechResult(
        tflite=tflite,
        found=outputs.argmax(axis=1),
        found_float=floats.argmax(axis=1),
        parameters=price.parameters,
        macs=price.macs,
        history=made.history,
        wall_s=time.monotonic() - started[0],
        cpu_s=time.process_time() - started[1],
    )
