"""CSV with a header line: one row per sample instant.

Columns with these names (any case) mean something; every other column is a channel, in the order of the file:

- `label`: the class. Without it, the label is the name of the folder the file is in.
- `group`, `speaker`, `person`, `subject`, `bearing`, `machine`: what must stay on one side of a split.
- `recording`: rows with the same value, standing together, are one recording. Without it, a file is one recording,
  or several where the label changes.
- `time`, `time_s`, `time_ms`, `time_us`: the sampling rate is taken from it (`time` counts seconds).
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt

from tinygen.core.errors import bad_input
from tinygen.datasets.readers.raw import GROUP_COLUMNS, UNKNOWN_RATE, RawSet, delimited_rows
from tinygen.datasets.signal import common_int16
from tinygen.datasets.values import Recording

_TIME_COLUMNS = {"time": 1.0, "time_s": 1.0, "time_ms": 1e-3, "time_us": 1e-6}
_FEWEST_ROWS = 16


def read_tables(paths: list[Path], root: Path) -> RawSet:
    """Read CSV files; all must have the same channel columns.

    Raises:
        TinygenError: no header, no channel column, a value that is no number (file, line and column named), other
            channels than in the first file, no label.
    """
    pieces: list[Recording] = []
    signals: list[npt.NDArray[np.float64]] = []
    channels: list[str] = []
    kind = ""
    for path in paths:
        rows, delimiter = delimited_rows(path)
        header = [name.strip().lower() for name in rows[0]]
        if all(_is_number(name) for name in header):
            raise bad_input("has no header line", where=str(path), hint="the first line must name the columns")
        at = {name: i for i, name in enumerate(header)}
        group = next((name for name in header if name in GROUP_COLUMNS), None)
        time = next((name for name in header if name in _TIME_COLUMNS), None)
        special = {"label", "recording", group, time}
        names = [name for name in header if name not in special]
        if not names:
            raise bad_input("has no channel column", where=str(path), hint=f"its columns are: {', '.join(header)}")
        if channels and names != channels:
            raise bad_input(
                f"has the channels {', '.join(names)}; '{paths[0].name}' has {', '.join(channels)}", where=str(path)
            )
        channels = names
        kind = kind or GROUP_COLUMNS.get(group or "", "")
        wanted = [at[name] for name in names] + ([at[time]] if time else [])
        numbers = _numbers(path, rows, wanted, header, comma=delimiter != ",")
        ranges = _pieces(rows, at.get("recording"), at.get("label"))
        _refuse_counters(path, names, [numbers[start - 1 : stop - 1, : len(names)] for start, stop in ranges])
        for start, stop in ranges:
            row = rows[start]
            label = row[at["label"]].strip() if "label" in at else _folder_label(path, root)
            file_name = path.relative_to(root).as_posix() if path != root else path.name
            name = file_name
            if "recording" in at:
                name += f":{row[at['recording']].strip()}"
            elif stop - start < len(rows) - 1:
                name += f":{start}"
            if not label:
                hint = "add a column 'label', or put the file into a folder named after its label"
                raise bad_input("has no label", where=name, hint=hint)
            body = numbers[start - 1 : stop - 1]
            rate_hz = _rate(body[:, -1] * _TIME_COLUMNS[time], name) if time else UNKNOWN_RATE
            signals.append(body[:, : len(names)])
            pieces.append(
                Recording(
                    signal=np.zeros((0, len(names)), dtype=np.int16),
                    rate_hz=rate_hz,
                    label=label,
                    group=row[at[group]].strip() if group else name if "recording" in at else file_name,
                    name=name,
                )
            )
    scaled, note = common_int16(signals, [piece.name for piece in pieces], channels)
    recordings = tuple(
        Recording(signal=signal, rate_hz=piece.rate_hz, label=piece.label, group=piece.group, name=piece.name)
        for signal, piece in zip(scaled, pieces, strict=True)
    )
    return RawSet(recordings=recordings, group_kind=kind or "recording", notes=(note,) if note else ())


def _folder_label(path: Path, root: Path) -> str:
    return path.parent.name if path not in (root, root / path.name) else ""


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _refuse_counters(path: Path, names: list[str], pieces: list[npt.NDArray[np.float64]]) -> None:
    """A column that only ever grows is no sensor's; as a channel it would say which recording a row is from."""
    if min(len(piece) for piece in pieces) < _FEWEST_ROWS:
        return
    for i, name in enumerate(names):
        if all((np.diff(piece[:, i]) > 0).all() for piece in pieces):
            raise bad_input(
                f"column '{name}' grows from row to row: a time or a row number, no channel",
                where=str(path),
                hint="call it time (in seconds), time_ms or time_us, or remove it",
            )


def _numbers(
    path: Path, rows: list[list[str]], columns: list[int], header: list[str], *, comma: bool
) -> npt.NDArray[np.float64]:
    """float64 [rows - 1, columns] of the wanted columns; `comma`: 0,5 is a number, too."""
    if len(rows) < 2:
        raise bad_input("has a header but no row", where=str(path))
    out = np.empty((len(rows) - 1, len(columns)), dtype=np.float64)
    for number, row in enumerate(rows[1:]):
        if len(row) < len(header):
            raise bad_input(
                f"line {number + 2} has {len(row)} values, the header names {len(header)} columns",
                where=str(path),
                hint="the file may be truncated",
            )
        for i, column in enumerate(columns):
            try:
                out[number, i] = float(row[column].replace(",", ".") if comma else row[column])
            except ValueError as error:
                raise bad_input(
                    f"'{row[column]}' in column '{header[column]}' is not a number",
                    where=f"{path}:{number + 2}",
                    hint="every column but label (the class), group, recording and time is a channel; rename or remove "
                    "what is not",
                ) from error
    return out


def _pieces(rows: list[list[str]], recording: int | None, label: int | None) -> list[tuple[int, int]]:
    """Row ranges [start, stop) of the recordings in one file; row 0 is the header."""
    column = recording if recording is not None else label
    if column is None:
        return [(1, len(rows))]
    starts = [i for i in range(1, len(rows)) if i == 1 or rows[i][column] != rows[i - 1][column]]
    return list(zip(starts, [*starts[1:], len(rows)], strict=True))


def _rate(seconds: npt.NDArray[np.float64], name: str) -> int:
    """Sampling rate from time stamps, rounded to 1 Hz."""
    if seconds.size < 2:
        raise bad_input("has one sample only", where=name)
    step = float(np.median(np.diff(seconds)))
    if not step > 0:
        raise bad_input("its time column does not grow", where=name)
    if round(1.0 / step) < 1:
        raise bad_input(
            f"its time column steps by {step:g} s: less than one sample a second",
            where=name,
            hint="`time` counts seconds; call the column time_ms or time_us if it counts those",
        )
    return round(1.0 / step)
