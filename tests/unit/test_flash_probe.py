"""Where two ST-LINKs are attached, the one behind the board's virtual COM port writes: by its serial number."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tinygen.boards.loader import find_board
from tinygen.device.discovery import SerialPort, probe_on
from tinygen.toolchain.uploaders import UPLOADERS, judge, stm32_commands

SERIAL = "066BFF554852717267184239"


def ports() -> list[SerialPort]:
    stlink, uart = (0x0483, 0x374B), (0x10C4, 0xEA60)
    return [
        SerialPort(device="/dev/ttyACM0", description="ST-LINK", usb_id=stlink, serial_number=SERIAL),
        SerialPort(device="/dev/ttyACM1", description="ST-LINK", usb_id=stlink, serial_number="0670FF"),
        SerialPort(device="/dev/ttyUSB0", description="adapter", usb_id=uart, serial_number="0001"),
    ]


def test_the_probe_is_the_one_behind_the_port() -> None:
    assert probe_on("/dev/ttyACM0", ports()) == SERIAL
    assert probe_on("/dev/ttyACM1", ports()) == "0670FF"
    assert probe_on("/dev/ttyUSB0", ports()) == ""
    assert probe_on("socket://rack:5001", ports()) == ""


def commands(program: str, probe: str) -> tuple[str, ...]:
    tool = next(tool for tool in UPLOADERS if tool.program == program)
    return stm32_commands(tool, Path("build"), find_board("nucleo_f446re"), "/dev/ttyACM0", probe)[-1]


def test_openocd_and_st_flash_are_told_its_serial_number() -> None:
    words = commands("openocd", SERIAL)
    assert words.index(f"adapter serial {SERIAL}") < words.index("target/stm32f4x.cfg")
    words = commands("st-flash", SERIAL)
    assert words[words.index("--serial") + 1] == SERIAL
    assert words.index("--serial") < words.index("write")
    assert "adapter" not in " ".join(commands("openocd", ""))
    assert "--serial" not in commands("st-flash", "")
    # The boot loaders are another USB device, or a UART: a probe's number says nothing there.
    assert SERIAL not in " ".join((*commands("dfu-util", SERIAL), *commands("stm32flash", SERIAL)))


@pytest.mark.parametrize("program", ["openocd", "st-flash"])
def test_the_real_program_takes_the_words_and_finds_no_device(program: str, tmp_path: Path) -> None:
    if shutil.which(program) is None:
        pytest.skip(f"{program} is not installed")
    (tmp_path / "build").mkdir()
    for name in ("firmware.elf", "firmware.bin"):
        (tmp_path / "build" / name).write_bytes(b"\0" * 64)
    done = subprocess.run(
        commands(program, SERIAL), cwd=tmp_path, capture_output=True, text=True, timeout=30, env=dict(os.environ),
        check=False,
    )  # fmt: skip
    assert done.returncode != 0
    outcome = judge(done.stdout + done.stderr, port_gone=False)
    assert outcome.absent, done.stdout + done.stderr
    assert "still has its old firmware" in outcome.state
