"""Which targets there are, and how to get one by the word behind `--on`."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from tinygen.boards.spec import BoardSpec, SimulatorSpec
from tinygen.core.errors import bad_input, did_you_mean
from tinygen.device.hostprogram import HostTarget
from tinygen.device.labwired_target import LabwiredTarget
from tinygen.device.link import Target
from tinygen.device.qemu_target import QemuTarget
from tinygen.device.qemu_xtensa_target import QemuXtensaTarget
from tinygen.device.serialport import SerialTarget
from tinygen.device.unicorn_target import UnicornTarget
from tinygen.device.values import Image

__all__ = ["SIMULATORS", "Image", "PortOptions", "choose", "is_port", "open_target"]

SIMULATORS: tuple[tuple[str, Callable[[BoardSpec, SimulatorSpec, Image], Target]], ...] = (
    ("host", HostTarget),
    ("unicorn", UnicornTarget),
    ("qemu", QemuTarget),
    ("labwired", LabwiredTarget),
    ("qemu-xtensa", QemuXtensaTarget),
)

_PORT = re.compile(r"(/|COM\d+$|\\\\\.\\|[a-z0-9]+://)", re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class PortOptions:
    """How to open a serial port. `baud` 0 takes the board's."""

    baud: int = 0


def is_port(name: str) -> bool:
    """True for words that mean a serial port: /dev/ttyACM0, COM3, socket://..., rfc2217://..., loop://."""
    return _PORT.match(name) is not None


def choose(board: BoardSpec, name: str) -> str:
    """Turn the word behind `--on` into a target's name: "sim" is the board's first simulator.

    Raises:
        TinygenError: the board cannot run there; says what it can, and what was probably meant.
    """
    if is_port(name):
        return name
    there = [simulator.name for simulator in board.simulators]
    if name == "sim" and there:
        return there[0]
    if name in there:
        return name
    can = ", ".join([*there, *(["sim"] if there else []), "a serial port"])
    if name == "sim" or name in dict(SIMULATORS):
        raise bad_input(f"{board.id} does not run on '{name}'; it runs on: {can}", where="--on")
    raise bad_input(
        f"unknown target '{name}'; {board.id} runs on: {can}",
        where="--on",
        hint=did_you_mean(name, [*there, "sim"]) + " A serial port is like /dev/ttyACM0, COM3 or socket://host:port",
    )


def open_target(board: BoardSpec, name: str, image: Image, port: PortOptions | None = None) -> Target:
    """The target `name` for this image, not booted yet: use it as a context manager, then `target.open()`.

    A missing simulator is told when it is opened, with the package it comes from.

    Raises:
        TinygenError: unknown target, or the board's file lacks something the target needs.
    """
    chosen = choose(board, name)
    if is_port(chosen):
        return SerialTarget(board, chosen, baud=port.baud if port else 0)
    simulator = next(simulator for simulator in board.simulators if simulator.name == chosen)
    return dict(SIMULATORS)[chosen](board, simulator, image)
