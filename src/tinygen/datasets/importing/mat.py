"""MATLAB files (level 4 and 5): one file is one recording of one or several channels."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from tinygen.core.errors import bad_input, tool_failed
from tinygen.datasets.importing.request import Rules
from tinygen.datasets.readers.raw import UNKNOWN_RATE, RawSet
from tinygen.datasets.signal import common_int16
from tinygen.datasets.values import Recording

_MOST_CHANNELS = 32


def load_mat(path: Path) -> dict[str, npt.NDArray[Any]]:
    """The numeric arrays of a file, [n, channels], by name.

    Raises:
        TinygenError: SciPy is missing; the file is damaged, of level 7.3, or holds no numeric array.
    """
    try:
        from scipy.io import loadmat
        from scipy.io.matlab import MatReadError
    except ImportError as error:
        raise tool_failed("SciPy reads MAT files and is not installed", hint="pip install 'tinygen[mat]'") from error
    try:
        values = loadmat(str(path), squeeze_me=False, mat_dtype=False)
    except NotImplementedError as error:
        hint = "save it again in MATLAB with: save(name, '-v7')"
        raise bad_input("is a MAT file of level 7.3, which is not read", where=str(path), hint=hint) from error
    except (MatReadError, OSError, ValueError, TypeError, EOFError, MemoryError, KeyError, IndexError) as error:
        raise bad_input(f"is no readable MAT file: {error}", where=str(path), hint="copy it again") from error
    except Exception as error:  # zlib.error and whatever else a damaged file provokes in SciPy's reader
        raise bad_input(f"is no readable MAT file: {error}", where=str(path), hint="copy it again") from error
    found = {name: _shaped(array) for name, array in values.items() if not name.startswith("__") and _is_signal(array)}
    if not found:
        raise bad_input("holds no array of samples", where=str(path))
    return found


def _is_signal(array: object) -> bool:
    return isinstance(array, np.ndarray) and array.dtype.kind in "iuf" and array.ndim == 2 and max(array.shape) >= 16


def _shaped(array: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """[n, channels]: the longer axis is time."""
    return array.T if array.shape[1] > array.shape[0] else array


def read_mat(paths: list[Path], root: Path, rules: Rules) -> RawSet:
    """One recording a file; the label is the folder's name until a pattern says better.

    Raises:
        TinygenError: as `load_mat`; a named variable or column is not there; files differ in their channels.
    """
    pieces: list[tuple[str, str, int]] = []
    signals: list[npt.NDArray[Any]] = []
    for path in paths:
        arrays = load_mat(path)
        name = path.relative_to(root).as_posix() if path != root else path.name
        signal = _chosen(arrays, rules, name)
        if signals and signal.shape[1] != signals[0].shape[1]:
            raise bad_input(
                f"has {signal.shape[1]} channels, others have {signals[0].shape[1]}",
                where=name,
                hint="name the arrays or columns to take with --variable or --column",
            )
        label = path.parent.name if root not in (path.parent, path) else ""
        pieces.append((name, label, rules.rate_hz or UNKNOWN_RATE))
        signals.append(signal)
    columns = [f"channel {i}" for i in range(signals[0].shape[1])] if signals else []
    scaled, note = common_int16(signals, [name for name, _, _ in pieces], columns)
    recordings = tuple(
        Recording(signal=signal, rate_hz=rate_hz, label=label, group=name, name=name)
        for signal, (name, label, rate_hz) in zip(scaled, pieces, strict=True)
    )
    return RawSet(recordings=recordings, group_kind="recording", notes=(note,) if note else ())


def _chosen(arrays: dict[str, npt.NDArray[Any]], rules: Rules, name: str) -> npt.NDArray[Any]:
    if rules.variables:
        # A name may be an ending: CWRU calls the drive end X097_DE_time, X098_DE_time...
        found = [
            next((arrays[key] for key in sorted(arrays) if key == wanted or key.endswith(wanted)), None)
            for wanted in rules.variables
        ]
        if any(array is None for array in found):
            raise bad_input(
                f"has no array {' and '.join(rules.variables)}, but {', '.join(sorted(arrays))}", where=name
            )
        chosen = [array for array in found if array is not None]
    else:
        most = max(array.shape[0] for array in arrays.values())
        chosen = [array for _, array in sorted(arrays.items()) if array.shape[0] == most]
    length = min(array.shape[0] for array in chosen)
    signal = np.concatenate([array[:length] for array in chosen], axis=1)
    if rules.columns:
        if max(rules.columns) >= signal.shape[1]:
            raise bad_input(f"has {signal.shape[1]} columns, counted from 0", where=name, hint="see --column")
        signal = signal[:, list(rules.columns)]
    if signal.shape[1] > _MOST_CHANNELS:
        raise bad_input(f"has {signal.shape[1]} columns", where=name, hint="say which are channels with --column")
    return signal
