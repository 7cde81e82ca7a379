"""Which serial ports there are, and which one a board is on."""

from __future__ import annotations

from dataclasses import dataclass

from tinygen.boards.spec import BoardSpec
from tinygen.core.errors import ExitCode, TinygenError, no_answer


@dataclass(frozen=True, slots=True, kw_only=True)
class SerialPort:
    """A port of this machine; `usb_id` is (vendor, product), or None for a port that is not on USB."""

    device: str
    description: str
    usb_id: tuple[int, int] | None


def serial_ports() -> list[SerialPort]:
    """All serial ports, by name."""
    from serial.tools import list_ports

    return [
        SerialPort(
            device=port.device,
            description=port.description or "",
            usb_id=None if port.vid is None or port.pid is None else (port.vid, port.pid),
        )
        for port in sorted(list_ports.comports(), key=lambda p: p.device)
    ]


def find_port(board: BoardSpec, ports: list[SerialPort] | None = None) -> str:
    """The one port whose USB id belongs to the board.

    Args:
        board: its SerialSpec says the ids.
        ports: those to choose from; None asks the machine.

    Raises:
        TinygenError: none (exit code 4) or several (2) fit.
    """
    known = serial_ports() if ports is None else ports
    fitting = [port for port in known if port.usb_id in board.serial.usb_ids]
    if len(fitting) == 1:
        return fitting[0].device
    listed = ", ".join(f"{p.device} ({p.description})" for p in fitting or known) or "none"
    if fitting:
        raise TinygenError(
            ExitCode.BAD_INPUT, f"several ports could be {board.id}: {listed}", hint="say which one with --port"
        )
    raise no_answer(
        f"no {board.id} found on USB; its protocol runs over: {board.serial.connector}; ports here: {listed}",
        hint="plug the board in, or name the port with --port (a USB-serial adapter on header pins has its own USB id)",
    )
