"""STM32's reset flags, family by family: what RCC says of the last resets until a program removes the flags.

Every reset pulls the reset pin from inside, so that its flag stands too; a power-on also passes the brown-out level.

Source: RM0008 7.3.10, RM0090 7.3.21, RM0385 5.3.21, RM0351 6.4.29, RM0440 7.4.28, RM0433 8.7.39, RM0481 11.8.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Cause = Literal["power-on", "software", "watchdog"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ResetFlags:
    """Where they are, and which are set by what.

    Attributes:
        offset: of the register, in bytes from RCC.
        remove: mask of the bit that clears all flags when written as 1.
    """

    offset: int
    remove: int
    power_on: int
    software: int
    watchdog: int

    def after(self, cause: Cause) -> int:
        """The flags a reset of this kind leaves."""
        return {"power-on": self.power_on, "software": self.software, "watchdog": self.watchdog}[cause]


def _bits(*places: int) -> int:
    return sum(1 << place for place in places)


def _flags(
    offset: int, remove: int, pin: int, *, power_on: tuple[int, ...], software: int, watchdog: int
) -> ResetFlags:
    return ResetFlags(
        offset=offset,
        remove=_bits(remove),
        power_on=_bits(pin, *power_on),
        software=_bits(pin, software),
        watchdog=_bits(pin, watchdog),
    )


_FAMILIES = {
    "stm32f1": _flags(0x24, 24, 26, power_on=(27,), software=28, watchdog=29),
    "stm32f4": _flags(0x74, 24, 26, power_on=(25, 27), software=28, watchdog=29),
    "stm32f7": _flags(0x74, 24, 26, power_on=(25, 27), software=28, watchdog=29),
    "stm32l4": _flags(0x94, 23, 26, power_on=(27,), software=28, watchdog=29),
    "stm32g4": _flags(0x94, 23, 26, power_on=(27,), software=28, watchdog=29),
    "stm32h5": _flags(0xF4, 23, 26, power_on=(27,), software=28, watchdog=29),
    "stm32h7": _flags(0xD0, 16, 22, power_on=(19, 20, 21, 23), software=24, watchdog=26),
}


def reset_flags(family: str) -> ResetFlags | None:
    """Those of a family; None where they are not described."""
    return _FAMILIES.get(family)
