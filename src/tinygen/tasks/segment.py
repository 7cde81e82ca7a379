"""Where a motion begins and ends in an endless stream, and when the model should look, in the device's integers.

Per row q (int8, what the model would get) of a front end:
    change = floor(sum over values of |16 q - mean| / 16);  mean = mean + q - floor(mean / 16)   at first 16 q
    level  = level - floor(level / 8) + change
so that the level is about 8 times how far the newest 8 rows lie from the mean of the newest 16.
A motion begins when level > start; it is over after `quiet_rows` rows in a row with level < stop, or when it has lasted
window_rows. Then the model looks once, (window_rows - motion) / 2 rows after the motion's last row, so that the motion
stands in the middle of the window as it does in recordings. What goes on longer is looked at again and again: a class
"none" has to refuse it. Between motions nothing is inferred.
The C++ twin is firmware/include/tinygen/stream/segment.h.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from tinygen.core.errors import bad_input

LEVEL_BITS = 3
MEAN_BITS = 4

Int8 = npt.NDArray[np.int8]
Int64 = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True, kw_only=True)
class SegmentRule:
    """The integers: levels in steps of the model's input, quiet_rows in rows."""

    start: int
    stop: int
    quiet_rows: int


def check_segments(rule: SegmentRule) -> None:
    """Refuse what the device cannot compute.

    Raises:
        TinygenError: naming what is wrong.
    """
    if not 0 < rule.stop <= rule.start < 1 << 24:
        raise bad_input(f"0 < stop <= start < 2^24, got {rule.stop}, {rule.start}", where="segments")
    if not 1 <= rule.quiet_rows <= 4096:
        raise bad_input(f"quiet_rows must be in 1..4096, got {rule.quiet_rows}", where="segments")


def levels(rows: npt.NDArray[np.generic]) -> Int64:
    """How much moves: int64 [n] of rows [n, values] of integers."""
    wide = rows.astype(np.int64)
    out = np.zeros(len(rows), np.int64)
    mean, level = 16 * wide[:1].sum(axis=0), 0
    for i, row in enumerate(wide):
        change = int(np.abs(16 * row - mean).sum()) >> MEAN_BITS
        mean = mean + row - (mean >> MEAN_BITS)
        level += change - (level >> LEVEL_BITS)
        out[i] = level
    return out


def looks(rule: SegmentRule, rows: Int8, window_rows: int) -> list[int]:
    """Numbers of the rows behind which the model should look.

    Args:
        rule: the integers.
        rows: int8 [n, values], a whole stream.
        window_rows: of the model.
    """
    found = []
    moving, length, quiet, wait = False, 0, 0, -1
    for number, level in enumerate(levels(rows).tolist()):
        if moving:
            length += 1
            quiet = quiet + 1 if level < rule.stop else 0
            if quiet >= rule.quiet_rows or length >= window_rows:
                moving = False
                wait = max(0, (window_rows - (length - quiet)) // 2 - quiet)
        elif level > rule.start:
            moving, length, quiet = True, 0, 0
        if wait >= 0:
            if wait == 0:
                found.append(number)
            wait -= 1
    return found
