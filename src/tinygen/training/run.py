"""From a task and its split to a converted, judged model. TensorFlow is imported when this is called, not before."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, replace
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from tinygen.core.canonical import digest, digest_bytes, pretty_json
from tinygen.core.files import write_atomic
from tinygen.core.progress import Progress, silent
from tinygen.datasets.values import Dataset, Split
from tinygen.features import quantize
from tinygen.features.spec import BandEnergySpec
from tinygen.tasks.shapes import cost
from tinygen.tasks.spec import Task
from tinygen.training.evaluate import evaluate, float_metrics
from tinygen.training.examples import (
    Examples,
    real_input,
)
from tinygen.training.int8 import check_structure
from tinygen.training.kept import training_code
from tinygen.training.mahalanobis import dense_layer, feature_weights
from tinygen.training.quiet import prepare_tensorflow
from tinygen.training.sides import sides_of, staged_sides
from tinygen.training.values import TrainedModel

if TYPE_CHECKING:
    from tinygen.training.build import PlainNetwork

NETWORK, EXAMPLES, FACTS, MODEL = "network.npz", "examples.npz", "fitted.json", "model.tflite"

_REPRESENTATIVE = 256
_SMOKE_EPOCHS = 3


def smoke(task: Task) -> Task:
    """The same task with a training plan of a few seconds, for tests."""
    return replace(task, training=replace(task.training, epochs=_SMOKE_EPOCHS, augment=task.training.augment[:1]))


def train_model(
    task: Task,
    dataset: Dataset,
    split: Split,
    *,
    seed: int,
    work_dir: Path,
    cache: Path | None = None,
    epochs: int | None = None,
    progress: Progress = silent,
) -> TrainedModel:
    """`fit_task` and `convert_task` in one folder; without a `cache` that is where features and checkpoints go, too.

    Raises:
        TinygenError: as they do.
    """
    fit_task(
        task, dataset, split, seed=seed, folder=work_dir, cache=cache or work_dir, epochs=epochs, progress=progress
    )
    return convert_task(task, work_dir, progress)


def fit_task(
    task: Task,
    dataset: Dataset,
    split: Split,
    *,
    seed: int,
    folder: Path,
    cache: Path,
    epochs: int | None = None,
    progress: Progress = silent,
) -> None:
    """Train the float network and judge it; `folder` then holds all that `convert_task` needs.

    Args:
        task: made for `dataset`.
        dataset: gives background noises, and facts for the report.
        split: of `dataset`.
        seed: of everything that is drawn.
        folder: gets network.npz, examples.npz and fitted.json.
        cache: features are kept here, so that another run over the same data starts faster.
        epochs: instead of the task's own number.
        progress: told how far it is.

    Raises:
        TinygenError: TensorFlow is missing, or the data does not suit the task.
    """
    prepare_tensorflow()
    if task.training.means is not None:
        _fit_staged(task, dataset, split, seed=seed, folder=folder, cache=cache, epochs=epochs, progress=progress)
        return
    train, validation, test = sides_of(task, dataset, split, seed=seed, work_dir=cache, progress=progress)
    if task.decision == "reconstruction":
        train = train.where(train.classes == 0)
    real = real_input(task, train.features)

    # Importing it imports TensorFlow.
    from tinygen.training.build import network_shape

    shape = network_shape(task)
    network, history = _fitted(
        task,
        train,
        validation,
        seed=seed,
        epochs=epochs if epochs is not None else task.training.epochs,
        progress=progress,
        cache=cache,
    )
    test_real = real_input(task, test.features)
    outputs = np.concatenate([np.asarray(network(row[None])) for row in _rows(test_real, shape)])
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / NETWORK).open("wb") as file:
        np.savez(file, **network.arrays())  # type: ignore[arg-type]
    kept = {
        "representative": _representative(task, real, seed),
        "float_outputs": outputs,
        **_packed("validation", validation),
        **_packed("test", test),
    }
    with (folder / EXAMPLES).open("wb") as file:
        np.savez_compressed(file, **kept)  # type: ignore[arg-type]
    _keep_facts(
        folder, task, dataset, split, seed=seed, history=history, metrics=float_metrics(task, test, test_real, outputs)
    )


def _keep_facts(
    folder: Path,
    task: Task,
    dataset: Dataset,
    split: Split,
    *,
    seed: int,
    history: list[dict[str, float]],
    metrics: dict[str, float],
) -> None:
    """What `convert_task` needs to know beside arrays."""
    price = cost(task.layers, task.input_shape)
    facts = {
        "task": task.name,
        "dataset": dataset.name,
        "synthetic": dataset.synthetic,
        "seed": seed,
        "n_parameters": price.parameters,
        "macs": price.macs,
        "history": history,
        "sides": _side_facts(split),
        "group_kind": dataset.group_kind,
        "licence": dataset.licence,
        "source": dataset.source,
        "dataset_digest": dataset.digest,
        "notes": list(dataset.notes),
        "metrics": metrics,
    }
    write_atomic(folder / FACTS, pretty_json(facts).encode())


def _fitted(
    task: Task,
    train: Examples,
    validation: Examples,
    *,
    seed: int,
    epochs: int,
    progress: Progress,
    cache: Path,
) -> tuple[PlainNetwork, list[dict[str, float]]]:
    """The network to convert, and one dict of figures per epoch; a distance is computed, not trained."""
    from tinygen.training.build import PlainNetwork, input_normalization, network_shape, plain_network
    from tinygen.training.fit import Side, fit, normalized

    shape = network_shape(task)
    real = real_input(task, train.features)
    if task.loss == "distance":
        if not isinstance(task.features, BandEnergySpec):
            raise ValueError("distances are of band energies")
        progress("computing distances", 0, 1)
        pair = dense_layer(real.reshape(len(real), -1), train.groups, feature_weights(task.features))
        progress("computing distances", 1, 1)
        return PlainNetwork.of(task, [pair]), []
    normalization = input_normalization(task, real)
    fitted = validation.where(validation.classes == 0) if task.decision == "reconstruction" else validation
    trained, history = fit(
        task,
        Side(inputs=normalized(_rows(real, shape), normalization, shape), classes=train.classes),
        Side(
            inputs=normalized(_rows(real_input(task, fitted.features), shape), normalization, shape),
            classes=fitted.classes,
        ),
        seed=seed,
        epochs=epochs,
        progress=progress,
        checkpoint=cache / f"checkpoint-fit-{_fit_key(task, train, fitted, seed, epochs)}.npz",
    )
    return plain_network(task, trained, normalization), history


def _fit_key(task: Task, train: Examples, validation: Examples, seed: int, epochs: int) -> str:
    """Everything that determines what `fit` gives."""
    parts = [train.features, train.classes, validation.features, validation.classes]
    examples = [digest_bytes(np.ascontiguousarray(part).tobytes()) for part in parts]
    return digest([asdict(task), examples, seed, epochs, training_code(), metadata.version("keras")])[:20]


def _fit_staged(
    task: Task,
    dataset: Dataset,
    split: Split,
    *,
    seed: int,
    folder: Path,
    cache: Path,
    epochs: int | None,
    progress: Progress,
) -> None:
    """`fit_task` for a plan with means: the INT8 model is written at once."""
    from tinygen.training.staged import fit_staged

    plan = task.training
    if plan.means is None:
        raise ValueError("no means")
    sides = staged_sides(task, dataset, split, seed=seed, work_dir=cache, progress=progress)
    made = fit_staged(task, dataset, sides, plan.means, seed=seed, epochs=epochs, cache=cache, progress=progress)
    _, validation, test = sides
    folder.mkdir(parents=True, exist_ok=True)
    write_atomic(folder / MODEL, made.tflite)
    kept = {"float_outputs": made.float_outputs, **_packed("validation", validation), **_packed("test", test)}
    with (folder / EXAMPLES).open("wb") as file:
        np.savez_compressed(file, **kept)  # type: ignore[arg-type]
    metrics = float_metrics(task, test, real_input(task, test.features), made.float_outputs)
    _keep_facts(folder, task, dataset, split, seed=seed, history=made.history, metrics=metrics)


def convert_task(task: Task, folder: Path, progress: Progress = silent) -> TrainedModel:
    """Convert the network of `fit_task` to INT8 and judge it in TFLM's interpreter.

    Args:
        task: as given to `fit_task`.
        folder: what it filled.
        progress: told how far it is.

    Raises:
        TinygenError: TensorFlow or TFLM's interpreter is missing, or the conversion left what is not INT8.
    """
    prepare_tensorflow()
    from tinygen.training.build import PlainNetwork
    from tinygen.training.convert import convert

    progress("converting", 0, 1)
    facts = json.loads((folder / FACTS).read_text())
    with np.load(folder / EXAMPLES, allow_pickle=False) as kept:
        outputs = kept["float_outputs"]
        validation, test = _unpacked("validation", kept), _unpacked("test", kept)
        representative = dict(kept).get("representative")
    if representative is None:
        tflite = (folder / MODEL).read_bytes()
    else:
        with np.load(folder / NETWORK, allow_pickle=False) as arrays:
            tflite = convert(PlainNetwork.from_arrays(task, dict(arrays)), representative)
    graph = check_structure(tflite, task.name)
    progress("converting", 1, 1, f"{len(tflite)} bytes")
    judged = evaluate(
        task,
        tflite,
        graph,
        validation=validation,
        test=test,
        float_inputs=real_input(task, test.features),
        float_outputs=outputs,
    )
    value = judged.int8_metrics[task.acceptance.metric]
    carried = ("macs", "history", "sides", "group_kind", "licence", "source", "dataset_digest", "notes")
    return TrainedModel(
        tflite=tflite,
        decision=judged.decision,
        seed=facts["seed"],
        n_parameters=facts["n_parameters"],
        float_metrics=judged.float_metrics,
        int8_metrics=judged.int8_metrics,
        synthetic=facts["synthetic"],
        dataset=facts["dataset"],
        details={
            **judged.details,
            **{name: facts[name] for name in carried},
            "acceptance": {**asdict(task.acceptance), "met": bool(value >= task.acceptance.at_least)},
        },
    )


def _packed(name: str, examples: Examples) -> dict[str, npt.NDArray[np.generic]]:
    return {
        f"{name}_features": examples.features,
        f"{name}_classes": examples.classes,
        f"{name}_groups": np.array(examples.groups, dtype=np.str_),
    }


def _unpacked(name: str, kept: Mapping[str, npt.NDArray[np.generic]]) -> Examples:
    return Examples(
        features=kept[f"{name}_features"].astype(np.int16),
        classes=kept[f"{name}_classes"].astype(np.int64),
        groups=tuple(str(group) for group in kept[f"{name}_groups"].tolist()),
    )


def _rows(inputs: npt.NDArray[np.float32], shape: tuple[int, ...]) -> npt.NDArray[np.float32]:
    return inputs.reshape(len(inputs), *shape)


def _representative(task: Task, real: npt.NDArray[np.float32], seed: int) -> npt.NDArray[np.float32]:
    """Inputs that set the INT8 ranges.

    An anomaly detector must see what is louder than anything it was trained on: two rows reach 4 octaves of energy
    beyond the training data, so that faults are not clipped away at the model's input.
    """
    rng = np.random.default_rng([seed, 5])
    chosen = real[rng.permutation(len(real))[:_REPRESENTATIVE]]
    if task.decision != "reconstruction":
        span = quantize.input_range(task.features)
        if span is not None:
            ends = np.array(span, np.float32)
            rows = np.broadcast_to(ends.reshape(2, *[1] * (real.ndim - 1)), (2, *real.shape[1:]))
            return np.concatenate([chosen, rows])
        return chosen
    margin = np.float32(256 * task.features.feature_scale)
    beyond = np.stack([real.max(axis=0) + margin, real.min(axis=0) - margin])
    return np.concatenate([chosen, beyond])


def _side_facts(split: Split) -> dict[str, object]:
    sides = {"train": split.train, "validation": split.validation, "test": split.test}
    return {
        name: {
            "recordings": len(side),
            "groups": len({r.group for r in side}),
            "labels": dict(sorted(Counter(r.label for r in side).items())),
        }
        for name, side in sides.items()
    }
