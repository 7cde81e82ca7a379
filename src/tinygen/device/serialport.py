"""The `serial` target: a board on a serial port, or whatever a pyserial URL reaches.

The control lines: opening a port raises DTR and RTS on most systems, and both stay raised. On boards with Espressif's
two-transistor reset circuit (and on the ESP32-S3's own USB) both raised means "run", just like both released, while
releasing one before the other would reset the chip; ST-LINKs and plain adapters ignore them, and USB serial ports
implemented by the chip send nothing unless DTR is raised. So nothing is toggled, except in `reset()` when the board is
known to have that circuit.
"""

from __future__ import annotations

import contextlib
import os
import select
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tinygen.boards.spec import BoardSpec
from tinygen.core.errors import ExitCode, TinygenError, bad_input, no_answer, tool_failed
from tinygen.device.base import OpenOnce
from tinygen.device.discovery import Place, serial_ports
from tinygen.device.link import Capabilities, Link
from tinygen.device.portlock import PortLock

_WRITE_TIMEOUT_S = 5.0
_RESET_PULSE_S = 0.1
_POLL_S = 0.001


class SerialTarget(OpenOnce):
    """A board on a port. While it is open no other tinygen on this machine can open that port.

    Args:
        board: what should be there.
        places: where it may be, in the order in which to try them: the first that nobody else uses is taken.
        claimed: the caller holds the lock of the (one) port already.
    """

    def __init__(self, board: BoardSpec, places: Sequence[Place], *, claimed: bool = False) -> None:
        counts_cycles = board.chip.cycle_counter in ("dwt", "ccount")
        self._reset_by_lines = board.chip.port == "esp32s3"
        super().__init__(
            Capabilities(
                name="serial",
                proves=("everything the board does",),
                does_not_prove=(),
                counter="cycles" if counts_cycles else "none",
                counter_origin=f"measured-on-{board.id}" if counts_cycles else "not-measured",
                resets=self._reset_by_lines,
                reopens=True,
                window=2,
            )
        )
        self._board = board
        self._places = tuple(places)
        self._claimed = claimed
        self._lock: PortLock | None = None

    def _boot(self) -> Link:
        place = self._places[0]
        if not self._claimed:
            place, self._lock = claim(self._places, self._board.id)
        return SerialLink(place.port, place.baud or self._board.serial.baud, reset_by_lines=self._reset_by_lines)

    def close(self) -> None:
        """Let go of the port and its lock. Safe to call twice."""
        super().close()
        lock, self._lock = self._lock, None
        if lock is not None:
            lock.close()


def claim(places: Sequence[Place], where: str) -> tuple[Place, PortLock]:
    """The first place that nobody else uses, locked.

    Args:
        where: what an error calls them all together.

    Raises:
        TinygenError: other processes have them all.
    """
    taken: list[TinygenError] = []
    for place in places:
        try:
            return place, PortLock(place.port)
        except TinygenError as error:
            if error.code is not ExitCode.NO_ANSWER:
                raise
            taken.append(error)
    if len(taken) == 1:
        raise taken[0]
    raise no_answer("; ".join(map(str, taken)), where=where, hint=taken[0].hint)


def require_port(url: str) -> None:
    """Refuse a local port that is not there, before work is done that only it could finish.

    Args:
        url: any port; whether a server answers behind a URL is not known before it is asked.

    Raises:
        TinygenError: NO_ANSWER: there is no such port.
    """
    if "://" in url or (os.name == "posix" and Path(url).exists()):
        return
    if os.name != "posix" and any(port.device.upper() == url.upper() for port in serial_ports()):
        return
    raise no_answer("no such port", where=url, hint="is the board plugged in? `tinygen devices` shows what is there")


class SerialLink:
    """An open port.

    Args:
        url: "/dev/ttyACM0", "COM3", "socket://host:port", "rfc2217://host:port", "loop://".
        baud: line rate.

    Raises:
        TinygenError: BAD_INPUT for a port that does not exist, NO_ANSWER for one that cannot be opened.
    """

    def __init__(self, url: str, baud: int, *, reset_by_lines: bool = False) -> None:
        try:
            import serial
        except ImportError as error:
            raise tool_failed("pyserial is not installed", hint="pip install pyserial") from error
        self._failures = (serial.SerialException, OSError, TypeError)  # pyserial's read ends in TypeError after unplug
        self._stuck = serial.SerialTimeoutException
        self._name = url
        self._reset_by_lines = reset_by_lines
        # pyserial's RFC 2217 client can wait for ever only.
        limit = None if url.lower().startswith("rfc2217:") else _WRITE_TIMEOUT_S
        try:
            self._port: Any = serial.serial_for_url(url, baudrate=baud, timeout=0, write_timeout=limit)
            self._port.reset_input_buffer()
        except ValueError as error:
            raise bad_input(
                f"is no port: {error}", where=url, hint="like /dev/ttyACM0, COM3 or socket://host:port"
            ) from error
        except (serial.SerialException, OSError) as error:
            raise no_answer(f"cannot open: {_reason(error)}", where=url, hint=_advice(error, url)) from error

        # Changing pyserial's time-out would set up the whole port again, so what can be is waited for outside of it.
        self._pollable = os.name == "posix" and _has_fileno(self._port)

    @property
    def baud(self) -> int:
        """The line's rate."""
        return int(self._port.baudrate)

    def retune(self, baud: int) -> None:
        """Go on at another rate; what has arrived is dropped.

        Raises:
            TinygenError: the port does not take it.
        """
        try:
            self._port.baudrate = baud
            self._port.reset_input_buffer()
        except (*self._failures, ValueError) as error:
            raise self._gone(error) from error

    def write(self, data: bytes) -> None:
        """Send all of `data`."""
        try:
            self._port.write(data)
        except self._stuck as error:
            raise no_answer(
                f"the port took no bytes for {_WRITE_TIMEOUT_S:g} s",
                where=self._name,
                hint="the device or the far end of the line has stopped reading: reset it",
            ) from error
        except self._failures as error:
            raise self._gone(error) from error

    def read(self, max_bytes: int, timeout_s: float) -> bytes:
        """Return what has arrived, at least one byte unless `timeout_s` passes."""
        deadline = time.monotonic() + timeout_s
        try:
            while True:
                data: bytes = self._port.read(max_bytes)  # never waits: the port has no time-out
                left = deadline - time.monotonic()
                if data or left <= 0:
                    return data
                self._wait(left)
        except self._failures as error:
            raise self._gone(error) from error

    def _wait(self, seconds: float) -> None:
        """Until something may have arrived."""
        if self._pollable:
            select.select([self._port], [], [], seconds)
        else:
            time.sleep(min(seconds, _POLL_S))

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


def _has_fileno(port: Any) -> bool:
    try:
        return isinstance(port.fileno(), int)
    except (AttributeError, OSError, ValueError):  # io.UnsupportedOperation is both of the latter
        return False


def _reason(error: Exception) -> str:
    return getattr(error, "strerror", None) or str(error)


def _advice(error: Exception, url: str) -> str:
    text = str(error).lower()
    if "://" in url:
        return "is the server at that address running, and does it serve nobody else?"
    if "permission" in text or "access is denied" in text:
        return "another program may hold it; on Linux your user must be in the group 'dialout'"
    if "busy" in text:
        return "another program holds it: close the monitor or the IDE"
    return "is the board plugged in? `pio device list` shows what is there"
