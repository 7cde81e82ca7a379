"""Which targets there are, and how to get one by the word behind `--on`."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from tinygen.boards.spec import BoardSpec, SimulatorSpec
from tinygen.core.errors import bad_input, did_you_mean
from tinygen.device.discovery import BOARD, Ask, Place, places, port_of, serial_ports
from tinygen.device.greeting import who
from tinygen.device.hardware_map import MappedDevice, load_map, map_file
from tinygen.device.hostprogram import HostTarget
from tinygen.device.labwired_target import LabwiredTarget
from tinygen.device.link import Target
from tinygen.device.qemu_target import QemuTarget
from tinygen.device.qemu_xtensa_target import QemuXtensaTarget
from tinygen.device.serialport import SerialTarget
from tinygen.device.unicorn_target import UnicornTarget
from tinygen.device.values import Image

__all__ = [
    "SIMULATORS",
    "Image",
    "PortOptions",
    "choose",
    "find_places",
    "hardware_map",
    "is_port",
    "is_simulator",
    "open_target",
]

SIMULATORS: tuple[tuple[str, Callable[[BoardSpec, SimulatorSpec, Image], Target]], ...] = (
    ("host", HostTarget),
    ("unicorn", UnicornTarget),
    ("qemu", QemuTarget),
    ("labwired", LabwiredTarget),
    ("qemu-xtensa", QemuXtensaTarget),
)

RESERVED = ("sim", BOARD, *(name for name, _ in SIMULATORS))  # words that are no names of devices
_PORT = re.compile(r"(/|COM\d+$|\\\\\.\\|[a-z0-9]+://)", re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class PortOptions:
    """How to reach a real board.

    Attributes:
        baud: 0 takes the hardware map's or the board's.
        devices: the hardware map; None reads the one in force.
        claimed: the caller holds the lock of the port already.
    """

    baud: int = 0
    devices: tuple[MappedDevice, ...] | None = None
    claimed: bool = False


def is_port(name: str) -> bool:
    """True for words that mean a serial port: /dev/ttyACM0, COM3, socket://..., rfc2217://..., loop://."""
    return _PORT.match(name) is not None


def is_simulator(name: str) -> bool:
    """True for what `choose` returns when no real board is meant."""
    return name in dict(SIMULATORS)


def hardware_map() -> tuple[MappedDevice, ...]:
    """The hardware map in force.

    Raises:
        TinygenError: it is wrong.
    """
    return load_map(map_file(), reserved=RESERVED)


def choose(board: BoardSpec, name: str, devices: Sequence[MappedDevice] | None = None, *, option: str = "--on") -> str:
    """Turn the word behind `--on` into a simulator's name ("sim" is the board's first one), a port, "board" (wherever
    it is attached) or the name of a device in the hardware map.

    Args:
        devices: the hardware map; None reads the one in force, when the word needs it.
        option: what the user wrote the word behind.

    Raises:
        TinygenError: the board cannot run there; says what it can, and what was probably meant.
    """
    if is_port(name) or (name == BOARD and board.chip.arch != "native"):
        return name
    there = [simulator.name for simulator in board.simulators]
    if name == "sim" and there:
        return there[0]
    if name in there:
        return name
    real = [] if board.chip.arch == "native" else [f"{BOARD} (wherever it is attached)"]
    can = ", ".join([*there, *(["sim"] if there else []), *real, "a serial port"])
    if name in RESERVED:
        raise bad_input(
            f"{board.id} does not run on '{name}'; it runs on: {can}",
            where=option,
            hint="--board host is the same C++ on this machine" if name == "host" else "",
        )
    known = hardware_map() if devices is None else devices
    mapped = next((device for device in known if device.name == name), None)
    if mapped is None:
        words = [*there, "sim", BOARD, *(device.name for device in known)]
        raise bad_input(
            f"unknown target '{name}'; {board.id} runs on: {can}",
            where=option,
            hint=f"{did_you_mean(name, words)}; a serial port is like /dev/ttyACM0, COM3 or socket://host:port, other "
            "names stand in devices.toml",
        )
    if mapped.board != board.id:
        raise bad_input(
            f"'{name}' stands for {mapped.board} in devices.toml, not for {board.id}",
            where=option,
            hint=f"--board {mapped.board}, or another device",
        )
    return name


def find_places(
    board: BoardSpec, chosen: str, options: PortOptions | None = None, ask: Ask | None = None
) -> list[Place]:
    """Where the real board behind `--on` is: one place, or several of the hardware map to try in order.

    Args:
        chosen: what `choose` returned.
        ask: tells which board answers on a port (`device.greeting.who`).

    Raises:
        TinygenError: it is not attached, or several ports fit.
    """
    port = options or PortOptions()
    devices = hardware_map() if port.devices is None else port.devices
    if chosen == BOARD:
        found = places(board, devices, ask=ask)
    elif is_port(chosen):
        rates = [device.baud for device in devices if device.port == chosen]
        found = [Place(port=chosen, baud=rates[0] if rates else 0)]
    else:
        device = next(device for device in devices if device.name == chosen)
        found = [Place(port=port_of(device, serial_ports()), baud=device.baud, name=chosen)]
    return [replace(place, baud=port.baud or place.baud) for place in found]


def open_target(board: BoardSpec, name: str, image: Image, port: PortOptions | None = None) -> Target:
    """The target `name` for this image, not booted yet: use it as a context manager, then `target.open()`.

    A missing simulator is told when it is opened, with the package it comes from.

    Raises:
        TinygenError: unknown target, the board is not attached, or its file lacks something the target needs.
    """
    options = port or PortOptions()
    chosen = choose(board, name, options.devices)
    if not is_simulator(chosen):
        return SerialTarget(board, find_places(board, chosen, options, who), claimed=options.claimed)
    simulator = next(simulator for simulator in board.simulators if simulator.name == chosen)
    return dict(SIMULATORS)[chosen](board, simulator, image)
