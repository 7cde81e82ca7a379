"""What the LED shows, seen at the registers of its pin."""

from __future__ import annotations

import struct
from collections.abc import Callable

import numpy as np
import pytest

from tinygen.boards.loader import find_board
from tinygen.device.client import Client
from tinygen.device.unicorn_target import UnicornLink
from tinygen.device.values import Image
from tinygen.firmware.project_view import render_project

pytestmark = pytest.mark.sim

Images = Callable[[str, str], Image]


class Board:
    """A simulated board whose LED is watched."""

    def __init__(self, name: str, images: Images) -> None:
        board = find_board(name)
        image = images(name, "unicorn")
        self.core = UnicornLink(board, board.simulators[0], image)
        self.client = Client(self.core, 10.0)
        self._turns = next(a for n, a in image.symbols.items() if n.endswith("5wrapsE"))
        port, pin = ord(board.led_pin[1]) - ord("A"), int(board.led_pin[2:])
        offset, stride = (0x10, 0x400) if board.chip.family == "stm32f1" else (0x18, 0x400)
        self._switch = board.chip.peripherals["gpio_base"] + stride * port + offset
        self._set, self._reset = 1 << pin, 1 << (pin + 16)
        self._high = board.led_drive != "low"

    def lit(self) -> bool:
        """What was last written to the pin's set and reset register."""
        word = self.core._registers.read(self._switch)
        assert word in (self._set, self._reset)
        return (word == self._set) == self._high

    def at(self, beat: int) -> bool:
        """Let so many turns of SysTick have passed, and the program take one round."""
        self.core.write_memory(self._turns, struct.pack("<I", beat))
        self.core.write(b"\0")  # an empty frame: the simulated core stands still while nothing comes
        self.core.read(4096, 1.0)
        return self.lit()


@pytest.mark.parametrize("name", ["nucleo_f446re", "blackpill_f411ce", "bluepill_f103c8"])  # high, low, other registers
def test_a_short_flash_shows_life(name: str, images: Images, needs_module: Callable[..., None]) -> None:
    needs_module("unicorn", "sim")
    board = Board(name, images)
    board.client.hello()
    seen = [board.at(beat) for beat in (2, 31, 32, 33, 34, 64, 65, 66)]
    assert seen == [False, False, False, True, False, False, True, False]


def test_a_decision_lights_it_for_a_second(images: Images, needs_module: Callable[..., None]) -> None:
    needs_module("unicorn", "sim")
    board = Board("nucleo_f446re", images)
    board.client.hello()
    assert not board.at(2)
    board.client.stream_begin()
    samples = np.random.default_rng(1).integers(-32768, 32767, (400, 2)).astype(np.int16)
    events = board.client.stream(samples)
    assert events, "the stand-in model has decided for nothing"
    assert [board.at(beat) for beat in (2, 5, 11, 12, 20)] == [True, True, True, False, False]


def test_every_board_with_a_plain_led_says_where_it_is() -> None:
    for name in ("nucleo_f446re", "blackpill_f411ce"):
        config = render_project(find_board(name), "echo", "aot", {}).files["include/board_config.h"].decode()
        assert f"kLedActiveHigh = {int(name != 'blackpill_f411ce')};" in config
