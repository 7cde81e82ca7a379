"""Pins as numbers."""

from __future__ import annotations

from collections.abc import Mapping

from tinygen.boards.spec import BoardSpec


def pin_numbers(board: BoardSpec, pins: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
    """{"kScl": "PB8"} -> (("kSclPort", "1"), ("kSclPin", "8")); "GPIO9" has no port: (("kSclPin", "9"),)."""
    found: list[tuple[str, str]] = []
    for name, pin in pins.items():
        if board.chip.port == "stm32":
            found += [(f"{name}Port", str(ord(pin[1]) - ord("A"))), (f"{name}Pin", pin[2:])]
        else:
            found.append((f"{name}Pin", pin.removeprefix("GPIO")))
    return tuple(found)
