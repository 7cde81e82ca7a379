"""The `qemu` target: QEMU's model of an STM32 machine, with interrupts, running the board's own ELF.

One instruction takes one nanosecond of its time (`-icount shift=0`), and SysTick counts that time at the machine's
clock: ticks x 1e9 / clock are instructions. Its receiver is not paced, but takes a byte only when the last one was
fetched, so the protocol's stop-and-wait keeps the ring from overflowing.
"""

from __future__ import annotations

from tinygen.boards.spec import BoardSpec, SimulatorSpec
from tinygen.core.errors import bad_input
from tinygen.device.base import OpenOnce
from tinygen.device.childprocess import ChildLink
from tinygen.device.link import Capabilities, Link
from tinygen.device.values import Image

PROGRAM = "qemu-system-arm"
PACKAGE = "QEMU (Debian package qemu-system-arm)"


class QemuTarget(OpenOnce):
    """Boots the image in qemu-system-arm.

    Args:
        simulator: options `serial_index` (which of QEMU's serial lines, from 0, carries the protocol) and `systick_hz`.

    Raises:
        TinygenError: the board file lacks an option.
    """

    def __init__(self, board: BoardSpec, simulator: SimulatorSpec, image: Image) -> None:
        try:
            self._serial_index = int(simulator.options["serial_index"])
            systick_hz = int(simulator.options["systick_hz"])
        except (KeyError, ValueError) as error:
            raise bad_input(
                "simulators.options needs the numbers serial_index and systick_hz", where=board.id
            ) from error
        super().__init__(
            Capabilities(
                name="qemu",
                proves=simulator.proves,
                does_not_prove=simulator.does_not_prove,
                counter="instructions",
                counter_origin="simulated-on-qemu",
                counter_scale=1e9 / systick_hz,
                time_scale=4.0,
            )
        )
        self._board = board
        self._machine = simulator.machine
        self._image = image

    def _boot(self) -> Link:
        unused = ["-serial", "null"] * self._serial_index
        command = [
            PROGRAM, "-M", self._machine, "-icount", "shift=0", "-display", "none", "-monitor", "none",
            *unused, "-serial", "stdio", "-kernel", str(self._image.elf),
        ]  # fmt: skip
        return ChildLink(command, name=f"qemu ({self._board.id})", needs=PACKAGE)
