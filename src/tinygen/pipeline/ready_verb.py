"""The verb `ready`: list the shipped models, show one, make one."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from tinygen.core.canonical import digest_bytes
from tinygen.core.errors import bad_input
from tinygen.core.values import Measurement, Report, Table
from tinygen.datasets.split import split
from tinygen.pipeline import ready, steps
from tinygen.pipeline.context import Context

_NO_LICENCE = ("not stated", "none stated", "")


@dataclass(frozen=True, slots=True, kw_only=True)
class Words:
    """What a card says that no measurement can."""

    title: str
    use: str
    licence: str
    attribution: tuple[str, ...]
    limits: tuple[str, ...]
    data_licence: str
    command: str


def listed() -> Report:
    """The ready models there are."""
    rows = []
    for name in ready.names():
        card = ready.load(name).card
        said = ", ".join(f"{key} {figure.value:.4g}" for key, figure in sorted(card.figures.items()) if "int8" in key)
        rows.append((name, card.said, card.licence, said))
    return Report(
        kind="ready",
        subject={},
        tables=(Table(title="ready models", columns=("task", "model", "licence", "figures"), rows=tuple(rows)),),
        notes=("tinygen flash --task TASK --board BOARD takes one as long as you have trained none of your own",),
        details={"ready": list(ready.names())},
    )


def show(task: str) -> Report:
    """One card, whole.

    Raises:
        TinygenError: no ready model for this task.
    """
    shipped = ready.load(task)
    card = shipped.card
    facts = [
        ("title", card.title), ("use", card.use), ("labels", ", ".join(card.labels)), ("licence", card.licence),
        ("attribution", card.attribution), *(("learned from", f"{d.name} ({d.licence})") for d in card.data),
        *(("limit", text) for text in card.limits), ("judged", card.judged), ("command", card.command),
    ]  # fmt: skip
    return Report(
        kind="ready",
        subject={"task": task, "sha256": card.model_sha256[:16]},
        measurements=(
            Measurement(name="tflite_bytes", value=card.model_bytes, unit="bytes", origin="counted"),
            Measurement(name="parameters", value=card.parameters, unit="count", origin="counted"),
            *(
                Measurement(name=name, value=f.value, unit=f.unit, origin=f.origin, note=f"seed {card.seed}")
                for name, f in sorted(card.figures.items())
            ),
        ),
        tables=(Table(title="card", columns=("what", "value"), rows=tuple(fact for fact in facts if fact[1])),),
        details={"card": card.model_dump()},
    )


def make(ctx: Context, folder: Path, words: Words) -> Report:
    """Train, convert, and put the model with its card into a folder, as it ships.

    Raises:
        TinygenError: as `steps.converted`; the data states no licence; the folder exists; the model misses its
            task's acceptance.
    """
    if folder.exists():
        raise bad_input("exists already", where=str(folder), hint="name a new folder with -o")
    dataset = steps.dataset_of(ctx)
    licence = words.data_licence or dataset.licence
    if licence in _NO_LICENCE:
        raise bad_input(
            f"'{dataset.name}' states no licence", where="--data-licence",
            hint="a model that ships learns from licence-clear data only",
        )  # fmt: skip
    made = steps.converted(replace(ctx, trains=True, config=replace(ctx.config, model="train")))
    model = made.model
    task = made.task
    value = model.int8_metrics[task.acceptance.metric]
    if value < task.acceptance.at_least:
        raise bad_input(f"INT8 {task.acceptance.metric} is {value:.3f}, at least {task.acceptance.at_least:g} is asked")
    sides = split(dataset, ctx.config.seed)
    mean, spread = ready.statistics(sides.train)
    apart = f"{len(sides.test)} recordings"
    if dataset.group_kind != "recording":
        apart += f" of {len({r.group for r in sides.test})} {dataset.group_kind}s"
    card = ready.Card(
        task=task.name,
        labels=list(task.labels),
        title=words.title,
        use=words.use,
        licence=words.licence,
        attribution="; ".join(words.attribution),
        limits=list(words.limits),
        command=words.command,
        judged=f"on {apart} that it did not learn from, kept apart by {dataset.group_kind}",
        data=[ready.Data.model_validate({"name": dataset.name, "licence": licence, "digest": dataset.digest})],
        figures={
            f"{form}_{name}": ready.Figure(value=round(value, 4), unit="ratio", origin=origin)
            for form, metrics, origin in (
                ("int8", model.int8_metrics, "measured-in-tflm-interpreter"),
                ("float", model.float_metrics, "measured-in-keras"),
            )
            for name, value in metrics.items()
        },
        threshold=model.decision.threshold,
        signal_mean=mean,
        signal_spread=spread,
        seed=model.seed,
        parameters=model.n_parameters,
        model_sha256=digest_bytes(model.tflite),
        model_bytes=len(model.tflite),
    )
    ready.write(folder, card, task, model.tflite)
    return Report(
        kind="ready",
        subject={"task": task.name, "folder": str(folder), "sha256": card.model_sha256[:16]},
        measurements=(
            Measurement(name="int8_metric", value=round(value, 4), unit="ratio", origin="measured-in-tflm-interpreter"),
        ),
        notes=(f"to ship it: src/tinygen/ready/{task.name}/",),
    )
