"""What a chain takes of a clock: counts of a signal's stretch against the time that stretch lasts."""

from __future__ import annotations

from collections.abc import Mapping

from tinygen.boards.spec import BoardSpec
from tinygen.core.values import Measurement, Table

HOP_MS = 10
"""Counts are told per this much of the signal."""
SMALL_HZ = 84_000_000
"""The clock of a small Cortex-M4 (STM32F401), which real time is judged on."""


def shares(board: BoardSpec, per_hop: float, unit: str, origin: str) -> list[Measurement]:
    """Counts per 10 ms as shares of the board's clock and, on a Cortex-M4, of 84 MHz; none where a count is no work."""
    if unit not in ("instructions", "cycles"):
        return []
    caution = "; instructions are not cycles" if unit == "instructions" else ""
    small = board.chip.cpu == "cortex-m4" and board.clock_hz != SMALL_HZ
    clocks = {"duty_cycle": board.clock_hz} | ({"duty_cycle_84_mhz": SMALL_HZ} if small else {})
    found = []
    for name, clock_hz in clocks.items():
        if clock_hz:
            share = per_hop * 1000 / HOP_MS / clock_hz
            note = f"{unit} per second over {clock_hz / 1e6:g} MHz, margin {1 - share:.0%}{caution}"
            found.append(Measurement(name=name, value=round(share, 4), unit="ratio", origin=origin, note=note))
    return found


def per_hop_table(parts: Mapping[str, float], unit: str, origin: str) -> Table:
    """Counts of each part per 10 ms of signal."""
    rows = tuple((name, f"{round(count):,}") for name, count in parts.items())
    return Table(title=f"per {HOP_MS} ms of signal ({origin})", columns=("stage", unit), rows=rows)
