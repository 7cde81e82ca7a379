"""Ready models: trained here from licence-clear data and shipped, so that a board does something useful in minutes.

A ready model lies in `src/tinygen/ready/<task>/`: model.tflite, task.json (labels, front end, decision) and card.toml
(what it is for, what it learned from, how good it is, whose data that was). No recording is shipped: vectors for a
proof are made from the card's statistics of the signal.
"""

from __future__ import annotations

import json
import tomllib
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError

from tinygen.core.canonical import digest, digest_bytes
from tinygen.core.errors import ExitCode, TinygenError, bad_input, did_you_mean
from tinygen.core.files import building_directory, write_atomic
from tinygen.core.resources import source_dir
from tinygen.datasets.layout import quoted
from tinygen.datasets.signal import to_int16
from tinygen.datasets.values import Recording
from tinygen.features.spec import samples_per_inference
from tinygen.tasks.registry import TASKS
from tinygen.tasks.spec import DecisionRule, Task
from tinygen.training.values import TrainedModel

MODEL, TASK, CARD = "model.tflite", "task.json", "card.toml"
_TASK = TypeAdapter(Task)
_SIGNALS = 60


class Figure(BaseModel):
    """A number with its unit and where it comes from."""

    model_config = ConfigDict(extra="allow", frozen=True)

    value: float
    unit: str
    origin: str


class Data(BaseModel):
    """A data set it learned from; more facts may stand beside name and licence."""

    model_config = ConfigDict(extra="allow", frozen=True)

    name: str
    licence: str


class Card(BaseModel):
    """What a ready model says about itself.

    Attributes:
        task: the folder's name. labels: as in task.json.
        title, use: one line each: what it is; what must be delivered to it (sensor, units, rate).
        licence: of the model. attribution: what the licences of the data ask for.
        threshold: what an output must exceed to raise an event of a stream, 1..254; 0: the task's own share.
        data: what it learned from. limits: what it cannot be expected to do.
        command: makes it again. judged: how the figures came about.
        signal_mean, signal_spread: per channel of what it learned from, in int16 steps; usual speech where not given.
    """

    model_config = ConfigDict(extra="allow", frozen=True)

    task: str
    labels: list[str]
    model_sha256: str
    model_bytes: int
    parameters: int
    seed: int
    command: str
    licence: str
    attribution: str
    title: str = ""
    use: str = ""
    judged: str = ""
    threshold: int = 0
    limits: list[str] = []
    signal_mean: list[float] = [0.0]
    signal_spread: list[float] = [1500.0]
    data: list[Data]
    figures: dict[str, Figure] = {}

    @property
    def said(self) -> str:
        """The model in one line."""
        return "; ".join(text for text in (self.title or f"{self.task}: {', '.join(self.labels)}", self.use) if text)


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
        return digest(
            {
                "ready": digest_bytes(self.model.tflite),
                "task": json.loads(_TASK.dump_json(self.task)),
                "threshold": self.card.threshold,
            }
        )

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
        task = _TASK.validate_json((folder / TASK).read_bytes())
    except (OSError, ValueError, ValidationError) as error:
        raise TinygenError(
            ExitCode.OUR_BUG, f"the ready model cannot be read: {error}", where=folder.name, hint="reinstall tinygen"
        ) from error
    if digest_bytes(tflite) != card.model_sha256 or list(task.labels) != card.labels or task.decision != "argmax":
        raise TinygenError(
            ExitCode.OUR_BUG, "the ready model is not the one its card names", where=folder.name, hint="reinstall"
        )
    metric = task.acceptance.metric
    found = card.figures.get(f"int8_{metric}")
    model = TrainedModel(
        tflite=tflite,
        decision=DecisionRule(kind="argmax", labels=task.labels, threshold=card.threshold),
        seed=card.seed,
        n_parameters=card.parameters,
        float_metrics={},
        int8_metrics={} if found is None else {metric: found.value},
        synthetic=False,
        dataset=", ".join(one.name for one in card.data),
        details={"licence": "; ".join(one.licence for one in card.data), "source": card.attribution, "seed": card.seed},
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
    values = card.model_dump()
    for key, value in values.items():
        if key not in ("data", "figures") and value not in ("", []):
            lines += _toml(key, value)
    for one in values["data"]:
        lines += ["", "[[data]]", *(line for key, value in one.items() for line in _toml(key, value))]
    lines += ["", "[figures]"]
    for name, figure in sorted(card.figures.items()):
        lines.append(
            f"{name} = {{ value = {figure.value}, unit = {quoted(figure.unit)}, origin = {quoted(figure.origin)} }}"
        )
    return "\n".join(lines) + "\n"


def _toml(key: str, value: object) -> list[str]:
    if isinstance(value, list) and value and isinstance(value[0], str):
        return [f"{key} = [", *(f"  {quoted(item)}," for item in value), "]"]
    return [f"{key} = {quoted(value) if isinstance(value, str) else value}"]


def write(folder: Path, card: Card, task: Task, tflite: bytes) -> None:
    """Put a model with its card into a folder that `read` reads.

    Raises:
        TinygenError: it cannot be written, or the parts do not belong together.
    """
    with building_directory(folder) as temporary:
        write_atomic(temporary / MODEL, tflite)
        write_atomic(temporary / TASK, _TASK.dump_json(task, indent=2) + b"\n")
        write_atomic(temporary / CARD, card_toml(card).encode())
        read(temporary)


def statistics(recordings: tuple[Recording, ...]) -> tuple[list[float], list[float]]:
    """(mean, spread) per channel over recordings, in int16 steps: what the card keeps of the signal."""
    means = np.mean([r.signal.astype(np.float64).mean(axis=0) for r in recordings], axis=0)
    spreads = np.sqrt(np.mean([r.signal.astype(np.float64).var(axis=0) for r in recordings], axis=0))
    rounded = partial(round, ndigits=1)
    return [rounded(float(v)) for v in means], [rounded(float(v)) for v in spreads]
