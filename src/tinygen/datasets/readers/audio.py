"""WAV and FLAC in class folders: `<root>/<label>/<anything>.wav`.

The folder is the label. `_background_noise_` holds long noises for augmentation. The speaker comes from a column
"speaker" (or group, person, bearing) of `<root>/index.csv`, else from Speech Commands' file names
`<speaker>_nohash_<n>.wav`; failing both, every recording is its own group. Sides that the data set names itself, in a
column "side" of index.csv or in Speech Commands' `validation_list.txt` and `testing_list.txt`, are kept.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from tinygen.core.errors import bad_input
from tinygen.core.progress import Progress
from tinygen.datasets.readers.raw import Index, RawSet, read_index
from tinygen.datasets.values import Int16, Recording

SUFFIXES = (".wav", ".flac")
NOISE_FOLDER = "_background_noise_"
_SILENCE = "_silence_"  # nobody speaks in it

_SPEAKER = re.compile(r"(?:^|_)([^_]+)_nohash_\d+$")
_UNKNOWN_LENGTH = 0x7FFFF000  # programs that stream a WAV write this or more as its length


def audio_files(folder: Path) -> list[Path]:
    """WAV and FLAC files directly in a folder, sorted."""
    return sorted(p for p in folder.iterdir() if p.suffix.lower() in SUFFIXES and not p.name.startswith("."))


def deep_audio_files(root: Path) -> Iterator[Path]:
    """WAV and FLAC files anywhere below a folder, in no order; nothing hidden."""
    for path in root.iterdir():
        if path.name.startswith("."):
            continue
        if path.is_dir():
            yield from deep_audio_files(path)
        elif path.suffix.lower() in SUFFIXES:
            yield path


def is_class_folder_tree(root: Path) -> bool:
    """True when some sub-folder holds WAV or FLAC files."""
    return any(child.is_dir() and audio_files(child) for child in root.iterdir())


def read_class_folders(root: Path, progress: Progress) -> RawSet:
    """Read every recording below `root`.

    Raises:
        TinygenError: no recording; a truncated or corrupt file (named); a file that is not in a class folder; an
            index.csv that names the groups of some recordings only.
    """
    stray = audio_files(root)
    if stray:
        raise bad_input(
            f"{len(stray)} recordings are not in a class folder, the first is '{stray[0].name}'",
            where=str(root),
            hint="put each recording into a folder named after its label: <data>/<label>/<recording>.wav",
        )
    index = read_index(root)
    sides = index.sides or listed_sides(root)
    folders = sorted(p for p in root.iterdir() if p.is_dir() and not p.name.startswith("."))
    files = [(folder.name, path) for folder in folders for path in audio_files(folder)]
    if not files:
        raise bad_input("holds no WAV or FLAC file", where=str(root), hint="expected <data>/<label>/<recording>.wav")
    _refuse_partial_index(root, index.groups, [p for label, p in files if label != NOISE_FOLDER])
    recordings: list[Recording] = []
    noises: list[Recording] = []
    seen_kind = ""
    without: list[str] = []
    for done, (label, path) in enumerate(files):
        name = path.relative_to(root).as_posix()
        signal, rate_hz = read_audio(path)
        group, group_kind = group_of(name, path.stem, index)
        seen_kind = seen_kind or group_kind
        if label == NOISE_FOLDER:
            noises.append(Recording(signal=signal, rate_hz=rate_hz, label="_noise_", group=name, name=name))
        else:
            without += [] if group_kind or label == _SILENCE else [name]
            recordings.append(
                Recording(
                    signal=signal,
                    rate_hz=rate_hz,
                    label=label,
                    group=group,
                    name=name,
                    position=index.positions.get(name),
                    side=sides.get(name, "train" if sides and not index.sides else ""),
                )
            )
        if done % 64 == 0:
            progress("reading recordings", done, len(files))
    progress("reading recordings", len(files), len(files))
    notes: tuple[str, ...] = ()
    if not seen_kind:
        notes = ("no speaker or group is known: the split keeps recordings, not people, apart",)
    elif without:
        notes = (
            f"{len(without)} recordings name no {seen_kind}, the first is '{without[0]}': each counts as a group of "
            f"its own, so a {seen_kind} among them may be on two sides of the split",
        )
    return RawSet(recordings=tuple(recordings), noises=tuple(noises), group_kind=seen_kind or "recording", notes=notes)


def _refuse_partial_index(root: Path, groups: dict[str, str], files: list[Path]) -> None:
    """An index that names some speakers only would mix two ways of keeping sides apart without a word."""
    if not groups:
        return
    names = [path.relative_to(root).as_posix() for path in files]
    missing = [
        n for n in names if n not in groups and not _SPEAKER.search(Path(n).stem) and n.split("/")[0] != _SILENCE
    ]
    if missing:
        raise bad_input(
            f"names the group of {len(names) - len(missing)} of {len(names)} recordings; it lacks '{missing[0]}'",
            where=str(root / "index.csv"),
            hint="list every recording as it lies below this folder (<label>/<file>), or remove index.csv to split by "
            "recording",
        )


def read_audio(path: Path) -> tuple[Int16, int]:
    """One WAV or FLAC file as (int16 [n, channels], rate_hz).

    Raises:
        TinygenError: the file is missing, truncated, corrupt or empty.
    """
    import soundfile

    hint = "record or copy it again, or remove it"
    if not path.is_file():
        raise bad_input("there is no such recording", where=str(path))
    declared = _declared_wav_bytes(path)
    if declared is not None and declared[0] > declared[1]:
        message = f"is truncated: its header announces {declared[0]} bytes of samples, {declared[1]} are there"
        raise bad_input(message, where=str(path), hint=hint)
    try:
        with soundfile.SoundFile(str(path)) as file:
            expected, rate_hz = file.frames, file.samplerate
            if file.subtype in ("FLOAT", "DOUBLE"):
                scaled = file.read(dtype="float64", always_2d=True) * 32768.0
                if not np.isfinite(scaled).all():
                    raise bad_input("holds values that are not finite", where=str(path), hint=hint)
                data: Int16 = np.clip(np.rint(scaled), -32768, 32767).astype(np.int16)
            else:
                data = file.read(dtype="int16", always_2d=True)
    except (RuntimeError, OSError) as error:  # soundfile's own errors are RuntimeErrors
        raise bad_input(f"cannot be read as audio: {error}", where=str(path), hint=hint) from error
    if data.shape[0] < expected:
        message = f"is truncated: {data.shape[0]} of {expected} samples are there"
        raise bad_input(message, where=str(path), hint=hint)
    if data.shape[0] == 0:
        raise bad_input("holds no sample", where=str(path), hint=hint)
    return data, int(rate_hz)


def listed_sides(root: Path) -> dict[str, str]:
    """Speech Commands' own lists as {file: side}; what they do not name is the training side. {} without lists."""
    found: dict[str, str] = {}
    for name, side in (("validation_list.txt", "validation"), ("testing_list.txt", "test")):
        path = root / name
        if path.is_file():
            found |= {line.strip(): side for line in path.read_text(encoding="utf-8").splitlines() if line.strip()}
    return found


def group_of(name: str, stem: str, index: Index) -> tuple[str, str]:
    """(group, its kind) of a file; itself and "" where nothing is known."""
    if name in index.groups:
        return index.groups[name], index.kind
    match = _SPEAKER.search(stem)
    if match:
        return match.group(1), "speaker"
    return name, ""


def _declared_wav_bytes(path: Path) -> tuple[int, int] | None:
    """(bytes the data chunk announces, bytes that follow its header), or None where that cannot be told."""
    size = path.stat().st_size
    with path.open("rb") as file:
        riff = file.read(12)
        if len(riff) < 12 or riff[:4] != b"RIFF" or riff[8:] != b"WAVE":
            return None
        while True:
            header = file.read(8)
            if len(header) < 8:
                return None
            length = struct.unpack("<I", header[4:])[0]
            if header[:4] == b"data":
                return None if length >= _UNKNOWN_LENGTH else (length, size - file.tell())
            file.seek(length + (length & 1), 1)
