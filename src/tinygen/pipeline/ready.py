"""Ready models: trained here from licence-clear data and shipped, so that a board does something useful in minutes.

A ready model lies in `src/tinygen/ready/<task>/`: model.tflite, kit.json (task and decision, as training gives
them) and card.toml (what it is for, what it learned from, how good it is, whose data that was). No recording is
shipped: vectors for a proof are made from the card's statistics of the signal.
"""

from __future__ import annotations

import json
import tomllib
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError

from tinygen import __version__
from tinygen.core.canonical import digest, digest_bytes, pretty_json
from tinygen.core.errors import ExitCode, TinygenError, bad_input, did_you_mean
from tinygen.core.files import building_directory, write_atomic
from tinygen.core.resources import source_dir
from tinygen.datasets.layout import quoted
from tinygen.datasets.signal import to_int16
from tinygen.datasets.values import Recording
from tinygen.features.spec import samples_per_inference
from tinygen.tasks.registry import TASKS
from tinygen.tasks.spec import Task
from tinygen.training.values import TrainedModel

MODEL, KIT, CARD = "model.tflite", "kit.json", "card.toml"
_TASK = TypeAdapter(Task)
_TRAINED = TypeAdapter(TrainedModel)
_SIGNALS = 60


class Card(BaseModel):
    """What a ready model says about itself.

    Attributes:
        title, use: one line each: what it is; what must be delivered to it (sensor, units, rate).
        licence: of the model. attribution: of the data it learned from, as their licences ask.
        learned_from: data sets with licence and digest. limits: what it cannot be expected to do.
        command: makes it again. judged: how the metrics came about.
        metrics: ratios by name ("int8 accuracy").
        signal_mean, signal_spread: per channel of what it learned from, in int16 steps.
        sha256: of model.tflite.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    title: str
    use: str
    licence: str
    attribution: list[str]
    learned_from: list[str]
    limits: list[str]
    command: str
    judged: str
    metrics: dict[str, float]
    signal_mean: list[float]
    signal_spread: list[float]
    made_with: str
    seed: int
    sha256: str


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Ready:
    """A shipped model with its task."""

    folder: Path
    card: Card
    task: Task
    model: TrainedModel

    @property
    def key(self) -> str:
        """What identifies it: later steps are keyed by it."""
        return digest({"ready": digest_bytes(self.model.tflite), "task": json.loads(_TASK.dump_json(self.task))})

    def signals(self) -> tuple[Recording, ...]:
        """Made-up signals of the kind it learned from, for vectors: no recording of anybody is shipped."""
        return tuple(_signal(self, number) for number in range(_SIGNALS))


def names() -> tuple[str, ...]:
    """The tasks that have a ready model."""
    return tuple(kind.name for kind in TASKS if (source_dir("ready") / kind.name / CARD).is_file())


def load(task: str) -> Ready:
    """The ready model of a task.

    Raises:
        TinygenError: there is none; the installation is damaged.
    """
    if task not in names():
        raise bad_input(
            f"there is no ready model for '{task}'", hint=did_you_mean(task, names()) + "; or --model train"
        )
    return read(source_dir("ready") / task)


def read(folder: Path) -> Ready:
    """A ready model from its folder.

    Raises:
        TinygenError: a file is missing, damaged, or belongs to another model.
    """
    try:
        card = Card.model_validate(tomllib.loads((folder / CARD).read_text(encoding="utf-8")))
        tflite = (folder / MODEL).read_bytes()
        kit = json.loads((folder / KIT).read_text(encoding="utf-8"))
        task = _TASK.validate_python(kit["task"])
        model = _TRAINED.validate_python({**kit["trained"], "tflite": tflite})
    except (OSError, ValueError, KeyError, TypeError, ValidationError) as error:
        raise TinygenError(
            ExitCode.OUR_BUG, f"the ready model cannot be read: {error}", where=folder.name, hint="reinstall tinygen"
        ) from error
    if digest_bytes(tflite) != card.sha256:
        raise TinygenError(
            ExitCode.OUR_BUG, "the ready model is not the one its card names", where=folder.name, hint="reinstall"
        )
    return Ready(folder=folder, card=card, task=task, model=model)


def _signal(ready: Ready, number: int) -> Recording:
    """Noise of changing strength and colour, as loud as what was learned from; one in six is nearly still."""
    rng = np.random.default_rng([2026, number])
    spec = ready.task.features
    n = samples_per_inference(spec)
    channels = spec.n_channels
    spectrum = np.fft.rfft(rng.normal(size=(2 * n, channels)), axis=0)
    at = np.arange(spectrum.shape[0]) + 1.0
    colour = at ** -rng.uniform(0.0, 1.5)
    colour *= 1.0 / (1.0 + (at / (spectrum.shape[0] * 10 ** rng.uniform(-2.0, 0.0))) ** 4)
    wave = np.fft.irfft(spectrum * colour[:, None], axis=0)[:n]
    wave /= np.std(wave, axis=0) + 1e-9
    knots = np.abs(rng.normal(size=(7, channels)))
    envelope = np.stack([np.interp(np.arange(n), np.linspace(0, n, 7), knots[:, c]) for c in range(channels)], axis=1)
    strength = 0.03 if number % 6 == 5 else 2.0 ** rng.uniform(-1.5, 1.5)
    spread = np.resize(np.array(ready.card.signal_spread), channels)
    mean = np.resize(np.array(ready.card.signal_mean), channels)
    label = ready.task.labels[number % len(ready.task.labels)]
    return Recording(
        signal=to_int16(mean + wave * envelope * spread * strength),
        rate_hz=spec.rate_hz,
        label=label,
        group="made-up",
        name=f"made-up-{number:02d}",
    )


def card_toml(card: Card) -> str:
    """The file `read` reads."""
    lines = ["# What this model is for, what it learned from, and how good it is."]
    for key, value in card.model_dump().items():
        if isinstance(value, dict):
            continue
        if isinstance(value, list) and value and isinstance(value[0], str):
            lines += [f"{key} = [", *(f"  {quoted(item)}," for item in value), "]"]
        else:
            lines.append(f"{key} = {quoted(value) if isinstance(value, str) else value}")
    lines += ["", "[metrics]", *(f"{quoted(key)} = {value}" for key, value in sorted(card.metrics.items()))]
    return "\n".join(lines) + "\n"


def write(folder: Path, card: Card, task: Task, model: TrainedModel) -> None:
    """Put a model with its card into a folder that `read` reads.

    Raises:
        TinygenError: it cannot be written.
    """
    details = {key: value for key, value in model.details.items() if key in _KEPT}
    facts: dict[str, Any] = json.loads(_TRAINED.dump_json(model, exclude={"tflite"}))
    kit = {"task": json.loads(_TASK.dump_json(task)), "trained": {**facts, "details": details}}
    with building_directory(folder) as temporary:
        write_atomic(temporary / MODEL, model.tflite)
        write_atomic(temporary / KIT, pretty_json(kit).encode())
        write_atomic(temporary / CARD, card_toml(card).encode())
    read(folder)


_KEPT = (
    "labels", "confusion_int8", "confusion_float", "sides", "group_kind", "licence", "source", "dataset_digest",
    "notes", "float_and_int8_agree", "acceptance", "macs",
)  # fmt: skip


def statistics(recordings: tuple[Recording, ...]) -> tuple[list[float], list[float]]:
    """(mean, spread) per channel over recordings, in int16 steps: what the card keeps of the signal."""
    means = np.mean([r.signal.astype(np.float64).mean(axis=0) for r in recordings], axis=0)
    spreads = np.sqrt(np.mean([r.signal.astype(np.float64).var(axis=0) for r in recordings], axis=0))
    rounded = partial(round, ndigits=1)
    return [rounded(float(v)) for v in means], [rounded(float(v)) for v in spreads]


def made_with() -> str:
    """The version that made a model."""
    return f"tinygen {__version__}"
