"""The verb `datasets preview`: what a recipe of augmentation does, written as audio and as a page."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from tinygen.core.canonical import digest
from tinygen.core.errors import bad_input
from tinygen.core.files import building_directory, write_atomic
from tinygen.core.values import Measurement, Report, Table
from tinygen.datasets.adapt import USUAL_RATE_HZ
from tinygen.datasets.assemble import UNLABELLED
from tinygen.datasets.augment import chain
from tinygen.datasets.values import Int16, Recording
from tinygen.features.spec import LogMelSpec
from tinygen.pipeline import preview_rows, steps
from tinygen.pipeline.context import Context
from tinygen.report import listen
from tinygen.report.previewed import Example, Take, page
from tinygen.tasks.registry import make_task

_LONGEST_S = 4.0
_MARK = "preview.html"


def recipes() -> Report:
    """The presets and the kinds of steps there are."""
    presets = tuple(
        (
            r.name,
            ", ".join(step.kind for step in r.steps),
            ", ".join(t for t, usual in chain.USUAL.items() if usual is r),
        )
        for r in chain.PRESETS
    )
    kinds = [(kind.name, kind.says, _numbers(kind.usual)) for kind in chain.KINDS]
    kinds.append((chain.NOISE, "a background recording at a ratio", _numbers(chain.usual_values(chain.NOISE))))
    return Report(
        kind="recipes",
        subject={},
        tables=(
            Table(title="recipes", columns=("name", "steps", "usual for"), rows=presets),
            Table(title="steps for your own recipe", columns=("kind", "what it does", "numbers"), rows=tuple(kinds)),
        ),
        notes=('a recipe of your own: a TOML file with tables [[step]]: kind = "speed", share = 0.6, low = 0.9, ...',),
        details={"recipes": list(chain.PRESETS)},
    )


def preview(
    ctx: Context, recipe_name: str | None, output: Path | None, *, per_class: int, variations: int, alone: bool
) -> Report:
    """Write some recordings, their variations, and a page of both.

    Args:
        ctx: names task, data and seed; the seed decides what is chosen and what is drawn.
        recipe_name: a preset or a TOML file; None takes the task's usual one.
        output: folder for page and audio; default preview-TASK in the build folder.
        per_class: recordings of each class. variations: of each recording.
        alone: also show each step of the recipe by itself.

    Raises:
        TinygenError: unusable recordings; a recipe that is none; a folder that holds something else.
    """
    recipe = chain.USUAL[ctx.config.task] if recipe_name is None else chain.find_recipe(recipe_name)
    folder = output or ctx.config.build_dir / f"preview-{ctx.config.task}"
    if folder.exists() and (not folder.is_dir() or (any(folder.iterdir()) and not (folder / _MARK).is_file())):
        raise bad_input("is not empty and no preview", where=str(folder), hint="name a new folder with -o")
    dataset = steps.dataset_of(ctx)
    chosen = _chosen(dataset.recordings, per_class, ctx.config.seed)
    noises = [noise.signal for noise in dataset.noises]
    first = ctx.config.seed
    examples = [
        _example(r, recipe, noises, seed=first + 1000 * i, variations=variations, alone=alone)
        for i, r in enumerate(chosen)
    ]
    said = [f"{dataset.name}, recipe {recipe.name}, seed {ctx.config.seed}: the same seed gives the same variations"]
    if any(step.kind == chain.NOISE for step in recipe.steps):
        said.append(f"{len(noises)} background recordings" if noises else
                    "no background recordings: the step noise does nothing")  # fmt: skip
    spec = make_task(ctx.config.task, dataset, ctx.config.features).features
    if isinstance(spec, LogMelSpec):
        background = preview_rows.noise_rows(spec, noises)
        examples = [
            replace(example, rows=preview_rows.rows_of(spec, example.takes[0].signal, background,
                                                       variations=variations, seed=first + 1000 * i))
            for i, example in enumerate(examples)
        ]  # fmt: skip
        said.append(f"training in stages varies features, not samples: {preview_rows.numbers()}")
    rows = tuple((s.kind, _says(s.kind), f"{s.share:g}", _numbers({**chain.usual_values(s.kind), **s.values}))
                 for s in recipe.steps)  # fmt: skip
    files = 0
    with building_directory(folder) as temporary:
        for number, example in enumerate(examples):
            for take in example.takes:
                name = f"{number:02d}-{take.name.replace(' ', '-')}.wav"
                write_atomic(temporary / "audio" / name, listen.wav(take.signal, example.rate_hz))
                files += 1
            for fed in example.rows:
                name = f"{number:02d}-{fed.name.replace(' ', '-')}.png"
                write_atomic(temporary / "features" / name, fed.picture)
        write_atomic(temporary / _MARK, page(f"Augmentation of {ctx.config.task}", said, rows, examples))
    return Report(
        kind="datasets preview",
        subject={"task": ctx.config.task, "recipe": recipe.name, "digest": digest(recipe)[:16], "folder": str(folder)},
        measurements=(
            Measurement(name="recordings", value=len(examples), unit="count", origin="counted"),
            Measurement(name="audio_files", value=files, unit="count", origin="counted"),
        ),
        tables=(Table(title="recipe", columns=("step", "what it does", "share", "numbers"), rows=rows),),
        notes=(*said, f"written: {folder / _MARK}"),
        details={"recipe": recipe, "seed": ctx.config.seed},
    )


def _says(kind: str) -> str:
    return next((k.says for k in chain.KINDS if k.name == kind), "a background recording at a ratio")


def _numbers(values: chain.Values) -> str:
    return ", ".join(f"{key} {value:g}" for key, value in values.items())


def _chosen(recordings: Sequence[Recording], per_class: int, seed: int) -> list[Recording]:
    rng = np.random.default_rng([seed, 17])
    found: list[Recording] = []
    for label in sorted({r.label for r in recordings} - {UNLABELLED}):
        of_class = [r for r in recordings if r.label == label]
        found += [of_class[i] for i in sorted(rng.permutation(len(of_class))[:per_class].tolist())]
    return found


def _example(
    recording: Recording, recipe: chain.Recipe, noises: Sequence[Int16], *, seed: int, variations: int, alone: bool
) -> Example:
    signal = recording.signal[: round(_LONGEST_S * recording.rate_hz)]
    takes = [Take(name="as recorded", signal=signal)]
    for number in range(variations):
        rng = np.random.default_rng([seed, number])
        takes.append(
            Take(name=f"variation {number + 1}", signal=chain.vary(recipe, signal, noises, rng, recording.rate_hz))
        )
    for number, step in enumerate(recipe.steps if alone else ()):
        single = chain.Recipe(name=step.kind, steps=(chain.Step(kind=step.kind, values=step.values),))
        rng = np.random.default_rng([seed, 100 + number])
        takes.append(Take(name=f"{step.kind} alone", signal=chain.vary(single, signal, noises, rng, recording.rate_hz)))
    title = f"{recording.label}: {recording.name} ({recording.group})"
    return Example(title=title, rate_hz=recording.rate_hz or USUAL_RATE_HZ["gesture"], takes=tuple(takes))
