"""The `host` target: the image is a program of this machine and speaks on its standard input and output."""

from __future__ import annotations

from tinygen.boards.spec import BoardSpec, SimulatorSpec
from tinygen.device.base import OpenOnce
from tinygen.device.childprocess import ChildLink
from tinygen.device.link import Capabilities, Link
from tinygen.device.values import Image

STATE_FILE = "TINYGEN_STATE_FILE"
"""What firmware/port/host/flash.cpp takes for flash."""


class HostTarget(OpenOnce):
    """Runs the linked program."""

    def __init__(self, board: BoardSpec, simulator: SimulatorSpec, image: Image) -> None:
        super().__init__(
            Capabilities(
                name="host",
                proves=simulator.proves,
                does_not_prove=simulator.does_not_prove,
                counter="none",
                counter_origin="not-measured",
            )
        )
        self._board = board
        self._image = image

    def _boot(self) -> Link:
        command = [str(self._image.elf.resolve())]
        env = {} if self._image.flash is None else {STATE_FILE: str(self._image.flash.resolve())}
        return ChildLink(command, name=f"host ({self._image.elf.name})", restarts=True, env=env)
