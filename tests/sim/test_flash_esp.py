"""esptool writes onto an ESP32-S3 that is only its ROM boot loader (PyPI: esp32-mock-bootloader)."""

from __future__ import annotations

import importlib.util
import os
import random
import select
import subprocess
import sys
import threading
import tty
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tinygen.boards.loader import load_boards
from tinygen.core.canonical import pretty_json
from tinygen.core.errors import ExitCode, TinygenError
from tinygen.toolchain.flash import commands, flash
from tinygen.toolchain.uploaders import FLASH_IMAGES

pytestmark = [pytest.mark.sim, pytest.mark.skipif(os.name != "posix", reason="pseudo-terminals are POSIX")]
IMAGE = random.Random(1).randbytes(30_000)  # cannot be compressed
IN_STUB, IN_FLASH = 9_000, 30_000  # bytes on the line while esptool loads its helper into RAM; while it writes flash
UNTOUCHED = "the board was not written to"
HALF = "its flash is partly written"


@pytest.fixture
def rom(needs_module: Callable[[str], None]) -> Iterator[str]:
    """The port of an ESP32-S3 that waits in its ROM boot loader."""
    needs_module("esp32_mock_bootloader")
    from esp32_mock_bootloader.process import start_pty, stop_subprocess

    process, port = start_pty(chip="esp32s3", timeout=120)
    yield port
    stop_subprocess(process)


def esp(tmp_path: Path) -> Path:
    """What a build with Espressif's packages leaves: images and the list of where they go."""
    folder = tmp_path / ".pio" / "build" / "esp32s3"
    folder.mkdir(parents=True)
    (tmp_path / "platformio.ini").write_text("[env:esp32s3]\nboard = esp32-s3-devkitc-1\n")
    (folder / "tinygen-origin.json").write_text(pretty_json({"core": "registry"}))
    (folder / "firmware.elf").touch()
    for name in ("bootloader.bin", "firmware.bin"):
        (folder / name).write_bytes(b"\xe9" + IMAGE)
    (folder / "partitions.bin").write_bytes(IMAGE[:3072])
    listed = [["0x0000", "bootloader.bin"], ["0x8000", "partitions.bin"], ["0x10000", "firmware.bin"]]
    (folder / FLASH_IMAGES).write_text(pretty_json(listed))
    return tmp_path


@contextmanager
def cable(port: str, *, cut_after: int | None = None, lose_at: range = range(0), locked: bool = False) -> Iterator[str]:
    """A line to `port` that loses some bytes on their way to the chip, or breaks after so many of them.

    Args:
        port: the chip's.
        cut_after: so many bytes to the chip pass.
        lose_at: these of them do not arrive.
        locked: the chip's security information says "flash encryption and secure download mode".
    """
    master, slave = os.openpty()
    tty.setraw(slave)
    device = os.open(port, os.O_RDWR | os.O_NOCTTY)
    tty.setraw(device)
    stop = threading.Event()

    def carry() -> None:
        sent = 0
        while not stop.is_set():
            for ready in select.select([master, device], [], [], 0.1)[0]:
                data = os.read(ready, 4096)
                if ready == device:
                    os.write(master, protected(data) if locked else data)
                    continue
                if cut_after is not None and sent + len(data) > cut_after:
                    os.close(master)
                    return
                os.write(device, bytes(b for place, b in enumerate(data, sent) if place not in lose_at))
                sent += len(data)

    thread = threading.Thread(target=carry, daemon=True)
    thread.start()
    yield os.ttyname(slave)
    stop.set()
    thread.join(5)


def protected(data: bytes) -> bytes:
    """The answer to GET_SECURITY_INFO (0x14) with bit 2 of its flags and an odd flash_crypt_cnt. Source: esptool."""
    at = data.find(b"\xc0\x01\x14")
    if at < 0:
        return data
    changed = bytearray(data)
    changed[at + 9] |= 1 << 2
    changed[at + 13] = 1
    return bytes(changed)


def read_back(port: str, folder: Path) -> bytes:
    words = (sys.executable, "-m", "esptool", "--chip", "esp32s3", "--port", port, "--connect-attempts", "20")
    read = (*words, "read-flash", "0x10000", str(len(IMAGE) + 1), str(folder / "read.bin"))
    done = subprocess.run(read, check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return (folder / "read.bin").read_bytes()


def test_every_image_arrives_at_its_place(tmp_path: Path, rom: str) -> None:
    flash(esp(tmp_path), load_boards()["esp32s3"], port=rom, offline=False)
    assert read_back(rom, tmp_path) == b"\xe9" + IMAGE


def test_some_lost_bytes_are_sent_again(tmp_path: Path, rom: str) -> None:
    with cable(rom, lose_at=range(IN_FLASH, IN_FLASH + 40)) as port:
        flash(esp(tmp_path), load_boards()["esp32s3"], port=port, offline=False)
    assert read_back(rom, tmp_path) == b"\xe9" + IMAGE


def test_the_list_of_images_decides_the_command(tmp_path: Path) -> None:
    if importlib.util.find_spec("esptool") is None:
        pytest.skip("esptool is not installed")
    root, board = esp(tmp_path), load_boards()["esp32s3"]
    (words,) = commands(root, board, port="/dev/ttyACM0", offline=False)
    assert [word for word in words if word.startswith("0x")] == ["0x0", "0x8000", "0x10000"]
    (root / ".pio" / "build" / "esp32s3" / "partitions.bin").unlink()
    with pytest.raises(TinygenError, match=r"no file that is there: .*partitions\.bin"):
        commands(root, board, port="/dev/ttyACM0", offline=False)
    (root / ".pio" / "build" / "esp32s3" / FLASH_IMAGES).write_text("[[1]]")
    with pytest.raises(TinygenError, match="is damaged"):
        commands(root, board, port="/dev/ttyACM0", offline=False)


def test_another_espressif_chip_is_not_written_to(tmp_path: Path, needs_module: Callable[[str], None]) -> None:
    needs_module("esp32_mock_bootloader")
    from esp32_mock_bootloader.process import start_pty, stop_subprocess

    process, port = start_pty(chip="esp32c3", timeout=120)
    try:
        with pytest.raises(TinygenError, match=r"another chip is connected: This chip is ESP32-C3") as caught:
            flash(esp(tmp_path), load_boards()["esp32s3"], port=port, offline=False)
    finally:
        stop_subprocess(process)
    assert caught.value.code == ExitCode.CHECK_FAILED
    assert UNTOUCHED in str(caught.value)


@pytest.mark.parametrize(
    ("fault", "code", "said", "state"),
    [
        ({"cut_after": IN_STUB}, ExitCode.NO_ANSWER, "no board answered", UNTOUCHED),
        ({"cut_after": IN_FLASH}, ExitCode.NO_ANSWER, "went away in the middle", HALF),
        ({"lose_at": range(IN_STUB, IN_STUB + 40)}, ExitCode.TOOL_FAILED, "flashing failed", UNTOUCHED),
        ({"lose_at": range(IN_FLASH, 1 << 30)}, ExitCode.TOOL_FAILED, "flashing failed", HALF),
        ({"lose_at": range(1 << 30)}, ExitCode.NO_ANSWER, "no board answered", UNTOUCHED),
        ({"locked": True}, ExitCode.TOOL_FAILED, "its flash is protected", UNTOUCHED),
    ],
    ids=["unplugged early", "unplugged", "lost bytes early", "lost bytes", "not in its boot loader", "locked flash"],
)
def test_what_goes_wrong_is_named_with_the_state_of_the_board(
    tmp_path: Path, rom: str, fault: dict[str, Any], code: ExitCode, said: str, state: str
) -> None:
    with cable(rom, **fault) as port, pytest.raises(TinygenError, match=said) as caught:
        flash(esp(tmp_path), load_boards()["esp32s3"], port=port, offline=False)
    assert caught.value.code == code
    assert state in str(caught.value)
