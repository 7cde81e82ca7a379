"""Recordings written into the layout that `--data` reads: <folder>/<label>/<name>.wav and <folder>/index.csv."""

from __future__ import annotations

import contextlib
import csv
import io
import re
import unicodedata
import wave
from collections.abc import Mapping
from pathlib import Path

from tinygen.core.errors import TinygenError, bad_input
from tinygen.core.files import write_atomic
from tinygen.datasets.readers.audio import NOISE_FOLDER, audio_files
from tinygen.datasets.readers.raw import GROUP_COLUMNS, text_rows
from tinygen.datasets.values import Int16

SPECIAL_LABELS = ("_silence_", "_unknown_", NOISE_FOLDER)
INDEX = "index.csv"
_LONGEST = 40
# Names that some file system or player takes for something else.
_RESERVED = {"con", "prn", "aux", "nul", *(f"{device}{n}" for device in ("com", "lpt") for n in range(1, 10))}


def safe_word(text: str) -> str:
    """The text as a name that every file system and player takes: lower-case ASCII letters, digits and hyphens."""
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode().lower()
    word = re.sub(r"[^a-z0-9]+", "-", plain).strip("-")[:_LONGEST].strip("-")
    return f"{word}-" if word in _RESERVED else word


def check_label(label: str) -> str:
    """The label, if it is a safe folder name as it stands (or one of the special ones).

    Raises:
        TinygenError: it is none; the hint says which would be.
    """
    if label in SPECIAL_LABELS:
        return label
    better = safe_word(label)
    if not better or label != better or better.endswith("-"):
        hint = f"use '{better}'" if better and not better.endswith("-") else "use letters a to z and digits"
        raise bad_input(f"'{label}' is no safe name for a folder of recordings", where="--label", hint=hint)
    return label


def free_name(folder: Path, label: str, speaker: str) -> str:
    """A file name nobody has in the label's folder: <speaker>_nohash_<n>.wav, or <label>_<n>.wav without a speaker."""
    stem = f"{speaker}_nohash_" if speaker else f"{label.strip('_')}_"
    there = {path.stem.lower() for path in audio_files(folder / label)} if (folder / label).is_dir() else set()
    number = 0
    while f"{stem}{number:04d}".lower() in there:
        number += 1
    return f"{stem}{number:04d}.wav"


def wav_bytes(signal: Int16, rate_hz: int) -> bytes:
    """A WAV file of int16 [n, channels]."""
    into = io.BytesIO()
    with wave.open(into, "wb") as file:
        file.setnchannels(signal.shape[1])
        file.setsampwidth(2)
        file.setframerate(rate_hz)
        file.writeframes(signal.astype("<i2").tobytes())
    return into.getvalue()


def check_folder(folder: Path) -> None:
    """Refuse a folder that holds another kind of data set before anything is recorded for it.

    Raises:
        TinygenError: recordings that are in no class folder, tables, or an index without the column "file".
    """
    if folder.exists() and not folder.is_dir():
        raise bad_input("is a file", where=str(folder), hint="name a folder")
    if not folder.is_dir():
        return
    if audio_files(folder):
        raise bad_input("holds recordings that are in no class folder", where=str(folder), hint="name another folder")
    tables = [p.name for p in folder.glob("*.npz")] + [p.name for p in folder.glob("*.csv") if p.name != INDEX]
    if tables:
        raise bad_input(f"holds '{tables[0]}': recordings beside it would not be read", where=str(folder))
    if (folder / INDEX).is_file():
        _index(folder)


def store(
    folder: Path, label: str, signal: Int16, rate_hz: int, *, speaker: str, group: str, facts: Mapping[str, str]
) -> Path:
    """Write one recording and its line of index.csv. Each file is either the old one or the new one.

    The index is written first: a line without its file does no harm, a file without its line would. Where the file then
    cannot be written the line is taken back.

    Args:
        folder: of the data set.
        label: checked.
        signal: int16 [n, channels].
        rate_hz: of it.
        speaker: a safe word, or "": whom the file is named after.
        group: column of a new index ("speaker", "person", "machine").
        facts: further columns of a new index, and their values.

    Raises:
        TinygenError: the index is another kind of table; the disk refuses.
    """
    name = f"{label}/{free_name(folder, label, speaker)}"
    path, index = folder / name, folder / INDEX
    before = index.read_bytes() if index.is_file() else None
    if label != NOISE_FOLDER:
        write_atomic(index, _with_line(folder, name, speaker or name, group, {"label": label, **facts}))
    try:
        write_atomic(path, wav_bytes(signal, rate_hz))
    except BaseException:
        with contextlib.suppress(TinygenError):
            index.unlink(missing_ok=True) if before is None else write_atomic(index, before)
        raise
    return path


def _index(folder: Path) -> list[list[str]]:
    rows = text_rows(folder / INDEX)
    header = [name.strip().lower() for name in rows[0]]
    if "file" not in header:
        raise bad_input("has no column 'file'", where=str(folder / INDEX), hint=f"its columns are: {', '.join(header)}")
    return rows


def _with_line(folder: Path, name: str, who: str, group: str, facts: Mapping[str, str]) -> bytes:
    """The index with one line more; a new one also lists what lies there already, each recording on its own."""
    if (folder / INDEX).is_file():
        rows = _index(folder)
        header = [column.strip().lower() for column in rows[0]]
    else:
        header = ["file", group, *facts]
        rows = [header, *([old, old] + [""] * len(facts) for old in _recordings(folder))]
    at = header.index("file")
    rows = [rows[0], *(row for row in rows[1:] if row[at : at + 1] != [name])]  # its file was removed
    column = next((c for c in header if c in GROUP_COLUMNS), "")
    values = {"file": name, column: who, **facts}
    rows.append([values.get(c, "") for c in header])
    out = io.StringIO()
    csv.writer(out, lineterminator="\n").writerows(rows)
    return out.getvalue().encode()


def _recordings(folder: Path) -> list[str]:
    """Recordings without an index whose names say no speaker either."""
    if not folder.is_dir():
        return []
    labels = sorted(p for p in folder.iterdir() if p.is_dir() and p.name not in (NOISE_FOLDER, "_silence_"))
    paths = [path for label in labels for path in audio_files(label)]
    return [path.relative_to(folder).as_posix() for path in paths if "_nohash_" not in path.stem]
