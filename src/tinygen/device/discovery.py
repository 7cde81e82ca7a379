"""Which serial ports there are, and which one a board is on: by the hardware map, by USB id, by its own answer."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from tinygen.boards.spec import BoardSpec
from tinygen.core.errors import AmbiguousError, ExitCode, TinygenError, bad_input, no_answer
from tinygen.device.hardware_map import MappedDevice

_STLINKS = frozenset((0x0483, product) for product in (0x374A, 0x374B, 0x374D, 0x374E, 0x374F, 0x3752, 0x3753))
"""USB ids of ST-LINKs with a virtual COM port. Source: stlink's udev rules."""

BOARD = "board"  # the word behind --on that means: the board itself, wherever it is


@dataclass(frozen=True, slots=True, kw_only=True)
class SerialPort:
    """A port of this machine; `usb_id` is (vendor, product), or None for a port that is not on USB."""

    device: str
    description: str
    usb_id: tuple[int, int] | None
    serial_number: str = ""
    location: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a board is: a port, its rate (0: the board's), and its name in the hardware map ("" when it has none)."""

    port: str
    baud: int = 0
    name: str = ""


Ask = Callable[[BoardSpec, str], str]  # the board id that answers on a port, "" when nobody does


def serial_ports() -> list[SerialPort]:
    """All serial ports, by name."""
    from serial.tools import list_ports

    return [
        SerialPort(
            device=port.device,
            description=port.description or "",
            usb_id=None if port.vid is None or port.pid is None else (port.vid, port.pid),
            serial_number=port.serial_number or "",
            location=port.location or "",
        )
        for port in sorted(list_ports.comports(), key=lambda p: p.device)
    ]


def probe_on(port: str, ports: Sequence[SerialPort] | None = None) -> str:
    """Serial number of the ST-LINK whose virtual COM port this is: the same probe must write. "" for other ports."""
    known = serial_ports() if ports is None else ports
    found = next((p for p in known if p.device == port), None)
    return found.serial_number if found and found.usb_id and found.usb_id in _STLINKS else ""


def port_of(device: MappedDevice, ports: Sequence[SerialPort]) -> str:
    """The port a mapped device is on.

    Raises:
        TinygenError: it is not there (NO_ANSWER), or several ports fit (BAD_INPUT).
    """
    by_usb = device.serial_number or device.location
    if not by_usb:
        return device.port
    fitting = [port for port in ports if _fits(device, port)]
    if len(fitting) == 1:
        return fitting[0].device
    wanted = ", ".join(
        f"{word} {value}"
        for word, value in (
            ("port", device.port),
            ("serial number", device.serial_number),
            ("location", device.location),
        )
        if value
    )
    if fitting:
        raise bad_input(
            f"several ports have {wanted}: {_listed(fitting)}",
            where=device.name,
            hint="add to devices.toml the location with its interface, as `tinygen devices` shows it",
        )
    raise no_answer(
        f"no port has {wanted}; ports here: {_listed(ports)}", where=device.name, hint="is it plugged in and powered?"
    )


def _fits(device: MappedDevice, port: SerialPort) -> bool:
    if device.port and device.port != port.device:
        return False
    if device.serial_number and device.serial_number.lower() != port.serial_number.lower():
        return False
    return not device.location or device.location in (port.location, port.location.partition(":")[0])


def places(
    board: BoardSpec,
    devices: Sequence[MappedDevice],
    *,
    ask: Ask | None = None,
    ports: Sequence[SerialPort] | None = None,
) -> list[Place]:
    """Where boards of this kind are, in the order in which to try them; several only when the map lists several.

    Args:
        board: what is looked for; its SerialSpec says USB ids.
        devices: the hardware map.
        ask: finds out which board answers on a port; without it, several fitting ports are refused.
        ports: those to choose from; None asks the machine.

    Raises:
        TinygenError: none (exit code 4) or several (2) fit.
    """
    known = serial_ports() if ports is None else list(ports)
    mapped = [device for device in devices if device.board == board.id]
    found: list[Place] = []
    absent: list[str] = []
    for device in mapped:
        try:
            found.append(Place(port=port_of(device, known), baud=device.baud, name=device.name))
        except TinygenError as error:
            if error.code is not ExitCode.NO_ANSWER:
                raise
            absent.append(str(error))
    if found:
        return found
    if absent:
        raise no_answer("; ".join(absent), hint="`tinygen devices` shows what is attached")
    return [Place(port=_by_usb(board, known, ask))]


def _by_usb(board: BoardSpec, known: Sequence[SerialPort], ask: Ask | None) -> str:
    fitting = [port for port in known if port.usb_id in board.serial.usb_ids]
    if len(fitting) == 1:
        return fitting[0].device
    # Several of its kind, or an adapter with an id of its own: whoever says in its hello that it is this board.
    asked = fitting or [port for port in known if port.usb_id is not None]
    answers = {port.device: ask(board, port.device) for port in asked} if ask else {}
    right = [port for port in asked if answers.get(port.device) == board.id]
    if len(right) == 1:
        return right[0].device
    said = {port.device: f", answers as {name}" for port in asked if (name := answers.get(port.device))}
    if right or fitting:
        raise AmbiguousError(
            f"several ports could be {board.id}: {_listed(right or fitting, said)}",
            option="--port",
            choices={p.device: f"{p.description}{said.get(p.device, '')}" for p in right or fitting},
            hint="say which one with --port or --on, or name the boards in devices.toml",
        )
    raise no_answer(
        f"no {board.id} found on USB; its protocol runs over: {board.serial.connector}; "
        f"ports here: {_listed(known, said)}",
        hint="plug the board in, or name the port with --port (a USB-serial adapter on header pins has its own USB id)",
    )


def _listed(ports: Sequence[SerialPort], said: dict[str, str] | None = None) -> str:
    words = (f"{port.device} ({port.description}{(said or {}).get(port.device, '')})" for port in ports)
    return ", ".join(words) or "none"
