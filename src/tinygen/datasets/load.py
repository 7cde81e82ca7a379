"""One door to all data: the user's recordings, or the built-in synthetic set of a task."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from tinygen.core.errors import bad_input, did_you_mean
from tinygen.core.progress import Progress, silent
from tinygen.datasets.adapt import USUAL_RATE_HZ, adapt
from tinygen.datasets.assemble import assemble
from tinygen.datasets.layout import Facts, read_facts
from tinygen.datasets.plausible import check_plausible
from tinygen.datasets.readers.audio import SUFFIXES, audio_files, is_class_folder_tree, read_class_folders
from tinygen.datasets.readers.npz import read_npz
from tinygen.datasets.readers.raw import RawSet
from tinygen.datasets.readers.table import read_tables
from tinygen.datasets.registry import synthesize
from tinygen.datasets.values import Dataset

_PREFERRED_LAYOUTS = {
    "kws": ("generic",),
    "vibration": ("femto", "generic"),
    "gesture": ("uwave", "generic", "class arrays", "stacked classes"),
}
_KINDS = "WAV or FLAC class folders, CSV with a header, or NPZ"


def load_dataset(  # noqa: PLR0917 - the signature all rooms agreed on
    task_name: str,
    data: Path | None,
    cache: Path,
    seed: int,
    progress: Progress = silent,
    size: Literal["normal", "smoke"] = "normal",
) -> Dataset:
    """Recordings for a task.

    Args:
        task_name: "kws", "vibration" or "gesture".
        data: a file or folder with the user's recordings; None makes (or takes from the cache) the built-in set.
        cache: folder for generated sets.
        seed: of the generator; the user's recordings do not depend on it.
        progress: told how far it is.
        size: "smoke" generates a tiny set for tests.

    Raises:
        TinygenError: a missing path, unreadable, inconsistent or implausible recordings, a missing speech engine.
    """
    if task_name not in USUAL_RATE_HZ:
        raise bad_input(f"there is no task '{task_name}'", hint=did_you_mean(task_name, USUAL_RATE_HZ))
    if data is None:
        return synthesize(task_name, cache=cache, seed=seed, progress=progress, size=size)
    try:
        raw = adapt(task_name, _read(task_name, data, progress))
    except OSError as error:
        raise bad_input(f"cannot be read: {error.strerror or error}", where=str(error.filename or data)) from error
    odd = check_plausible(task_name, raw.recordings)
    licence = data / "LICENSE" if data.is_dir() else None
    facts = read_facts(data) if data.is_dir() else None
    return assemble(
        name=facts.name if facts else data.name or data.resolve().name,
        recordings=raw.recordings,
        synthetic=facts.synthetic if facts else False,
        licence=facts.licence
        if facts
        else "see its LICENSE file"
        if licence is not None and licence.is_file()
        else "not stated",
        source=facts.source if facts and facts.source else data.name or data.resolve().name,
        group_kind=raw.group_kind,
        noises=raw.noises,
        notes=(*(_said(facts) if facts else ()), *raw.notes, *odd),
    )


def _said(facts: Facts) -> tuple[str, ...]:
    """What dataset.toml wants known."""
    synthetic = ("synthetic data: figures from it say nothing about real recordings",) if facts.synthetic else ()
    return tuple(text for text in (*synthetic, facts.attribution, facts.units, *facts.notes) if text)


def _read(task_name: str, data: Path, progress: Progress) -> RawSet:
    if not data.exists():
        raise bad_input("there is no such file or folder", where=str(data), hint=f"--data takes {_KINDS}")
    prefer = _PREFERRED_LAYOUTS[task_name]
    if data.is_file():
        suffix = data.suffix.lower()
        if suffix == ".npz":
            return read_npz([data], data, prefer)
        if suffix == ".csv":
            return read_tables([data], data)
        if suffix in SUFFIXES:
            hint = f"give the folder above: <data>/<label>/{data.name}"
            raise bad_input("one recording is not a data set", where=str(data), hint=hint)
        raise bad_input(f"'{suffix or data.name}' is no format that is read", where=str(data), hint=f"use {_KINDS}")
    if is_class_folder_tree(data) or audio_files(data):
        return read_class_folders(data, progress)
    npz = sorted(data.glob("*.npz"))
    if npz:
        return read_npz(npz, data, prefer)
    tables = sorted(p for p in data.rglob("*.csv") if p.name != "index.csv")
    if tables:
        return read_tables(tables, data)
    raise bad_input("holds no recording", where=str(data), hint=f"--data takes {_KINDS}")
