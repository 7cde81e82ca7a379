"""Ready bits of STM32 clock trees: what a chip answers when something was switched on, family by family.

Source: RM0008, RM0090, RM0385, RM0351, RM0440, RM0433, RM0481: chapters PWR and RCC.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from tinygen.boards.spec import ChipSpec

Read = Callable[[int], int]
"""A register's word as it was written -> as it is read."""


def ready_bits(chip: ChipSpec, written: Mapping[int, int]) -> dict[int, Read]:
    """{address: how the register reads}.

    Args:
        chip: whose.
        written: all registers as they were written, by address; looked at when a status register is read.
    """
    rcc, power = chip.peripherals["rcc_base"], chip.peripherals["pwr_base"]
    hse_and_pll = 1 << 16 | 1 << 24 | 1 << 26  # HSE, PLL, PLLI2S or PLL2: the ready bit stands one higher
    match chip.family:
        case "stm32f1":
            return {rcc: _follows(1 | hse_and_pll, 1), rcc + 0x04: _switch(3, 2)}
        case "stm32f4" | "stm32f7":
            always = 1 << 14 | 3 << 16  # VOSRDY, ODRDY, ODSWRDY
            return {
                rcc: _follows(1 | hse_and_pll, 1),
                rcc + 0x08: _switch(3, 2),
                power + 0x04: lambda word: word | always,
            }
        case "stm32l4" | "stm32g4":
            msi, hsi = _follows(1, 1), _follows(1 << 8, 2)
            rest = _follows(hse_and_pll, 1)
            return {rcc: lambda word: msi(hsi(rest(word))), rcc + 0x08: _switch(3, 2)}
        case "stm32h7":
            hsi, rest = _follows(1, 2), _follows(hse_and_pll, 1)
            return {
                rcc: lambda word: hsi(rest(word)),
                rcc + 0x10: _switch(7, 3),
                power + 0x04: lambda word: word | 1 << 13,  # ACTVOSRDY
                power + 0x18: lambda word: word | 1 << 13,  # VOSRDY
            }
        case "stm32h5":
            return {
                rcc: _follows(1 | hse_and_pll, 1),
                rcc + 0x1C: _switch(3, 3),
                power + 0x14: lambda _: 1 << 3 | 1 << 13 | (written.get(power + 0x10, 0) >> 4 & 3) << 14,
            }
        case _:
            return {}


def _follows(enables: int, distance: int) -> Read:
    """Each enable bit's ready bit stands `distance` higher."""
    return lambda word: word & ~(enables << distance) | (word & enables) << distance


def _switch(mask: int, distance: int) -> Read:
    """The status of the clock switch follows the switch."""
    return lambda word: word & ~(mask << distance) | (word & mask) << distance
