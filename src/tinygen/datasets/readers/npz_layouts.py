"""How arrays of an NPZ file become recordings, one layout after the other."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import gcd
from typing import Any

import numpy as np
import numpy.typing as npt

from tinygen.core.errors import bad_input
from tinygen.datasets.assemble import UNLABELLED
from tinygen.datasets.readers.raw import GROUP_COLUMNS, UNKNOWN_RATE

Arrays = dict[str, npt.NDArray[Any]]

FEMTO_LSB_PER_G = 512
"""int16 samples of FEMTO snapshots: 512 per g, common to all bearings (the files scale each bearing by itself)."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Piece:
    """One recording as numbers [n, channels]; group "" = nothing is known."""

    signal: npt.NDArray[Any]
    rate_hz: int
    label: str
    group: str
    name: str
    position: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """A way to arrange recordings in an NPZ file."""

    name: str
    group_kind: str
    matches: Callable[[Arrays], bool]
    read: Callable[[Arrays, str], list[Piece]]
    note: str = ""


def _bad(file: str, message: str) -> Exception:
    return bad_input(message, where=file, hint="see the layouts in README, 'Your own recordings'")


def _texts(arrays: Arrays, key: str, n: int, file: str) -> list[str]:
    values = arrays[key].reshape(-1)
    if values.size != n:
        raise _bad(file, f"'{key}' has {values.size} entries for {n} recordings")
    if values.dtype.kind == "f":
        if not np.isfinite(values).all():
            raise _bad(file, f"'{key}' holds values that are not finite")
        return [str(int(v)) for v in values.tolist()]
    return [str(v) for v in values.tolist()]


def _rate(arrays: Arrays, file: str) -> int:
    for key in ("rate_hz", "fs", "rate"):
        if key in arrays:
            values = arrays[key].reshape(-1)
            if values.size != 1 or values.dtype.kind not in "iuf":
                raise _bad(file, f"'{key}' is not one sampling rate in Hz")
            if not 1 <= float(values[0]) < 1e7:
                raise _bad(file, f"'{key}' is {values[0]:g}; a sampling rate is given in Hz, 1 or more")
            return round(float(values[0]))
    return UNKNOWN_RATE


def _signals(arrays: Arrays, file: str) -> list[npt.NDArray[Any]]:
    if "signal" in arrays:
        signal = arrays["signal"]
        if signal.ndim not in (2, 3):
            raise _bad(file, f"'signal' has shape {signal.shape}, expected [n, samples, channels] or [n, samples]")
        return list(_upright(signal, "signal", file) if signal.ndim == 3 else signal[:, :, None])
    data, lengths = arrays["data"], arrays["length"].reshape(-1)
    if data.ndim not in (1, 2):
        raise _bad(file, f"'data' has shape {data.shape}, expected [all samples, channels]")
    data = data[:, None] if data.ndim == 1 else data
    if lengths.dtype.kind not in "iu" or (lengths < 1).any() or int(lengths.sum()) != data.shape[0]:
        raise _bad(file, f"'length' does not add up to the {data.shape[0]} rows of 'data'")
    return list(np.split(data, np.cumsum(lengths)[:-1].tolist()))


def _read_generic(arrays: Arrays, file: str) -> list[Piece]:
    signals = _signals(arrays, file)
    n = len(signals)
    labels = _texts(arrays, "label", n, file)
    group_key = next((key for key in GROUP_COLUMNS if key in arrays), None)
    groups = _texts(arrays, group_key, n, file) if group_key else [""] * n
    names = _texts(arrays, "name", n, file) if "name" in arrays else [f"{i:05d}" for i in range(n)]
    positions: list[float | None] = [None] * n
    if "position" in arrays:
        if arrays["position"].size != n:
            raise _bad(file, f"'position' has {arrays['position'].size} entries for {n} recordings")
        if arrays["position"].dtype.kind not in "iuf":
            raise _bad(file, f"'position' holds {arrays['position'].dtype}, expected numbers from 0 to 1")
        positions = [float(p) for p in arrays["position"].reshape(-1)]
    rate_hz = _rate(arrays, file)
    if rate_hz == UNKNOWN_RATE:
        signals, rate_hz = _without_time_column(signals)
    return [
        Piece(signal=s, rate_hz=rate_hz, label=label, group=group, name=f"{file}:{name}", position=position)
        for s, label, group, name, position in zip(signals, labels, groups, names, positions, strict=True)
    ]


def _without_time_column(signals: list[npt.NDArray[Any]]) -> tuple[list[npt.NDArray[Any]], int]:
    """Drop a first column that counts milliseconds from 0 in every recording; its median step gives the rate."""
    if not signals or signals[0].shape[1] < 2 or signals[0].dtype.kind not in "iuf":
        return signals, UNKNOWN_RATE
    steps: list[float] = []
    for signal in signals:
        first = signal[:, 0].astype(np.float64)
        if first.size < 2 or first[0] != 0 or (np.diff(first) <= 0).any():
            return signals, UNKNOWN_RATE
        steps.append(float(np.median(np.diff(first))))
    rate = round(1000.0 / float(np.median(steps)))
    if rate < 1:
        return signals, UNKNOWN_RATE  # steps of more than a second: a channel that grows, not milliseconds
    return [signal[:, 1:] for signal in signals], rate


def _read_femto(arrays: Arrays, file: str) -> list[Piece]:
    acc, life = arrays["acc"], arrays["life"].reshape(-1)
    if acc.ndim != 3 or acc.shape[0] != life.size or acc.shape[1] > acc.shape[2]:
        raise _bad(file, f"'acc' has shape {acc.shape} and 'life' {life.size} entries, expected [n, axes, samples]")
    if arrays["scale"].size != 1 or arrays["scale"].dtype.kind not in "iuf" or life.dtype.kind not in "iuf":
        raise _bad(file, "'scale' is not one number, or 'life' holds no numbers")
    factor = float(arrays["scale"].reshape(())) * FEMTO_LSB_PER_G
    samples = np.clip(np.rint(acc.astype(np.float64) * factor), -32768, 32767).astype(np.int16)
    bearing = file.rsplit("/", 1)[-1].removesuffix(".npz").removeprefix("femto_")
    rate_hz = _rate(arrays, file)
    n = life.size
    return [
        Piece(
            signal=samples[i].T,
            rate_hz=rate_hz,
            label=_femto_label(float(life[i]), n - i),
            group=bearing,
            name=f"{bearing}:{i:04d}",
            position=float(life[i]),
        )
        for i in range(n)
    ]


def _femto_label(life: float, from_end: int) -> str:
    """Time labels, not inspected faults: the first third of life is healthy, the last 20 snapshots are its end."""
    if from_end <= 20:
        return "end_of_life"
    return "healthy" if 0.015 <= life <= 0.3005 else UNLABELLED


def _read_uwave(arrays: Arrays, file: str) -> list[Piece]:
    xyz = arrays["xyz"]
    if xyz.ndim != 3:
        raise _bad(file, f"'xyz' has shape {xyz.shape}, expected [n, samples, 3]")
    names = ("corner", "square", "right", "left", "up", "down", "circle_cw", "circle_ccw")
    labels = _texts(arrays, "label", xyz.shape[0], file)
    shown = [names[int(v) - 1] if v in ("1", "2", "3", "4", "5", "6", "7", "8") else v for v in labels]
    return [
        Piece(signal=xyz[i], rate_hz=100, label=shown[i], group="", name=f"{file}:{i:05d}") for i in range(xyz.shape[0])
    ]


def _is_class_arrays(arrays: Arrays, ndim: int) -> bool:
    return len(arrays) >= 2 and all(a.ndim == ndim and a.dtype.kind in "iuf" for a in arrays.values())


def _read_class_arrays(arrays: Arrays, file: str) -> list[Piece]:
    return [
        Piece(signal=signal, rate_hz=UNKNOWN_RATE, label=label, group="", name=f"{file}:{label}/{i:04d}")
        for label, stack in sorted(arrays.items())
        for i, signal in enumerate(_upright(stack, label, file))
    ]


def _upright(stack: npt.NDArray[Any], name: str, file: str) -> npt.NDArray[Any]:
    """[n, samples, channels] as it is; channels first would be read as a few samples of very many channels."""
    if stack.shape[2] > stack.shape[1]:
        raise _bad(
            file,
            f"'{name}' has shape {stack.shape}: {stack.shape[1]} samples of {stack.shape[2]} channels; swap the last "
            "two axes, [n, samples, channels] is expected",
        )
    return stack


def _read_stacked(arrays: Arrays, file: str) -> list[Piece]:
    rows = gcd(*(a.shape[0] for a in arrays.values()))
    if rows < 16:
        raise _bad(file, "the classes' rows have no common recording length; use [n, samples, channels] arrays")
    shaped = {label: a.reshape(-1, rows, a.shape[1]) for label, a in arrays.items()}
    return _read_class_arrays(shaped, file)


LAYOUTS: tuple[Layout, ...] = (
    Layout(
        name="femto",
        group_kind="bearing",
        matches=lambda a: {"acc", "scale", "life", "fs"} <= a.keys(),
        read=_read_femto,
        note=f"samples are {FEMTO_LSB_PER_G} per g; healthy = 2-30 % of life, end_of_life = last 20 snapshots (time "
        "labels, not inspected faults), the rest is unlabelled",
    ),
    Layout(
        name="uwave",
        group_kind="recording",
        matches=lambda a: {"xyz", "label"} <= a.keys(),
        read=_read_uwave,
        note="people are not identified in uWave: the split keeps recordings apart, not people (figures are "
        "optimistic); its signals are normalised per axis and its rate is nominal",
    ),
    Layout(
        name="generic",
        group_kind="group",
        matches=lambda a: "label" in a and ("signal" in a or {"data", "length"} <= a.keys()),
        read=_read_generic,
    ),
    Layout(
        name="class arrays",
        group_kind="recording",
        matches=lambda a: _is_class_arrays(a, 3),
        read=_read_class_arrays,
    ),
    Layout(
        name="stacked classes",
        group_kind="recording",
        matches=lambda a: _is_class_arrays(a, 2),
        read=_read_stacked,
        note="rows per recording were taken as the greatest common divisor of the classes' rows",
    ),
)
