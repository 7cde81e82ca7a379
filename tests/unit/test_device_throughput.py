"""Tensors over a 115,200-baud line: at least 85 % of what the line can carry are tensor bytes."""

from __future__ import annotations

import os
import queue
import select
import sys
import threading
import time
from collections.abc import Iterator

import numpy as np
import pytest

from support.sham import ShamDevice
from tinygen.boards.loader import find_board
from tinygen.device.client import INPUT_TENSOR, Client
from tinygen.device.discovery import Place
from tinygen.device.serialport import SerialTarget

if sys.platform == "win32":
    pytest.skip("pseudo-terminals are POSIX's", allow_module_level=True)

import pty
import tty

LINE_BYTES_PER_S = 115_200 / 10  # one start, eight data, one stop bit
TENSOR_BYTES = 24_000
_PIECE = 16  # what a USB bridge or a driver hands on at a time


class PacedDevice:
    """A sham device behind a line with a rate: each byte takes its time, in each direction of its own."""

    def __init__(self) -> None:
        self._ours, self._theirs = pty.openpty()
        tty.setraw(self._theirs)
        self.path = os.ttyname(self._theirs)
        self._device = ShamDevice(input_bytes=TENSOR_BYTES)
        self._out = threading.Event()
        self._answers: queue.Queue[tuple[float, bytes]] = queue.Queue()
        self._threads = [threading.Thread(target=work, daemon=True) for work in (self._serve, self._send)]
        for thread in self._threads:
            thread.start()

    def _serve(self) -> None:
        due_in = 0.0
        while not self._out.is_set():
            if not select.select([self._ours], [], [], 0)[0]:
                # The line was idle; bytes that wait while we oversleep have been on it all the time.
                if not select.select([self._ours], [], [], 0.05)[0]:
                    continue
                due_in = max(due_in, time.monotonic())
            data = os.read(self._ours, _PIECE)
            due_in += len(data) / LINE_BYTES_PER_S
            _sleep_until(due_in)
            self._answers.put((due_in, self._device.take(data)))

    def _send(self) -> None:
        due = 0.0
        while not self._out.is_set():
            try:
                ready, answer = self._answers.get(timeout=0.05)
            except queue.Empty:
                continue
            for at in range(0, len(answer), _PIECE):
                piece = answer[at : at + _PIECE]
                due = max(due, ready) + len(piece) / LINE_BYTES_PER_S
                _sleep_until(due)
                os.write(self._ours, piece)

    def close(self) -> None:
        self._out.set()
        for thread in self._threads:
            thread.join()
        os.close(self._theirs)
        os.close(self._ours)


def _sleep_until(due: float) -> None:
    while (left := due - time.monotonic()) > 0:
        time.sleep(left)


@pytest.fixture
def line() -> Iterator[Client]:
    device = PacedDevice()
    with SerialTarget(find_board("nucleo_f446re"), [Place(port=device.path)]) as target:
        client = Client(target.open(), name=device.path, window=target.capabilities.window)
        client.hello()
        yield client
    device.close()


def test_tensors_use_the_line(line: Client) -> None:
    data = np.random.default_rng(3).integers(0, 256, TENSOR_BYTES, np.uint8).tobytes()
    for _ in range(2):  # once more where the machine was too busy to keep the pace
        start = time.monotonic()
        line.write_input(data)
        written = TENSOR_BYTES / (time.monotonic() - start) / LINE_BYTES_PER_S
        start = time.monotonic()
        assert line.read_tensor(INPUT_TENSOR, TENSOR_BYTES) == data
        read = TENSOR_BYTES / (time.monotonic() - start) / LINE_BYTES_PER_S
        assert max(written, read) < 1.0, "the line is not paced"
        if min(written, read) >= 0.85:
            break
    print(f"written at {written:.3f}, read at {read:.3f} of the line rate")
    assert min(written, read) >= 0.85
