"""The `qemu-xtensa` target: the ESP32-S3 stand-in's own object files, relinked for QEMU's Xtensa `sim` machine.

Fast, and it shows that the Xtensa code computes the right bytes; it is no ESP32-S3. The protocol goes over the
machine's semihosting calls to standard input and output.
"""

from __future__ import annotations

from tinygen.boards.spec import BoardSpec, SimulatorSpec
from tinygen.device.base import OpenOnce
from tinygen.device.childprocess import ChildLink
from tinygen.device.link import Capabilities, Link
from tinygen.device.values import Image

_INSTRUCTIONS_PER_CCOUNT = 25.0  # -icount shift=0: 1 ns each; the machine's CCOUNT runs at 40 MHz

PROGRAM = "qemu-system-xtensa"
PACKAGE = "QEMU (Debian package qemu-system-misc)"


class QemuXtensaTarget(OpenOnce):
    """Boots the relinked image in qemu-system-xtensa.

    Args:
        image: the ELF made by `toolchain.relink`, not the one for the ESP32-S3.
    """

    def __init__(self, board: BoardSpec, simulator: SimulatorSpec, image: Image) -> None:
        super().__init__(
            Capabilities(
                name="qemu-xtensa",
                proves=simulator.proves,
                does_not_prove=simulator.does_not_prove,
                counter="instructions",
                counter_origin="simulated-on-qemu-xtensa",
                counter_scale=_INSTRUCTIONS_PER_CCOUNT,
                time_scale=4.0,
            )
        )
        self._board = board
        self._machine = simulator.machine
        self._cpu = str(simulator.options.get("cpu", "lx106"))
        self._image = image

    def _boot(self) -> Link:
        command = [
            PROGRAM, "-M", self._machine, "-cpu", self._cpu, "-semihosting", "-icount", "shift=0",
            "-display", "none", "-monitor", "none", "-serial", "none", "-kernel", str(self._image.elf),
        ]  # fmt: skip
        return ChildLink(command, name=f"qemu-xtensa ({self._board.id})", needs=PACKAGE, restarts=True)
