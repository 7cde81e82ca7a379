"""The steps verbs stand on, each keyed by the digest of everything that goes in."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import numpy as np
from pydantic import TypeAdapter

from tinygen import __version__
from tinygen.core.canonical import digest, digest_bytes, digest_file, digest_tree, pretty_json
from tinygen.core.errors import TinygenError, bad_input
from tinygen.core.files import write_atomic
from tinygen.core.resources import resource_dir, source_dir
from tinygen.core.store import StepResult
from tinygen.datasets.load import load_dataset
from tinygen.datasets.registry import generator_version
from tinygen.datasets.values import Dataset, Recording
from tinygen.pipeline import ready
from tinygen.pipeline.context import Context
from tinygen.pipeline.prepared import prepared
from tinygen.tasks.spec import Task
from tinygen.training.values import TrainedModel
from tinygen.verify.bundle import load

_TASK = TypeAdapter(Task)
_TRAINED = TypeAdapter(TrainedModel)
_MAX_HELDOUT = 400


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Converted:
    """A finished model with what later steps need of its task: nothing here needs TensorFlow or the recordings.

    Attributes:
        heldout: recordings of the test side, for vectors.
        note: what people must know about it, "" for nothing.
    """

    task: Task
    model: TrainedModel
    heldout: tuple[Recording, ...]
    key: str
    path: Path
    reused: bool
    note: str = ""


def package_version(name: str) -> str:
    """The installed version of a distribution, or "none"."""
    try:
        return version(name)
    except PackageNotFoundError:
        return "none"


def data_key(data: Path | None) -> str:
    """What identifies the recordings: the bytes of the user's files, or the code of the built-in generators.

    Raises:
        TinygenError: no such path.
    """
    if data is None:
        return digest_tree([source_dir("datasets"), resource_dir("datasets")])
    if not data.exists():
        raise bad_input(
            "no such file or folder", where=str(data), hint="--data takes a folder of recordings or one file"
        )
    # Everything a reader may follow counts: hidden files and links too.
    files = (
        [data]
        if data.is_file()
        else sorted(Path(top) / name for top, _, names in os.walk(data, followlinks=True) for name in names)
    )
    return digest([[file.relative_to(data).as_posix(), digest_file(file)] for file in files if file.is_file()])


def dataset_of(ctx: Context) -> Dataset:
    """The recordings of the configuration.

    Raises:
        TinygenError: missing, broken or unusable recordings.
    """
    config = ctx.config
    return load_dataset(config.task, config.data, ctx.cache_dir / "datasets", config.seed, ctx.progress)


def trained(ctx: Context) -> StepResult:
    """The folder with the trained, not yet quantised network and the held-out recordings.

    Raises:
        TinygenError: unusable recordings, TensorFlow missing.
    """
    config = ctx.config

    def make(folder: Path) -> None:
        from tinygen.training.run import fit_task

        material = prepared(config, dataset_of(ctx))
        fit_task(
            material.task,
            material.dataset,
            material.sides,
            seed=config.seed,
            folder=folder,
            cache=ctx.cache_dir / "features",
            epochs=config.epochs,
            progress=ctx.progress,
        )
        write_atomic(folder / "task.json", _TASK.dump_json(material.task, indent=2))
        save_recordings(folder / "heldout.npz", material.heldout)

    return ctx.store.step("train", train_inputs(ctx), make)


def train_inputs(ctx: Context) -> dict[str, object]:
    """Everything that determines what `trained` gives.

    Raises:
        TinygenError: no such path, no speech engine.
    """
    config = ctx.config
    rooms = [source_dir(room) for room in ("core", "datasets", "features", "tasks", "training")]
    return {
        "tinygen": __version__,
        "code": digest_tree([*rooms, source_dir("pipeline") / "prepared.py"], suffixes=(".py",)),
        "packages": {name: package_version(name) for name in ("tensorflow", "keras", "numpy", "soundfile")},
        "generator": generator_version(config.task) if config.data is None else "",
        "task": config.task,
        "data": data_key(config.data),
        "seed": config.seed,
        "epochs": config.epochs,
        "features": dict(config.features),
        "training": None if config.training is None else asdict(config.training),
        "open_set": [config.made_none, config.false_accepts] if config.task == "gesture" else None,
    }


def converted(ctx: Context) -> Converted:
    """The INT8 model, judged on the test side in TFLM's interpreter; or the task's ready model, as `ready_model` says.

    Raises:
        TinygenError: as `ready_model` and `trained`; the conversion failed or left operators that are not INT8.
    """
    if ctx.kit is not None:
        return from_kit(ctx.kit)
    shipped = ready_model(ctx)
    if shipped is not None:
        return from_ready(shipped)
    before = trained(ctx)

    def make(folder: Path) -> None:
        from tinygen.training.run import convert_task

        task = _TASK.validate_json((before.path / "task.json").read_bytes())
        model = convert_task(task, before.path, ctx.progress)
        write_atomic(folder / "model.tflite", model.tflite)
        facts = json.loads(_TRAINED.dump_json(model, exclude={"tflite"}))
        write_atomic(folder / "trained.json", pretty_json(facts).encode())

    rooms = [source_dir(room) for room in ("core", "features", "model", "tasks", "training")]
    inputs = {
        "train": before.key,
        "code": digest_tree(rooms, suffixes=(".py",)),
        "packages": {name: package_version(name) for name in ("tensorflow", "tflite-micro", "numpy")},
    }
    result = ctx.store.step("convert", inputs, make)
    facts = json.loads((result.path / "trained.json").read_text())
    tflite = (result.path / "model.tflite").read_bytes()
    return Converted(
        task=_TASK.validate_json((before.path / "task.json").read_bytes()),
        model=_TRAINED.validate_python({**facts, "tflite": tflite}),
        heldout=load_recordings(before.path / "heldout.npz"),
        key=result.key,
        path=result.path,
        reused=result.reused,
    )


def ready_model(ctx: Context) -> ready.Ready | None:
    """The shipped model of the task, where that is what the user wants.

    `--model ready` always takes it and `--model train` never. When nothing is said, it is taken by verbs that do not
    train themselves, where neither recordings nor epochs are given and nothing was trained with this configuration yet.

    Raises:
        TinygenError: `--model ready` for a task without one, or together with recordings or epochs.
    """
    config = ctx.config
    own = [f"--{name}" for name in ("data", "epochs") if getattr(config, name) is not None]
    own += ["[features]"] if config.features else []
    if config.model == "ready":
        if own:
            raise bad_input(f"a ready model takes no {' and '.join(own)}", where="--model", hint="use --model train")
        return ready.load(config.task)
    if config.model == "train" or ctx.trains or own or config.task not in ready.names():
        return None
    return None if _is_trained(ctx) else ready.load(config.task)


def _is_trained(ctx: Context) -> bool:
    try:
        return ctx.store.has("train", train_inputs(ctx))
    except TinygenError:  # no speech engine here: then nothing was trained with one
        return False


def from_ready(shipped: ready.Ready) -> Converted:
    """A shipped model as later steps take it: no TensorFlow, no recordings."""
    return Converted(
        task=shipped.task,
        model=shipped.model,
        heldout=shipped.signals(),
        key=shipped.key,
        path=shipped.folder,
        reused=True,
        note=f"ready model: {shipped.card.said}; --model train trains your own",
    )


def kit_files(made: Converted) -> dict[str, bytes]:
    """What another machine needs to build the same image without TensorFlow, recordings or oracle."""
    return {
        "model.tflite": made.model.tflite,
        "task.json": _TASK.dump_json(made.task),
        "trained.json": _TRAINED.dump_json(made.model, exclude={"tflite"}),
    }


def from_kit(path: Path) -> Converted:
    """The model of exported vectors.

    Raises:
        TinygenError: the file is damaged, or holds vectors only.
    """
    bundle = load(path)
    try:
        facts = json.loads(bundle.files["trained.json"])
        task = _TASK.validate_json(bundle.files["task.json"])
        model = _TRAINED.validate_python({**facts, "tflite": bundle.files["model.tflite"]})
    except (KeyError, ValueError) as error:
        raise bad_input(
            f"holds no whole model ({type(error).__name__})",
            where=str(path),
            hint="make it with: tinygen verify --export-vectors FILE",
        ) from error
    if digest_bytes(model.tflite) != bundle.model_digest:
        raise bad_input("its vectors belong to another model than the one it holds", where=str(path))
    return Converted(task=task, model=model, heldout=(), key=bundle.model_digest, path=path, reused=True)


def save_recordings(path: Path, recordings: Iterable[Recording]) -> None:
    """Keep up to 400 recordings, spread evenly over the given ones, in one .npz without pickled objects."""
    every = list(recordings)
    picks = every
    if len(every) > _MAX_HELDOUT:
        picks = [every[round(i)] for i in np.linspace(0, len(every) - 1, _MAX_HELDOUT)]
    facts = [
        {"label": r.label, "group": r.group, "name": r.name, "rate_hz": r.rate_hz, "length": int(r.signal.shape[0])}
        for r in picks
    ]
    with path.open("wb") as file:
        np.savez_compressed(
            file,
            signal=np.concatenate([r.signal for r in picks]),
            facts=np.frombuffer(json.dumps(facts).encode(), dtype=np.uint8),
        )


def load_recordings(path: Path) -> tuple[Recording, ...]:
    """What `save_recordings` wrote."""
    with np.load(path) as archive:
        signal = archive["signal"]
        facts = json.loads(archive["facts"].tobytes())
    found, start = [], 0
    for fact in facts:
        length = fact.pop("length")
        found.append(Recording(signal=signal[start : start + length], **fact))
        start += length
    return tuple(found)
