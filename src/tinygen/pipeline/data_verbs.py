"""The verbs below `datasets`: list, show, fetch, import, check."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from tinygen.core.errors import TinygenError, bad_input, did_you_mean
from tinygen.core.values import Report
from tinygen.datasets.adapt import USUAL_RATE_HZ
from tinygen.datasets.fetching import fetch_dataset
from tinygen.datasets.importing.request import Rules
from tinygen.datasets.importing.run import holds_audio, import_data
from tinygen.datasets.inspect import inspect
from tinygen.datasets.layout import Facts, write_layout
from tinygen.datasets.leaks import find_leaks, near_duplicates, same_content
from tinygen.datasets.manifest import find_manifest, load_manifests
from tinygen.datasets.split import divide, split
from tinygen.datasets.synth import spoken
from tinygen.datasets.synth.kws import NOISE_KINDS, noise
from tinygen.datasets.values import Recording, Split
from tinygen.pipeline import data_views, steps
from tinygen.pipeline.context import Context


def listed() -> Report:
    """Every data set that is known by name."""
    return data_views.manifests(list(load_manifests().values()))


def show(ctx: Context, name: str | None) -> Report:
    """What the manifest `name` says, or without a name what the task's (or --data's) set holds.

    Raises:
        TinygenError: no such data set; unusable recordings; a split that leaks.
    """
    if name is not None:
        return data_views.manifest(find_manifest(name))
    dataset = steps.dataset_of(ctx)
    return data_views.dataset(dataset, split(dataset, ctx.config.seed))


def check(ctx: Context) -> Report:
    """Whether a data set can be trained on and believed: does its split leak, is it balanced, loud, clipped, doubled.

    Raises:
        TinygenError: unreadable recordings.
    """
    dataset = steps.dataset_of(ctx)
    problem = ""
    sides = Split(train=(), validation=(), test=())
    try:
        sides = divide(dataset, ctx.config.seed)
    except TinygenError as error:
        problem = f"{error.message}; {error.hint}" if error.hint else error.message
    ctx.progress("looking for copies", 0, 2)
    same = same_content(dataset.recordings)
    ctx.progress("looking for copies", 1, 2)
    near = () if dataset.synthetic else near_duplicates(dataset.recordings)  # a generator may make them alike
    ctx.progress("looking for copies", 2, 2)
    return data_views.check(
        dataset, sides, problem, leaks=find_leaks(sides, dataset.group_kind), copies=(*same, *near),
        found=inspect(dataset.recordings),
    )  # fmt: skip


def fetch(ctx: Context, name: str, output: Path | None) -> Report:
    """Download a published set, verify it, and write it as a folder for --data.

    Raises:
        TinygenError: no such set, no connection, other bytes than published, or the folder is not empty.
    """
    manifest = find_manifest(name)
    folder = output or Path("data") / manifest.name
    got = fetch_dataset(manifest, folder, ctx.cache_dir / "downloads", ctx.progress)
    return data_views.fetched(manifest, got)


def import_(ctx: Context, source: Path, output: Path, facts: Facts, rules: Rules) -> Report:
    """Write recordings of another form as a folder for --data.

    Raises:
        TinygenError: no such task; nothing readable; the folder is not empty.
    """
    if ctx.config.task_by_default and holds_audio(source, rules):
        facts = replace(facts, task="kws")
    if facts.task not in USUAL_RATE_HZ:
        raise bad_input(f"there is no task '{facts.task}'", hint=did_you_mean(facts.task, USUAL_RATE_HZ))
    return data_views.imported(import_data(source, output, facts, rules, ctx.progress), facts)


def synth(ctx: Context, output: Path, wanted: spoken.WordList) -> Report:
    """Speak a word list with the engines installed and write it as a folder for --data.

    Raises:
        TinygenError: as `spoken.check`; an engine failed; the folder is not empty.
    """
    spoken.check(wanted)
    facts = Facts(
        name=output.name,
        task="kws",
        title=f"{len(wanted.words)} words in {', '.join(wanted.languages)}, spoken by {', '.join(wanted.engines)}",
        licence="MIT",
        source="tinygen datasets synth",
        group_kind="speaker",
        units="int16 audio, 32768 = full scale, 16 kHz",
        synthetic=True,
        notes=(f"seed {wanted.seed}; a speaker is a voice of an engine, not a person",),
    )
    rng = np.random.default_rng([wanted.seed, 63])
    noises = [
        Recording(signal=noise(kind, rng, 4 * 16000), rate_hz=16000, label="_noise_", group=kind, name=kind)
        for kind in NOISE_KINDS
    ]
    written = write_layout(output, facts, spoken.recordings(wanted, ctx.progress), noises=noises)
    return data_views.imported(written, facts, "synth", spoken.absent())
