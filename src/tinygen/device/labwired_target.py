"""The `labwired` target: the only simulator here that runs an ESP32-S3 image. Slow: a million instructions a second.

Its chip has no interrupts in our port: the program fetches bytes from the UART itself.
"""

from __future__ import annotations

import re
import tempfile
import time
from pathlib import Path
from typing import Any

from tinygen.boards.spec import BoardSpec, SimulatorSpec
from tinygen.core.errors import no_answer, tool_failed
from tinygen.core.hush import hushed
from tinygen.device.base import OpenOnce
from tinygen.device.faults import Fault, fault_payload
from tinygen.device.frames import FAULT, Frame, encode
from tinygen.device.link import Capabilities, Link
from tinygen.device.values import Image

_SLICE = "20us"  # of simulated time: a few milliseconds here
_EXCEPTION = re.compile(r"Exception raised: cause=(\d+) at pc=0x([0-9a-f]+)")
_DRAIN = "1ms"  # a program that asked for a reset: what its UART still sends


class LabwiredTarget(OpenOnce):
    """Boots the image in labwired."""

    def __init__(self, board: BoardSpec, simulator: SimulatorSpec, image: Image) -> None:
        super().__init__(
            Capabilities(
                name="labwired",
                proves=simulator.proves,
                does_not_prove=simulator.does_not_prove,
                counter="instructions",
                counter_origin="simulated-on-labwired",
                time_scale=60.0,
            )
        )
        self._board = board
        self._machine = simulator.machine
        self._image = image

    def _boot(self) -> Link:
        return LabwiredLink(self._board, self._machine, self._image)


class LabwiredLink:
    """A running chip. It advances only while somebody reads.

    Raises:
        TinygenError: labwired is not installed or refuses the image.
    """

    def __init__(self, board: BoardSpec, machine: str, image: Image) -> None:
        self._name = f"labwired ({board.id})"
        self._machine = machine
        self._image = image
        self._reset_register = board.chip.peripherals.get("rtc_cntl_base", 0)
        self._sim: Any = None
        self._out = bytearray()
        self._told = False
        self._boot()

    def _boot(self) -> None:
        try:
            import labwired
        except ImportError as error:
            raise tool_failed("labwired is not installed", hint="pip install 'tinygen[sim]'") from error
        chip = Path(labwired.__file__).parent / "configs" / "chips" / f"{self._machine}.yaml"
        with tempfile.TemporaryDirectory(prefix="tinygen-labwired-") as folder:
            # The chip alone; without its per-peripheral walk labwired runs twice as fast.
            system = Path(folder) / "system.yaml"
            system.write_text(
                f'name: "tinygen"\nchip: "{chip.as_posix()}"\nwalk_deleted: true\nexternal_devices: []\n',
                encoding="utf-8",
            )
            try:
                with hushed():  # it tells on standard error which boot ROM it took
                    self._sim = labwired.Sim(str(self._image.elf), system=str(system))
            except (OSError, RuntimeError, ValueError) as error:
                raise no_answer(f"labwired does not take the image: {error}", where=self._name) from error

    def write(self, data: bytes) -> None:
        """Queue bytes for the chip's UART."""
        self._running().send_bytes(data)

    def read(self, max_bytes: int, timeout_s: float) -> bytes:
        """Run until the program sends something, or time is up."""
        deadline = time.monotonic() + timeout_s
        self._running()
        while not self._out and time.monotonic() < deadline:
            self._out += self._advance()
        data = bytes(self._out[:max_bytes])
        del self._out[:max_bytes]
        return data

    def _advance(self) -> bytes:
        try:
            self._sim.run_for(_SLICE)
            if not (self._reset_register and self._sim.read_u32(self._reset_register) >> 31):
                return bytes(self._sim.read_uart_bytes())
            self._sim.run_for(_DRAIN)
            data = bytes(self._sim.read_uart_bytes())
        except (RuntimeError, ValueError, OSError) as error:
            if (stopped := _EXCEPTION.search(str(error))) and not self._told:
                self._told = True
                return self._fault(int(stopped[1]), int(stopped[2], 16))
            raise no_answer(f"the simulated chip stopped: {error}", where=self._name) from error
        self.reset()
        return data

    def _fault(self, cause: int, pc: int) -> bytes:
        """labwired does not enter the program's exception handler but stops: what the handler would have said."""
        fault = Fault(architecture="xtensa", number=cause, pc=pc, lr=0, sp=0, status=(0, 0, 0, 0))
        return b"\0" + encode(Frame(FAULT, 0, fault_payload(fault)))

    def reset(self) -> None:
        """Boot again."""
        self._told = False
        self.close()
        self._out.clear()
        self._boot()

    def close(self) -> None:
        """Forget the chip. Safe to call twice."""
        if self._sim is not None:
            self._sim.close()
            self._sim = None

    def _running(self) -> Any:
        if self._sim is None:
            raise no_answer("the simulator is closed", where=self._name)
        return self._sim
