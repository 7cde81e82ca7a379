"""stm32flash writes onto an STM32 that is only its serial boot loader, on a pseudo-terminal, with faults to order.

Source of the boot loader: ST AN3155 "USART protocol used in the STM32 bootloader" (commands, acknowledgements,
checksums); AN2606, product identifiers.
"""

from __future__ import annotations

import os
import select
import threading
import tty
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from tinygen.boards.loader import load_boards
from tinygen.boards.spec import BoardSpec
from tinygen.core.canonical import pretty_json
from tinygen.core.errors import ExitCode, TinygenError
from tinygen.toolchain.flash import flash

pytestmark = [pytest.mark.sim, pytest.mark.skipif(os.name != "posix", reason="pseudo-terminals are POSIX")]
IMAGE = bytes(range(256)) * 9 + b"the end"
UNTOUCHED = "the board was not written to"
HALF = "its flash is partly written"
ACK, NACK = b"\x79", b"\x1f"
COMMANDS = bytes([0x00, 0x01, 0x02, 0x11, 0x21, 0x31, 0x44, 0x63, 0x73, 0x82, 0x92])


class UnpluggedError(Exception):
    """The cable is out."""


@dataclass
class BootLoader:
    """One chip in its boot loader.

    Attributes:
        product_id: what Get ID answers.
        locked: read protection is on: erasing, reading and writing are refused.
        lose_answers: so many acknowledgements of written blocks never arrive.
        unplug_after: the terminal closes when so many blocks are written; None never.
        flip_at: this address reads back with a bit flipped, as worn flash would.
        deaf: the chip runs its firmware, not its boot loader.
        started_at: the address a Go command named.
    """

    product_id: int = 0x413
    flash_address: int = 0x08000000
    flash_bytes: int = 1 << 20
    locked: bool = False
    lose_answers: int = 0
    unplug_after: int | None = None
    flip_at: int | None = None
    deaf: bool = False
    started_at: int | None = None
    blocks: int = 0
    erased: bool = False
    memory: bytearray = field(default_factory=bytearray, init=False)

    def __post_init__(self) -> None:
        self.memory = bytearray(b"\x5a" * self.flash_bytes)  # an older firmware
        self._master, self._slave = os.openpty()
        tty.setraw(self._slave)
        self.port = os.ttyname(self._slave)
        self._stop = threading.Event()
        self._started = threading.Event()
        self._thread = threading.Thread(target=self._serve, daemon=True)

    def __enter__(self) -> BootLoader:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join(5)
        for fd in (self._master, self._slave):
            try:
                os.close(fd)
            except OSError:
                continue

    def wait_for_start(self, seconds: float = 5.0) -> None:
        """The Go command is carried out after its acknowledgement: the uploader may have ended by then."""
        self._started.wait(seconds)

    def _read(self, count: int) -> bytes:
        data = b""
        while len(data) < count:
            if self._stop.is_set():
                raise UnpluggedError
            if select.select([self._master], [], [], 0.1)[0]:
                data += os.read(self._master, count - len(data))
        return data

    def _send(self, data: bytes) -> None:
        os.write(self._master, data)

    def _serve(self) -> None:
        try:
            while self._read(1) != b"\x7f" or self.deaf:
                continue
            self._send(ACK)
            while True:
                self._command()
        except UnpluggedError:
            return
        except OSError:
            return

    def _command(self) -> None:
        code, complement = self._read(2)
        if code ^ complement != 0xFF or code not in COMMANDS:
            self._send(NACK)
            return
        if code == 0x00:
            self._send(ACK + bytes([len(COMMANDS), 0x31]) + COMMANDS + ACK)
        elif code == 0x01:
            self._send(ACK + bytes([0x31, 0x00, 0x00]) + ACK)
        elif code == 0x02:
            self._send(ACK + bytes([1]) + self.product_id.to_bytes(2, "big") + ACK)
        elif self.locked:
            self._send(NACK)
        elif code == 0x11:
            self._read_memory()
        elif code == 0x21:
            self._go()
        elif code == 0x31:
            self._write_memory()
        elif code == 0x44:
            self._erase()
        else:
            self._send(NACK)

    def _address(self) -> int | None:
        self._send(ACK)
        body = self._read(5)
        check = 0
        for byte in body:
            check ^= byte
        address = int.from_bytes(body[:4], "big")
        if check or not self.flash_address <= address < self.flash_address + self.flash_bytes:
            self._send(NACK)
            return None
        self._send(ACK)
        return address - self.flash_address

    def _read_memory(self) -> None:
        start = self._address()
        if start is None:
            return
        count = self._read(2)[0] + 1
        data = bytearray(self.memory[start : start + count])
        if self.flip_at is not None and start <= self.flip_at - self.flash_address < start + count:
            data[self.flip_at - self.flash_address - start] ^= 0x10
        self._send(ACK + bytes(data))

    def _go(self) -> None:
        start = self._address()
        if start is not None:
            self.started_at = self.flash_address + start
            self._started.set()

    def _write_memory(self) -> None:
        start = self._address()
        if start is None:
            return
        count = self._read(1)[0] + 1
        data = self._read(count)
        check = count - 1
        for byte in data + self._read(1):
            check ^= byte
        if check:
            self._send(NACK)
            return
        self.memory[start : start + count] = data
        self.blocks += 1
        if self.unplug_after is not None and self.blocks >= self.unplug_after:
            os.close(self._master)
            raise UnpluggedError
        if self.lose_answers:
            self.lose_answers -= 1
            return
        self._send(ACK)

    def _erase(self) -> None:
        self._send(ACK)
        count = int.from_bytes(self._read(2), "big")
        rest = self._read(1 if count >= 0xFFF0 else 2 * (count + 1) + 1)
        del rest
        self.memory[:] = b"\xff" * self.flash_bytes
        self.erased = True
        self._send(ACK)


def project(root: Path, board: BoardSpec, core: str = "pio-core-0123") -> Path:
    folder = root / ".pio" / "build" / board.id
    folder.mkdir(parents=True)
    (root / "platformio.ini").write_text(f"[env:{board.id}]\nboard = {board.platformio.board}\n")
    (folder / "tinygen-origin.json").write_text(pretty_json({"core": core}))
    (folder / "firmware.elf").touch()
    (folder / "firmware.bin").write_bytes(IMAGE)
    return root


@pytest.fixture
def stm32(tmp_path: Path, needs_tool: Callable[..., str], monkeypatch: pytest.MonkeyPatch) -> Path:
    """A built feather_f405 project; stm32flash without its parity bit, which pseudo-terminals do not have."""
    real = needs_tool("stm32flash", "stm32flash")
    shim = tmp_path / "bin" / "stm32flash"
    shim.parent.mkdir()
    shim.write_text(f'#!/bin/sh\n[ "$3 $4" = "-m 8e1" ] || exit 9\nb=$2; shift 4\nexec {real} -b $b -m 8n1 "$@"\n')
    shim.chmod(0o755)
    monkeypatch.setenv("PATH", str(shim.parent), prepend=os.pathsep)
    return project(tmp_path / "project", load_boards()["feather_f405"])


def write(root: Path, chip: BootLoader, told: list[int] | None = None) -> None:
    def progress(stage: str, done: int, total: int, remark: str = "") -> None:
        if told is not None:
            told.append(done)

    flash(root, load_boards()["feather_f405"], port=chip.port, offline=True, via="serial", progress=progress)


def test_an_image_arrives_whole_and_starts(stm32: Path) -> None:
    told: list[int] = []
    with BootLoader() as chip:
        write(stm32, chip, told)
        assert chip.memory[: len(IMAGE)] == IMAGE
        chip.wait_for_start()
        assert chip.started_at == 0x08000000
    assert told[-1] == 100
    assert told == sorted(told)


@pytest.mark.parametrize(
    ("fault", "code", "said", "state"),
    [
        ({"product_id": 0x421}, ExitCode.CHECK_FAILED, r"product id 0x421 .*stm32f405rg has 0x413", UNTOUCHED),
        ({"locked": True}, ExitCode.TOOL_FAILED, "flash is protected", UNTOUCHED),
        ({"lose_answers": 1}, ExitCode.TOOL_FAILED, "Failed to read ACK byte", HALF),
        ({"unplug_after": 3}, ExitCode.NO_ANSWER, "went away in the middle", HALF),
        ({"flip_at": 0x08000123}, ExitCode.CHECK_FAILED, "Failed to verify at address 0x08000123", HALF),
        ({"deaf": True}, ExitCode.NO_ANSWER, "no board answered", UNTOUCHED),
    ],
    ids=["wrong chip", "locked flash", "lost bytes", "unplugged", "worn flash", "not in its boot loader"],
)
def test_what_goes_wrong_is_named_with_the_state_of_the_board(
    stm32: Path, fault: dict[str, Any], code: ExitCode, said: str, state: str
) -> None:
    with BootLoader(**fault) as chip, pytest.raises(TinygenError, match=said) as caught:
        write(stm32, chip)
    assert caught.value.code == code
    assert state in str(caught.value)
    assert chip.erased == (state == HALF)


def test_an_interruption_says_what_state_the_board_is_in(stm32: Path) -> None:
    def interrupt(stage: str, done: int, total: int, remark: str = "") -> None:
        raise KeyboardInterrupt

    with BootLoader() as chip, pytest.raises(TinygenError, match="interrupted while writing") as caught:
        flash(stm32, load_boards()["feather_f405"], port=chip.port, offline=True, via="serial", progress=interrupt)
    assert caught.value.code == ExitCode.INTERRUPTED
    assert HALF in str(caught.value)


def test_an_upload_without_end_is_stopped_and_says_the_state(stm32: Path) -> None:
    board = load_boards()["feather_f405"]
    with BootLoader(deaf=True) as chip, pytest.raises(TinygenError, match="took longer than") as caught:
        flash(stm32, board, port=chip.port, offline=True, via="serial", timeout_s=0.5)
    assert UNTOUCHED in str(caught.value)
