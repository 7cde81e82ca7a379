"""What is normal for one machine, learned on it: exact sums per feature, scored by distance. All in integers.

Rows are the int8 values the model would get. Over n <= 4096 healthy rows each feature keeps sum S and sum of squares Q,
which are exact, whatever the order, so nothing can drift or cancel:
    mean   = S / n                              in 1/64 step
    spread = sqrt(n Q - S^2) / n, at least 1    in 1/64 step
    z      = |x - mean| / spread, at most 16    in 1/256
    score  = sum over features of max(z^2 - 4, 0)   in 1/256: what lies within two spreads does not count
The threshold comes from healthy rows: up to 64 of them, spread evenly, are kept while learning, and each is scored
against all the others (leave one out). Of m such scores
    root   = sqrt(score), in 1/16
    limit  = mean of the roots + spreads * their spread;  threshold = limit^2
The root makes such sums of squares nearly normal, so `thresholds.spreads_for` says how many spreads a rate of false
alarms takes. A state is these sums with a digest; the host reads and writes it as the device has it.
The C++ twin is firmware/include/tinygen/learn/normal.h.
"""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from tinygen.core.errors import bad_input
from tinygen.features.integers import sqrt_rounded
from tinygen.tasks.stream import HIGHEST_SCORE

Int8 = npt.NDArray[np.int8]
Int64 = npt.NDArray[np.int64]

MOST_ROWS = 4096
MARK = 0x4C524E32
PHASES: tuple[Literal["nothing", "learning", "frozen"], ...] = ("nothing", "learning", "frozen")

KEPT_ROWS = 64
LEAST_ROWS = 8
MOST_SPREADS = 64.0

_LONGEST_Z = 4095
_NORMAL_Z2 = 4 << 8
_HEAD = struct.Struct("<7I")
_OLDER_MARK = 0x4C524E31


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Learned:
    """Sums over healthy rows: int64 [values] each. `owner`: digest of what makes a row, see firmware/stream_view."""

    count: int
    sums: Int64
    squares: Int64
    threshold: int = 0
    phase: Literal["nothing", "learning", "frozen"] = "frozen"
    owner: int = 0


def learn(rows: Int8, threshold: int = 0) -> Learned:
    """What a device has learned of healthy rows int8 [n, values]; those after the first 4096 are not looked at.

    Raises:
        TinygenError: fewer than two rows: they have no spread.
    """
    wide = rows[:MOST_ROWS].astype(np.int64)
    if len(wide) < 2:
        raise bad_input(f"{len(wide)} healthy rows have no spread, at least 2 are needed", where="learned normal")
    return Learned(count=len(wide), sums=wide.sum(axis=0), squares=(wide * wide).sum(axis=0), threshold=threshold)


def scores(learned: Learned, rows: Int8) -> npt.NDArray[np.int64]:
    """Distances int64 [n] of rows int8 [n, values], as the device computes them."""
    return _distances(learned.count, learned.sums, learned.squares, rows.astype(np.int64))


def left_out_scores(learned: Learned, rows: Int8) -> npt.NDArray[np.int64]:
    """Scores int64 [n] of healthy rows int8 [n, values] that were learned, each as if it had not been."""
    wide = rows.astype(np.int64)
    return _distances(learned.count - 1, learned.sums - wide, learned.squares - wide * wide, wide)


def kept_rows(rows: Int8) -> Int8:
    """The rows a device keeps to set its threshold: spread evenly, every other one dropped when there is no room."""
    kept: list[Int8] = []
    stride = 1
    for came, row in enumerate(rows[:MOST_ROWS]):
        if came % stride:
            continue
        if len(kept) == KEPT_ROWS:
            kept, stride = kept[::2], 2 * stride
        kept.append(row)
    return np.array(kept, dtype=np.int8)


def kept_count(n: int) -> int:
    """How many of n rows a device keeps to set its threshold."""
    return len(kept_rows(np.zeros((n, 1), np.int8)))


def threshold_at(rows: Int8, spreads: float) -> int:
    """The threshold that a device sets itself from the healthy rows int8 [n, values] it learned.

    Raises:
        TinygenError: fewer than 9 rows, or more spreads than 64.
    """
    if len(rows) <= LEAST_ROWS:
        raise bad_input(
            f"{len(rows)} healthy rows set no threshold, at least {LEAST_ROWS + 1} are needed", where="learn"
        )
    found = left_out_scores(learn(rows), kept_rows(rows)).astype(np.uint64)
    roots = [int(root) for root in sqrt_rounded(found << np.uint64(8))]
    n, total, squares = len(roots), sum(roots), sum(root * root for root in roots)
    spread = (int(sqrt_rounded(np.array(n * squares - total * total, dtype=np.uint64))) + n // 2) // n
    limit = (total + n // 2) // n + ((spreads_q8(spreads) * spread + 128) >> 8)
    return min((limit * limit + 128) >> 8, HIGHEST_SCORE)


def spreads_q8(spreads: float) -> int:
    """What the device is sent.

    Raises:
        TinygenError: below 0 or above 64.
    """
    if not 0 <= spreads <= MOST_SPREADS:
        raise bad_input(f"{spreads:g} spreads: 0 to {MOST_SPREADS:g} are possible", where="learn")
    return round(256 * spreads)


def _distances(n: int, sums: Int64, squares: Int64, wide: Int64) -> Int64:
    """Scores of rows int64 [n, values] by sums that are one for all rows, or one for each."""
    mean_q6 = ((sums + 128 * n) * 64 + n // 2) // n - 128 * 64
    spread = np.maximum(n * squares - sums**2, 0).astype(np.uint64) << np.uint64(12)
    spread_q6 = np.maximum((sqrt_rounded(spread).astype(np.int64) + n // 2) // n, 64)
    inverse = (1 << 24) // spread_q6
    z = np.minimum((np.abs(wide * 64 - mean_q6) * inverse) >> 16, _LONGEST_Z)
    beyond = np.maximum(((z * z) >> 8) - _NORMAL_Z2, 0)
    found: Int64 = np.minimum(beyond.sum(axis=1), HIGHEST_SCORE)
    return found


def to_bytes(learned: Learned, number: int = 1) -> bytes:
    """The state as the device keeps it."""
    values = len(learned.sums)
    head = _HEAD.pack(
        MARK, number, PHASES.index(learned.phase), values, learned.owner, learned.count, learned.threshold
    )
    body = head + learned.sums.astype("<i4").tobytes() + learned.squares.astype("<u4").tobytes()
    return body + struct.pack("<I", zlib.crc32(body))


def from_bytes(data: bytes) -> Learned:
    """Read a state.

    Raises:
        TinygenError: cut, torn, or none at all.
    """
    if len(data) < _HEAD.size + 4:
        raise bad_input(f"{len(data)} bytes are no learned state", where="learned normal")
    mark, _, phase, values, owner, count, threshold = _HEAD.unpack_from(data)
    if mark == _OLDER_MARK:
        raise bad_input("was learned with an older tinygen, which did not say for which model", where="learned normal")
    if mark != MARK or len(data) != _HEAD.size + 8 * values + 4 or phase >= len(PHASES):
        raise bad_input("is no learned state", where="learned normal")
    if zlib.crc32(data[:-4]) != int.from_bytes(data[-4:], "little"):
        raise bad_input("its digest is wrong: it was torn or changed", where="learned normal")
    sums = np.frombuffer(data, "<i4", values, _HEAD.size).astype(np.int64)
    squares = np.frombuffer(data, "<u4", values, _HEAD.size + 4 * values).astype(np.int64)
    return Learned(count=count, sums=sums, squares=squares, threshold=threshold, phase=PHASES[phase], owner=owner)
