"""The clock trees in the board files, computed by hand from the TOML's numbers against the datasheets' limits."""

from __future__ import annotations

import dataclasses

import pytest

from tinygen.boards.clock import clock_problems
from tinygen.boards.loader import load_boards
from tinygen.boards.spec import ClockLimits, ClockSpec

MHZ = 1_000_000
# board: (crystal, core, APB1, APB2) in MHz
TREES = {
    "feather_f405": (12, 168, 42, 84),
    "disco_f407vg": (8, 168, 42, 84),
    "nucleo_f446re": (8, 180, 45, 90),
    "nucleo_f401re": (8, 84, 42, 84),
    "nucleo_f411re": (8, 96, 48, 96),
    "blackpill_f411ce": (25, 96, 48, 96),
    "nucleo_f746zg": (8, 216, 54, 108),
    "nucleo_f767zi": (8, 216, 54, 108),
    "nucleo_l476rg": (16, 80, 80, 80),
    "disco_l475vg_iot01a": (16, 80, 80, 80),
    "nucleo_g474re": (24, 170, 170, 170),
    "nucleo_h743zi": (8, 400, 100, 100),
    "nucleo_h563zi": (8, 250, 125, 250),
    "bluepill_f103c8": (8, 72, 36, 72),
}


def tree(board_id: str) -> tuple[ClockSpec, ClockLimits, int]:
    """Clock, limits and wanted core clock of a board that has a tree."""
    board = load_boards()[board_id]
    assert board.clock is not None
    assert board.chip.clock_limits is not None
    return board.clock, board.chip.clock_limits, board.clock_hz


@pytest.mark.parametrize("board_id", TREES)
def test_tree_gives_the_clocks_of_the_datasheet(board_id: str) -> None:
    clock, limits, wanted = tree(board_id)
    crystal, core, apb1, apb2 = (value * MHZ for value in TREES[board_id])
    assert clock.external_hz == crystal
    assert crystal * clock.pll_n == core * clock.pll_m * clock.core_divisor  # exact, no rounding
    assert wanted == core
    bus = core // clock.ahb_divider
    assert (bus // clock.apb1_divider, bus // clock.apb2_divider) == (apb1, apb2)
    assert limits.pll_input_hz[0] <= crystal / clock.pll_m <= limits.pll_input_hz[1]
    assert limits.pll_vco_hz[0] <= crystal / clock.pll_m * clock.pll_n <= limits.pll_vco_hz[1]
    if load_boards()[board_id].chip.family in ("stm32f4", "stm32f7"):
        # Output Q always runs there: USB, SDIO and RNG clock. The other families switch it on where it is wanted.
        assert crystal / clock.pll_m * clock.pll_n / clock.pll_q <= 48 * MHZ
    assert clock_problems(clock, limits, wanted) == []


@pytest.mark.parametrize("board_id", TREES)
def test_baud_rate_is_within_one_percent_on_both_clocks(board_id: str) -> None:
    board = load_boards()[board_id]
    clock, limits, core = tree(board_id)
    divider = {1: clock.apb1_divider, 2: clock.apb2_divider}[board.chip.peripherals[f"{board.serial.peripheral}_bus"]]
    for bus_hz in (core // divider, limits.internal_hz):
        register = (bus_hz + board.serial.baud // 2) // board.serial.baud
        assert abs(bus_hz / register / board.serial.baud - 1) < 0.01


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"pll_m": 2}, "PLL input"),
        ({"pll_n": 250}, "PLL VCO"),
        ({"pll_p": 4}, "core:"),
        ({"apb1_divider": 2}, "APB1"),
        ({"apb2_divider": 1}, "APB2"),
        ({"flash_wait_states": 4}, "flash_wait_states"),
        ({"pll_m": 7}, "remainder"),
    ],
)
def test_each_limit_is_watched(change: dict[str, int], words: str) -> None:
    clock, limits, wanted = tree("nucleo_f446re")
    problems = clock_problems(dataclasses.replace(clock, **change), limits, wanted)  # type: ignore[arg-type]
    assert any(words in text for text in problems)
