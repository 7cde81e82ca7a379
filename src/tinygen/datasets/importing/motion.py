"""Published motion data in forms of their own: UCI HAR and TFLM's magic wand."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt

from tinygen.core.errors import bad_input
from tinygen.datasets.readers.raw import RawSet
from tinygen.datasets.signal import common_int16
from tinygen.datasets.values import Recording

_HAR_SIGNALS = ("total_acc_x", "total_acc_y", "total_acc_z", "body_gyro_x", "body_gyro_y", "body_gyro_z")
_HAR_COLUMNS = ("ax", "ay", "az", "gx", "gy", "gz")
_WAND_BREAK = "-,-,-"


def is_uci_har(folder: Path) -> bool:
    """True for the unpacked "UCI HAR Dataset"."""
    return (folder / "activity_labels.txt").is_file() and (folder / "train" / "Inertial Signals").is_dir()


def read_uci_har(folder: Path) -> RawSet:
    """Windows of 128 instants at 50 Hz, acceleration in g (with gravity) and rate in rad/s; its own sides, by person.

    Raises:
        TinygenError: a file is missing, or files do not belong together.
    """
    names = dict(line.split()[:2] for line in _text(folder / "activity_labels.txt").splitlines() if line.strip())
    arrays: list[npt.NDArray[np.float64]] = []
    pieces: list[tuple[str, str, str, str]] = []
    for side in ("train", "test"):
        columns = [_table(folder / side / "Inertial Signals" / f"{name}_{side}.txt") for name in _HAR_SIGNALS]
        people, labels = (_text(folder / side / f"{what}_{side}.txt").split() for what in ("subject", "y"))
        counts = {len(people), len(labels), *(column.shape[0] for column in columns)}
        if len(counts) != 1 or len({column.shape for column in columns}) != 1:
            raise bad_input(f"its {side} files have {sorted(counts)} rows", where=str(folder), hint="unpack it again")
        stacked = np.stack(columns, axis=2)
        for number, (person, label) in enumerate(zip(people, labels, strict=True)):
            arrays.append(stacked[number])
            pieces.append((f"{side}-{number:05d}", names.get(label, label).lower(), f"subject{person}", side))
    scaled, note = common_int16(arrays, [piece[0] for piece in pieces], _HAR_COLUMNS)
    recordings = tuple(
        Recording(signal=signal, rate_hz=50, label=label, group=person, name=name, side=side)
        for signal, (name, label, person, side) in zip(scaled, pieces, strict=True)
    )
    overlap = "windows of one person overlap by half: they lie on one side"
    return RawSet(recordings=recordings, group_kind="person", notes=(note, overlap))


def is_magic_wand(folder: Path) -> bool:
    """True for the unpacked magic wand data."""
    return (folder / "wing").is_dir() and (folder / "negative").is_dir()


def read_magic_wand(folder: Path) -> RawSet:
    """Gestures of seven people and negatives, acceleration in mg at 25 Hz; a line "-,-,-" begins a recording.

    Raises:
        TinygenError: no recording, or a line that holds no three numbers.
    """
    recordings: list[Recording] = []
    arrays: list[npt.NDArray[np.float64]] = []
    for path in sorted(folder.glob("*/output_*.txt")):
        label = path.parent.name
        person = path.stem.rsplit("_", 1)[-1]
        for number, rows in enumerate(_wand_pieces(path)):
            name = f"{label}/{path.stem}-{number:02d}"
            arrays.append(np.array(rows))
            empty = np.zeros((0, 3), dtype=np.int16)
            recordings.append(Recording(signal=empty, rate_hz=25, label=label, group=person, name=name))
    if not recordings:
        raise bad_input("holds no output_*.txt", where=str(folder))
    scaled, note = common_int16(arrays, [r.name for r in recordings], ("ax", "ay", "az"))
    made = tuple(
        Recording(signal=signal, rate_hz=r.rate_hz, label=r.label, group=r.group, name=r.name)
        for signal, r in zip(scaled, recordings, strict=True)
    )
    return RawSet(recordings=made, group_kind="person", notes=(note, "acceleration in mg") if note else ("mg",))


def _wand_pieces(path: Path) -> list[list[list[float]]]:
    pieces: list[list[list[float]]] = []
    for number, line in enumerate(_text(path).splitlines(), start=1):
        stripped = line.strip().replace(" ", "")
        if not stripped:
            continue
        if stripped == _WAND_BREAK or not pieces:
            pieces.append([])
        if stripped == _WAND_BREAK:
            continue
        try:
            values = [float(value) for value in stripped.split(",")]
        except ValueError:
            values = []
        if len(values) != 3:
            raise bad_input("holds no three numbers", where=f"{path}:{number}")
        pieces[-1].append(values)
    return [piece for piece in pieces if len(piece) >= 16]


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise bad_input(f"cannot be read: {error}", where=str(path), hint="unpack the archive again") from error


def _table(path: Path) -> npt.NDArray[np.float64]:
    try:
        return np.array([line.split() for line in _text(path).splitlines() if line.strip()], dtype=np.float64)
    except ValueError as error:
        raise bad_input(f"is no table of numbers: {error}", where=str(path)) from error
