"""Where two ST-LINKs are attached, the one behind the board's virtual COM port writes: by its serial number."""

from __future__ import annotations

import io
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from rich.console import Console

from tinygen.boards.loader import find_board
from tinygen.cli import output
from tinygen.core.errors import AmbiguousError, ExitCode, TinygenError
from tinygen.device.discovery import SerialPort, probe_on
from tinygen.device.usb import KNOWN, UsbDevice, the_one_to_write
from tinygen.toolchain.flash import flash
from tinygen.toolchain.uploaders import UPLOADERS, judge, stm32_commands, upload_environment

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
    assert f"sn={SERIAL}" in commands("STM32_Programmer_CLI", SERIAL)
    assert "sn=" not in " ".join(commands("STM32_Programmer_CLI", ""))
    # A UART has no serial number that a boot loader would know.
    assert SERIAL not in " ".join(commands("stm32flash", SERIAL))


def test_every_way_of_writing_verifies(tmp_path: Path) -> None:
    assert "verify" in commands("openocd", "")[-1]
    assert commands("st-flash", "")[2] == "write"  # which ends with "Flash written and verified"
    assert "-v" in commands("stm32flash", "")
    assert "-v" in commands("STM32_Programmer_CLI", "")
    (tmp_path / "firmware.bin").write_bytes(b"image")
    tool = next(tool for tool in UPLOADERS if tool.program == "dfu-util")
    write, read = stm32_commands(tool, tmp_path, find_board("feather_f405"), None, "DFU1")
    for words in (write, read):
        assert words[words.index("-S") + 1] == "DFU1"
        assert words[words.index("-d") + 1] == "0483:df11"
    assert write[-2:] == ("-D", str(tmp_path / "firmware.bin"))
    assert "leave" not in " ".join(write)  # it starts only when it was read back
    assert read[-4:] == ("-s", "0x08000000:5:leave", "-U", str(tmp_path / "read_back.bin"))


DFU_UTIL = """#!/bin/sh
echo "Download	[=========================] 100% 5 bytes"
for last; do :; done
case "$*" in *-U*) printf '%s' "$READS" > "$last";; esac
"""


@pytest.mark.skipif(os.name != "posix", reason="a shell script stands for dfu-util")
@pytest.mark.parametrize("reads", ["image", "imagE", "ima", ""])
def test_what_dfu_util_reads_back_decides(reads: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tool = tmp_path / "bin" / "dfu-util"
    tool.parent.mkdir()
    tool.write_text(DFU_UTIL)
    tool.chmod(0o755)
    monkeypatch.setenv("PATH", str(tool.parent), prepend=os.pathsep)
    monkeypatch.setenv("READS", reads)
    folder = tmp_path / "project" / ".pio" / "build" / "feather_f405"
    folder.mkdir(parents=True)
    (folder.parents[2] / "platformio.ini").write_text("[env:feather_f405]\nboard = adafruit_feather_f405\n")
    (folder / "tinygen-origin.json").write_text('{"core": "pio-core-0"}')
    (folder / "firmware.elf").touch()
    (folder / "firmware.bin").write_bytes(b"image")
    (folder / "read_back.bin").write_bytes(b"image")  # of an earlier time
    if reads == "image":
        flash(folder.parents[2], find_board("feather_f405"), offline=True, via="dfu")
        return
    with pytest.raises(TinygenError, match="what was read back is not what was written") as caught:
        flash(folder.parents[2], find_board("feather_f405"), offline=True, via="dfu")
    assert caught.value.code == ExitCode.CHECK_FAILED
    assert f"{len(reads)} of 5 bytes came back" in str(caught.value)


def device(usb_id: tuple[int, int], serial: str) -> UsbDevice:
    return UsbDevice(usb_id=usb_id, title=dict(KNOWN)[usb_id], allowed=True, serial_number=serial)


def test_several_boot_loaders_or_probes_are_an_open_question() -> None:
    dfu = [device((0x0483, 0xDF11), "AAA"), device((0x0483, 0xDF11), "BBB")]
    probes = [device((0x0483, 0x374B), "CCC"), device((0x0483, 0x3748), "DDD")]
    assert the_one_to_write("dfu", dfu[:1] + probes) == ""
    assert the_one_to_write("stlink", dfu + probes[:1]) == ""
    assert the_one_to_write("serial", dfu + probes) == ""
    for protocol, plugged in (("dfu", dfu), ("stlink", probes)):
        with pytest.raises(AmbiguousError) as caught:
            the_one_to_write(protocol, plugged)
        assert caught.value.code == ExitCode.BAD_INPUT
        assert caught.value.option == "--probe"
        assert list(caught.value.choices) == [found.serial_number for found in plugged]


def test_platformio_is_told_the_serial_number_too() -> None:
    assert upload_environment(find_board("nucleo_f446re"), "A1") == {"PLATFORMIO_UPLOAD_FLAGS": "-c\nadapter serial A1"}
    assert upload_environment(find_board("feather_f405"), "A1") == {"PLATFORMIO_UPLOAD_FLAGS": "-S\nA1"}
    assert upload_environment(find_board("nucleo_f446re"), "") == {}
    assert upload_environment(find_board("esp32s3"), "A1") == {}


def test_a_person_at_the_terminal_is_asked_a_script_is_not(monkeypatch: pytest.MonkeyPatch) -> None:
    error = AmbiguousError("several", option="--port", choices={"/dev/a": "one", "/dev/b": "two"})
    with pytest.raises(AmbiguousError):
        output.which(error)
    said = io.StringIO()
    monkeypatch.setattr(output, "people", Console(file=said, force_terminal=True, width=80, color_system=None))
    terminal = io.StringIO("2\n")
    terminal.isatty = lambda: True  # type: ignore[method-assign]
    monkeypatch.setattr(sys, "stdin", terminal)
    monkeypatch.setattr(sys, "argv", ["tinygen", "flash"])
    assert output.which(error) == "/dev/b"
    assert "/dev/a  one" in said.getvalue()
    monkeypatch.setattr(sys, "argv", ["tinygen", "flash", "--json"])
    with pytest.raises(AmbiguousError):
        output.which(error)


@pytest.mark.parametrize("program", ["openocd", "st-flash", "dfu-util"])
def test_the_real_program_takes_the_words_and_finds_no_device(
    program: str, tmp_path: Path, needs_tool: Callable[..., str]
) -> None:
    needs_tool(program, next(tool.package for tool in UPLOADERS if tool.program == program))
    (tmp_path / "build").mkdir()
    for name in ("firmware.elf", "firmware.bin"):
        (tmp_path / "build" / name).write_bytes(b"\0" * 64)
    done = subprocess.run(
        commands(program, SERIAL), cwd=tmp_path, capture_output=True, text=True, timeout=30, env=dict(os.environ),
        check=False,
    )  # fmt: skip
    outcome = judge(done.stdout + done.stderr, port_gone=False)
    assert done.returncode == {"openocd": 1, "st-flash": 255, "dfu-util": 74}[program]
    assert outcome.absent, done.stdout + done.stderr
    assert "still has its old firmware" in outcome.state
