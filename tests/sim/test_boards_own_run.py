"""One file is all that a board on a known chip takes: with another serial line and LED, it is built and answers."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tinygen.boards.framework import with_framework
from tinygen.boards.loader import find_board
from tinygen.core.files import write_tree
from tinygen.core.values import CheckStatus
from tinygen.device.client import Client
from tinygen.device.unicorn_target import UnicornLink
from tinygen.device.values import Image
from tinygen.firmware.project_view import render_project
from tinygen.pipeline import catalogue

pytestmark = pytest.mark.sim

CHANGES = (
    ('peripheral = "usart2"', 'peripheral = "usart1"'),
    ('tx_pin = "PA2"', 'tx_pin = "PA9"'),
    ('rx_pin = "PA3"', 'rx_pin = "PA10"'),
    ('led_pin = "PA5"', 'led_pin = "PC13"'),
    ('led_drive = "high"', 'led_drive = "low"'),
    ('serial = "usart2"', 'serial = "usart1"'),
)


def test_a_new_boards_firmware_answers_on_its_own_pins(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    images: Callable[[str, str], Image],
    needs_module: Callable[..., None],
) -> None:
    needs_module("unicorn", "sim")
    monkeypatch.chdir(tmp_path)
    catalogue.new("mine", "stm32f446re", None)
    file = Path("boards/mine.toml")
    text = file.read_text()
    for old, new in CHANGES:
        assert text.count(old) == 1, old
        text = text.replace(old, new)
    file.write_text(text)
    assert [c.status for c in catalogue.check((file,)).checks if c.status is not CheckStatus.PASSED] == []
    board = find_board("mine")
    core = UnicornLink(board, board.simulators[0], images("mine", "unicorn"), interrupts=True)
    assert Client(core, 10.0).hello().board == "mine"
    port_c = board.chip.peripherals["gpio_base"] + 0x800
    assert core._registers.read(port_c + 0x18) in (1 << 13, 1 << 29)


@pytest.mark.parametrize(
    ("board_id", "framework"),
    [("nucleo_f446re", "none"), ("nucleo_f446re", "arduino"), ("nucleo_f446re", "stm32cube"), ("esp32s3", "espidf")],
)
def test_platformios_own_parser_finds_nothing_wrong(
    board_id: str, framework: str, tmp_path: Path, needs_module: Callable[..., None]
) -> None:
    needs_module("platformio", "build")
    write_tree(tmp_path, render_project(with_framework(find_board(board_id), framework), "echo", "aot", {}).files)
    words = [sys.executable, "-m", "platformio", "project", "config", "--lint"]
    done = subprocess.run(words, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "free from linting errors" in done.stdout
