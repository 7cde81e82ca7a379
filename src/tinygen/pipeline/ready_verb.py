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
        said = ", ".join(f"{key} {value:.4f}" for key, value in sorted(card.metrics.items()))
        rows.append((name, card.title, card.use, card.licence, said))
    return Report(
        kind="ready",
        subject={},
        tables=(Table(title="ready models", columns=("task", "model", "use", "licence", "judged"), rows=tuple(rows)),),
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
        ("title", card.title), ("use", card.use), ("labels", ", ".join(shipped.task.labels)),
        ("licence", card.licence), *(("attribution", text) for text in card.attribution),
        *(("learned from", text) for text in card.learned_from), *(("limit", text) for text in card.limits),
        ("judged", card.judged), ("made with", card.made_with), ("command", card.command),
    ]  # fmt: skip
    return Report(
        kind="ready",
        subject={"task": task, "sha256": card.sha256[:16]},
        measurements=(
            Measurement(name="tflite_bytes", value=len(shipped.model.tflite), unit="bytes", origin="counted"),
            Measurement(name="parameters", value=shipped.model.n_parameters, unit="count", origin="counted"),
            *(
                Measurement(
                    name=key.replace(" ", "_"), value=value, unit="ratio",
                    origin="measured-in-tflm-interpreter" if key.startswith("int8") else "measured-in-keras",
                    note=f"seed {card.seed}",
                )
                for key, value in sorted(card.metrics.items())
            ),
        ),
        tables=(Table(title="card", columns=("what", "value"), rows=tuple(facts)),),
        details={"card": card.model_dump()},
    )  # fmt: skip


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
        title=words.title,
        use=words.use,
        licence=words.licence,
        attribution=list(words.attribution),
        learned_from=[f"{dataset.name} ({licence}), digest {dataset.digest[:16]}"],
        limits=list(words.limits),
        command=words.command,
        judged=f"on {apart} that it did not learn from, kept apart by {dataset.group_kind}",
        metrics={
            **{f"int8 {name}": round(value, 4) for name, value in model.int8_metrics.items()},
            **{f"float {name}": round(value, 4) for name, value in model.float_metrics.items()},
        },
        signal_mean=mean,
        signal_spread=spread,
        made_with=ready.made_with(),
        seed=model.seed,
        sha256=digest_bytes(model.tflite),
    )
    details = {**model.details, "licence": licence, "source": dataset.name}
    ready.write(folder, card, task, replace(model, details=details))
    return Report(
        kind="ready",
        subject={"task": task.name, "folder": str(folder), "sha256": card.sha256[:16]},
        measurements=(
            Measurement(name="int8_metric", value=round(value, 4), unit="ratio", origin="measured-in-tflm-interpreter"),
        ),
        notes=(f"to ship it: src/tinygen/ready/{task.name}/",),
    )
