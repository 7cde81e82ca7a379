"""The `serial` target: a board on a serial port, or whatever a pyserial URL reaches.

The control lines: opening a port raises DTR and RTS on most systems, and both stay raised. On boards with Espressif's
two-transistor reset circuit (and on the ESP32-S3's own USB) both raised means "run", just like both released, while
releasing one before the other would reset the chip; ST-LINKs and plain adapters ignore them, and USB serial ports
implemented by the chip send nothing unless DTR is raised. So nothing is toggled, except in `reset()` when the board is
known to have that circuit.
"""

from __future__ import annotations

import contextlib
import time
from typing import Any

from tinygen.boards.spec import BoardSpec
from tinygen.core.errors import TinygenError, bad_input, no_answer, tool_failed
from tinygen.device.base import OpenOnce
from tinygen.device.link import Capabilities, Link

_WRITE_TIMEOUT_S = 5.0
_RESET_PULSE_S = 0.1


class SerialTarget(OpenOnce):
    """A board on a port.

    Args:
        board: what should be there.
        url: "/dev/ttyACM0", "COM3", "socket://host:port", "rfc2217://host:port", "loop://".
        baud: line rate; 0 takes the board's.
    """

    def __init__(self, board: BoardSpec, url: str, *, baud: int = 0) -> None:
        counts_cycles = board.chip.cycle_counter in ("dwt", "ccount")
        super().__init__(
            Capabilities(
                name="serial",
                proves=("everything the board does",),
                does_not_prove=(),
                counter="cycles" if counts_cycles else "none",
                counter_origin=f"measured-on-{board.id}" if counts_cycles else "not-measured",
            )
        )
        self._url = url
        self._baud = baud or board.serial.baud
        self._reset_by_lines = board.chip.port == "esp32s3"

    def _boot(self) -> Link:
        return SerialLink(self._url, self._baud, reset_by_lines=self._reset_by_lines)


class SerialLink:
    """An open port.

    Raises:
        TinygenError: BAD_INPUT for a port that does not exist, NO_ANSWER for one that cannot be opened.
    """

    def __init__(self, url: str, baud: int, *, reset_by_lines: bool = False) -> None:
        try:
            import serial
        except ImportError as error:
            raise tool_failed("pyserial is not installed", hint="pip install pyserial") from error
        self._failures = (serial.SerialException, OSError, TypeError)  # pyserial's read ends in TypeError after unplug
        self._name = url
        self._reset_by_lines = reset_by_lines
        try:
            self._port: Any = serial.serial_for_url(url, baudrate=baud, timeout=0, write_timeout=_WRITE_TIMEOUT_S)
            self._port.reset_input_buffer()
        except ValueError as error:
            raise bad_input(
                f"is no port: {error}", where=url, hint="like /dev/ttyACM0, COM3 or socket://host:port"
            ) from error
        except (serial.SerialException, OSError) as error:
            raise no_answer(f"cannot open: {_reason(error)}", where=url, hint=_advice(error)) from error

    def write(self, data: bytes) -> None:
        """Send all of `data`."""
        try:
            self._port.write(data)
        except self._failures as error:
            raise self._gone(error) from error

    def read(self, max_bytes: int, timeout_s: float) -> bytes:
        """Return what has arrived, at least one byte unless `timeout_s` passes."""
        try:
            self._port.timeout = max(timeout_s, 0.0)
            first: bytes = self._port.read(1)
            waiting = min(self._port.in_waiting, max_bytes - 1) if first else 0
            return first + (self._port.read(waiting) if waiting else b"")
        except self._failures as error:
            raise self._gone(error) from error

    def reset(self) -> None:
        """Pull the reset line where the board has one behind RTS.

        Raises:
            TinygenError: BAD_INPUT for boards that have none.
        """
        if not self._reset_by_lines:
            raise bad_input(
                "this board cannot be reset over its serial lines",
                where=self._name,
                hint="press its reset button, or use the protocol's RESET while the firmware answers",
            )
        try:
            self._port.dtr = False  # GPIO0 stays high: run, not download
            self._port.rts = True  # EN low
            time.sleep(_RESET_PULSE_S)
            self._port.rts = False
            self._port.reset_input_buffer()
        except self._failures as error:
            raise self._gone(error) from error

    def close(self) -> None:
        """Let go of the port. Safe to call twice."""
        with contextlib.suppress(*self._failures):
            self._port.close()

    def _gone(self, error: Exception) -> TinygenError:
        return no_answer(
            f"the port has gone: {_reason(error)}", where=self._name, hint="is the board still plugged in?"
        )


def _reason(error: Exception) -> str:
    return getattr(error, "strerror", None) or str(error)


def _advice(error: Exception) -> str:
    text = str(error).lower()
    if "permission" in text or "access is denied" in text:
        return "another program may hold it; on Linux your user must be in the group 'dialout'"
    if "busy" in text:
        return "another program holds it: close the monitor or the IDE"
    return "is the board plugged in? `pio device list` shows what is there"
