"""NPZ files. Nothing pickled is ever loaded.

The documented layout, for your own data (one file, or several in a folder):

- `signal`: int16 or float [n, samples, channels] (or [n, samples] for one channel); or, for recordings of different
  lengths, `data` [all samples, channels] with `length` int [n].
- `label`: [n] text or whole numbers. Optional: `group` (or speaker, person, bearing) [n], `name` [n],
  `rate_hz` (one number), `position` [n] (place in life, 0..1).
- Or one array per class, named after it: [n, samples, channels].

Layouts of published sets that are recognised by their keys: FEMTO (`acc, scale, life, fs`: one bearing per file),
uWave (`xyz, label`), stacked classes (one [n * samples, channels] array per class).
"""

from __future__ import annotations

import zipfile
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from tinygen.core.errors import bad_input
from tinygen.datasets.readers.npz_layouts import LAYOUTS, Arrays, Layout, Piece
from tinygen.datasets.readers.raw import GROUP_COLUMNS, RawSet
from tinygen.datasets.signal import common_int16
from tinygen.datasets.values import Recording


def load_arrays(path: Path) -> Arrays:
    """Every array of an NPZ file.

    Raises:
        TinygenError: the file is missing, truncated or no NPZ, or an array in it is pickled.
    """
    try:
        with np.load(path, allow_pickle=False) as file:
            arrays: dict[str, npt.NDArray[Any]] = {}
            for key in file.files:
                try:
                    arrays[key] = file[key]
                except ValueError as error:
                    if "pickle" not in str(error).lower():
                        raise
                    hint = "save it as a plain numeric or text array; pickled objects could run code and are not loaded"
                    raise bad_input(f"array '{key}' is pickled", where=str(path), hint=hint) from error
            return arrays
    except (OSError, ValueError, EOFError, KeyError, zipfile.BadZipFile, zlib.error, AttributeError) as error:
        raise bad_input(
            f"is not a readable NPZ file: {error}", where=str(path), hint="it may be truncated: copy it again"
        ) from error


def read_npz(paths: list[Path], root: Path, prefer: tuple[str, ...]) -> RawSet:
    """Read NPZ files of one layout; where a folder holds several layouts, take one and say so.

    Args:
        paths: files to look at.
        root: names are relative to it.
        prefer: layout names, the first that occurs is taken.

    Raises:
        TinygenError: no file has a known layout, or what `load_arrays` and the layouts raise.
    """
    by_layout: dict[str, list[tuple[Path, Arrays]]] = {}
    unknown: dict[str, list[str]] = {}
    layouts = {layout.name: layout for layout in LAYOUTS}
    for path in paths:
        arrays = load_arrays(path)
        layout = next((candidate for candidate in LAYOUTS if candidate.matches(arrays)), None)
        if layout is None:
            unknown[path.name] = list(arrays)
        else:
            by_layout.setdefault(layout.name, []).append((path, arrays))
    if not by_layout:
        name, keys = next(iter(unknown.items()))
        shown = ", ".join(keys[:6]) + (", ..." if len(keys) > 6 else "")
        raise bad_input(
            f"has the arrays {shown or '(none)'}, which is no layout that is known",
            where=name,
            hint="expected: signal [n, samples, channels], label [n], optionally group [n], rate_hz",
        )
    chosen = next((name for name in prefer if name in by_layout), next(iter(by_layout)))
    notes = []
    if len(paths) > 1:
        used = [path.name for path, _ in by_layout[chosen]]
        left = [path.name for path in paths if path.name not in used]
        if left:
            notes.append(f"used {', '.join(used)} ({chosen}); not used: {', '.join(left)}")
    return _merge(layouts[chosen], by_layout[chosen], root, notes)


def _merge(layout: Layout, files: list[tuple[Path, Arrays]], root: Path, notes: list[str]) -> RawSet:
    pieces: list[Piece] = []
    for path, arrays in files:
        name = path.relative_to(root).as_posix() if path != root else path.name
        pieces += layout.read(arrays, name)
    if not pieces:
        raise bad_input("holds no recording", where=files[0][0].name)
    channels = pieces[0].signal.shape[1]
    for piece in pieces:
        if piece.signal.shape[1] != channels:
            raise bad_input(f"has {piece.signal.shape[1]} channels, others have {channels}", where=piece.name)
    columns = [f"channel {i}" for i in range(channels)]
    signals, note = common_int16([p.signal for p in pieces], [p.name for p in pieces], columns)
    recordings = tuple(
        Recording(
            signal=signal, rate_hz=p.rate_hz, label=p.label, group=p.group or p.name, name=p.name, position=p.position
        )
        for signal, p in zip(signals, pieces, strict=True)
    )
    said_kind = (GROUP_COLUMNS[key] for key in GROUP_COLUMNS for _, arrays in files if key in arrays)
    kind = next(said_kind, layout.group_kind) if any(p.group for p in pieces) else "recording"
    said = tuple(text for text in (*notes, note, layout.note) if text)
    return RawSet(recordings=recordings, group_kind=kind, notes=said)
