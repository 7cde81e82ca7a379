"""The serial target over a pseudo-terminal: the same bytes, and an unplugged port ends in bounded time."""

from __future__ import annotations

import os
import struct
import sys
import threading
import time
from collections.abc import Iterator

import pytest

from tinygen.boards.loader import find_board
from tinygen.core.errors import ExitCode, TinygenError
from tinygen.device.client import Client
from tinygen.device.discovery import Place
from tinygen.device.frames import RESPONSE, Frame, FrameDecoder, Type, encode
from tinygen.device.serialport import SerialTarget

if sys.platform == "win32":
    pytest.skip("pseudo-terminals are POSIX's", allow_module_level=True)

import pty
import tty

TENSOR = bytes(range(256)) * 3


class PtyDevice:
    """Answers MEMORY and READ_TENSOR on a pseudo-terminal, from a thread of its own."""

    def __init__(self) -> None:
        self._master, slave = pty.openpty()
        tty.setraw(slave)
        self.path = os.ttyname(slave)
        self._slave = slave
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _serve(self) -> None:
        decoder = FrameDecoder()
        try:
            while data := os.read(self._master, 4096):
                for frame in decoder.push(data):
                    if isinstance(frame, Frame):
                        os.write(self._master, self._answer(frame))
        except OSError:
            return

    def _answer(self, frame: Frame) -> bytes:
        payload = struct.pack("<9I", 0, 1, 2, 3, 4, 5, 6, 1_000_000, 8)
        if frame.type == Type.HELLO:
            sizes = struct.pack("<HH16sHBB4I4H2I2HIBBH", 2, 1, bytes(16), 512, 0, 0, *[0] * 8, 0, 0, 0, 0, 0, 0, 0, 0)
            payload = sizes + b"\x03pty\x00\x00"
        if frame.type == Type.READ_TENSOR:
            index, wanted, offset = struct.unpack("<HHI", frame.payload)
            payload = struct.pack("<HHII", index, 0, offset, len(TENSOR)) + TENSOR[offset : offset + wanted]
        return b"\x11\x13\x03noise\0" + encode(Frame(frame.type | RESPONSE, frame.sequence, payload))

    def unplug(self) -> None:
        os.close(self._slave)
        os.close(self._master)


@pytest.fixture
def device() -> Iterator[PtyDevice]:
    device = PtyDevice()
    yield device
    try:
        device.unplug()
    except OSError:
        return


def test_every_byte_value_passes(device: PtyDevice) -> None:
    with SerialTarget(find_board("nucleo_f446re"), [Place(port=device.path)]) as target:
        client = Client(target.open(), name=device.path)
        assert client.hello().board == "pty"
        assert client.read_tensor(0, len(TENSOR)) == TENSOR
        assert client.memory().frames_bad == 8


def test_an_unplugged_port_is_told_soon(device: PtyDevice) -> None:
    with SerialTarget(find_board("nucleo_f446re"), [Place(port=device.path)]) as target:
        client = Client(target.open(), name=device.path)
        client.hello()
        threading.Timer(0.2, device.unplug).start()
        start = time.monotonic()
        with pytest.raises(TinygenError) as caught:
            while time.monotonic() - start < 10:
                client.memory()
        assert caught.value.code == ExitCode.NO_ANSWER
        assert caught.value.where == device.path
        assert time.monotonic() - start < 8
