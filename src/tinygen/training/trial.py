"""One candidate of a search: trained on a task's own examples, judged on its validation side. Imports no TensorFlow
until it is called.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from tinygen.core.progress import Progress
from tinygen.features.quantize import input_range
from tinygen.tasks.spec import Layer, Means, Task
from tinygen.training.examples import Examples, real_input
from tinygen.training.int8 import check_structure, ends, model_inputs, run_tflm
from tinygen.training.quiet import prepare_tensorflow


def train_candidate(
    task: Task,
    layers: Sequence[Layer],
    train: Examples,
    validation: Examples,
    means: Means,
    *,
    seed: int,
    cache: Path,
    key: object,
    after_epoch: Callable[[int, float], None],
    progress: Progress,
) -> tuple[bytes, float]:
    """(INT8 model, its accuracy on the validation side in TFLM's interpreter).

    Args:
        task: gives the shape of the input and the labels.
        layers: the candidate.
        train, validation: examples.
        means: how it is trained.
        seed: of everything that is drawn.
        cache: folder for checkpoints: an interrupted candidate goes on where it was.
        key: what identifies the data and the code.
        after_epoch: told the epoch (from 1) and the float accuracy on the validation side; what it raises ends the
            training.
        progress: told how far it is.

    Raises:
        TinygenError: TensorFlow or TFLM's interpreter is missing, or training did not settle.
    """
    prepare_tensorflow()
    from tinygen.training.stages import Material, make_network

    real = real_input(task, train.features)
    targets = np.eye(len(task.labels), dtype=np.float32)[train.classes]
    targets = targets * (1.0 - means.smoothing) + means.smoothing / len(task.labels)
    axes = tuple(range(real.ndim - 1))
    material = Material(
        epoch=lambda epoch: (real, targets),
        mean=real.mean(axis=axes),
        spread=np.maximum(real.std(axis=axes), 1e-6).astype(np.float32),
        plain=real,
        held=(real_input(task, validation.features), validation.classes),
        input_range=input_range(task.features),
        heard=after_epoch,
    )
    made = make_network(layers, task.input_shape, material, means, seed=seed, cache=cache, key=key, progress=progress)
    tflite = made.tflite()
    graph = check_structure(tflite, task.name)
    outputs = run_tflm(tflite, graph, model_inputs(task.features, validation.features, ends(graph)))
    return tflite, float(np.mean(outputs.argmax(axis=1) == validation.classes))
