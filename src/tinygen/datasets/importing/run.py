"""From a folder or file of recordings to the dataset layout."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np

from tinygen.core.errors import bad_input, did_you_mean
from tinygen.core.progress import Progress, silent
from tinygen.datasets.adapt import USUAL_RATE_HZ
from tinygen.datasets.importing import mat, motion
from tinygen.datasets.importing.request import KINDS, Naming, Rules, naming
from tinygen.datasets.layout import Facts, Written, write_layout
from tinygen.datasets.readers.audio import (
    NOISE_FOLDER,
    deep_audio_files,
    group_of,
    listed_sides,
    read_audio,
)
from tinygen.datasets.readers.npz import read_npz
from tinygen.datasets.readers.raw import UNKNOWN_RATE, RawSet, read_index
from tinygen.datasets.readers.table import read_tables
from tinygen.datasets.values import Recording

_LAYOUTS = ("generic", "femto", "uwave", "class arrays", "stacked classes")
_SILENCE_S = 1.0


def import_data(source: Path, folder: Path, facts: Facts, rules: Rules, progress: Progress = silent) -> Written:
    """Read a source and write it as a data set.

    Args:
        source: a folder or file.
        folder: the new data set.
        facts: about it; group kind and notes are filled in from what is found.
        rules: how it is understood.
        progress: told recordings.

    Raises:
        TinygenError: nothing is found, something cannot be read, or the folder is not empty.
    """
    if not source.exists():
        raise bad_input("there is no such file or folder", where=str(source))
    kind = rules.kind if rules.kind != "auto" else _kind_of(source)
    if kind not in KINDS:
        raise bad_input(f"there is no kind '{kind}'", where="--kind", hint=did_you_mean(kind, KINDS))
    named = naming(rules)
    if kind in ("audio", "speech_commands"):
        return _audio(source, folder, facts, rules=rules, named=named, progress=progress)
    raw = _read(kind, source, rules)
    group_kind = named.kind or raw.group_kind
    usual = rules.rate_hz or USUAL_RATE_HZ[facts.task]
    assumed = any(r.rate_hz == UNKNOWN_RATE for r in raw.recordings)
    notes = (*raw.notes, *((f"the files name no sampling rate: {usual} Hz is assumed",) if assumed else ()))
    made = (
        replace(r, rate_hz=r.rate_hz or usual) for one in raw.recordings if (r := named.applied(one, rules)) is not None
    )
    return write_layout(
        folder,
        replace(facts, group_kind=group_kind, notes=(*facts.notes, *notes)),
        _labelled(_pieces(made, rules.seconds)),
        noises=raw.noises,
        progress=progress,
        total=len(raw.recordings),
    )


def holds_audio(source: Path, rules: Rules) -> bool:
    """Whether a source that is there is WAV or FLAC: speech, unless somebody says otherwise.

    Raises:
        TinygenError: it holds nothing that is read.
    """
    kind = rules.kind if rules.kind != "auto" or not source.exists() else _kind_of(source)
    return kind in ("audio", "speech_commands")


def _labelled(recordings: Iterator[Recording]) -> Iterator[Recording]:
    for recording in recordings:
        if not recording.label:
            raise bad_input(
                "has no label", where=recording.name, hint="put it into a folder named after it, or use --pattern"
            )
        yield recording


def _pieces(recordings: Iterator[Recording], seconds: float) -> Iterator[Recording]:
    """Long recordings in pieces; all pieces of one keep its group."""
    for recording in recordings:
        n = round(seconds * recording.rate_hz)
        length = recording.signal.shape[0]
        if n <= 0 or length < 2 * n:
            yield recording
            continue
        for number in range(length // n):
            part = recording.signal[number * n : (number + 1) * n]
            yield replace(recording, signal=part, name=f"{recording.name}.{number:03d}")


def _kind_of(source: Path) -> str:
    if source.is_file():
        suffix = source.suffix.lower().lstrip(".")
        if suffix in ("csv", "npz", "mat"):
            return suffix
        raise bad_input(f"'{source.suffix}' is no format that is read", where=str(source), hint="csv, npz or mat")
    if motion.is_uci_har(source):
        return "uci_har"
    if motion.is_magic_wand(source):
        return "magic_wand"
    if (source / "testing_list.txt").is_file():
        return "speech_commands"
    if next(deep_audio_files(source), None) is not None:
        return "audio"
    for kind in ("npz", "mat", "csv"):
        if next(source.rglob(f"*.{kind}"), None) is not None:
            return kind
    raise bad_input(
        "holds no recording", where=str(source), hint="folders of WAV or FLAC, CSV with a header, NPZ, or MAT"
    )


def _read(kind: str, source: Path, rules: Rules) -> RawSet:
    readers: dict[str, Callable[[], RawSet]] = {
        "csv": lambda: read_tables(_files(source, "csv"), source),
        "npz": lambda: read_npz(_files(source, "npz"), source, _LAYOUTS),
        "mat": lambda: mat.read_mat(_files(source, "mat"), source, rules),
        "uci_har": lambda: motion.read_uci_har(source),
        "magic_wand": lambda: motion.read_magic_wand(source),
    }
    return readers[kind]()


def _files(source: Path, suffix: str) -> list[Path]:
    if source.is_file():
        return [source]
    found = sorted(p for p in source.rglob("*") if p.suffix.lower() == f".{suffix}" and p.name != "index.csv")
    if not found:
        raise bad_input(f"holds no {suffix.upper()} file", where=str(source))
    return found


def _audio(source: Path, folder: Path, facts: Facts, *, rules: Rules, named: Naming, progress: Progress) -> Written:
    """Class folders one file at a time: a hundred thousand recordings never lie in memory together."""
    index = read_index(source)
    sides = index.sides or listed_sides(source)
    listed = sorted(deep_audio_files(source))
    loud = [path for path in listed if path.relative_to(source).parts[0] == NOISE_FOLDER]
    files = [(named.label_of(path.relative_to(source)), path) for path in sorted(set(listed) - set(loud))]
    kinds = {group_of(path.relative_to(source).as_posix(), path.stem, index)[1] for _, path in files}
    kind = named.kind or next((k for k in sorted(kinds) if k), "recording")
    keep = _unknown_kept(files, rules)

    def noises() -> Iterator[Recording]:
        for path in loud:
            signal, rate_hz = read_audio(path)
            yield Recording(signal=signal, rate_hz=rate_hz, label="_noise_", group=path.name, name=path.name)

    def recordings() -> Iterator[Recording]:
        for label, path in files:
            if path in keep:
                name = path.relative_to(source).as_posix()
                signal, rate_hz = read_audio(path)
                group, _ = group_of(name, path.stem, index)
                side = sides.get(name, "train" if sides and not index.sides else "")
                one = Recording(
                    signal=signal, rate_hz=rate_hz, label=label, group=group, name=name, side=side,
                    position=index.positions.get(name),
                )  # fmt: skip
                made = named.applied(one, rules)
                if made is not None:
                    # Words that become one class keep their own name in the file's.
                    yield made if made.label == label else replace(made, name=f"{label}-{path.name}")
        if rules.words:
            yield from _silence(noises(), len(keep) // 12, bool(sides))

    notes = list(facts.notes)
    if rules.words:
        notes.append(
            f"words other than {', '.join(rules.words)} are _unknown_ ({rules.unknown_share:.0%} of them kept); "
            "_silence_ was cut from the background noises, each noise on one side"
        )
    return write_layout(
        folder,
        replace(facts, group_kind=kind, notes=tuple(notes)),
        _pieces(recordings(), rules.seconds),
        noises=noises(),
        progress=progress,
        total=len(keep),
    )  # fmt: skip


def _unknown_kept(files: list[tuple[str, Path]], rules: Rules) -> set[Path]:
    """Files to take: all of the words, and a share of the others, chosen by their order alone."""
    if not rules.words or rules.unknown_share >= 1.0:
        return {path for _, path in files}
    others = [path for label, path in files if label not in (*rules.words, "_silence_", "_unknown_")]
    count = round(len(others) * rules.unknown_share)
    taken = {others[i] for i in np.linspace(0, len(others) - 1, count).astype(int).tolist()} if count else set()
    return (({path for _, path in files}) - set(others)) | taken


def _silence(noises: Iterator[Recording], count: int, sided: bool) -> Iterator[Recording]:
    """Seconds of background noise, spread evenly; a noise's pieces are one group and, where there are sides, on one."""
    every = list(noises)
    for number, noise in enumerate(every):
        n = round(_SILENCE_S * noise.rate_hz)
        room = noise.signal.shape[0] - n
        wanted = min(max(1, count // max(len(every), 1)), max(1, room // n)) if room >= 0 else 0
        side = ("train", "train", "train", "train", "validation", "test")[number % 6] if sided else ""
        for piece, start in enumerate(np.linspace(0, max(room, 0), wanted).astype(int).tolist()):
            part = noise.signal[start : start + n]
            name = f"{Path(noise.name).stem}-{piece:03d}"
            yield replace(noise, signal=part, label="_silence_", name=name, group=noise.name, side=side)
