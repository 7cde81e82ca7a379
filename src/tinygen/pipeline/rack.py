"""The boards of this machine or rack: what is mapped, what is attached, who has it."""

from __future__ import annotations

from dataclasses import dataclass

from tinygen.boards.loader import find_board, load_boards
from tinygen.boards.spec import BoardSpec
from tinygen.core.errors import TinygenError
from tinygen.core.values import Report, Table
from tinygen.device.discovery import Place, SerialPort, port_of, serial_ports
from tinygen.device.greeting import hello_on
from tinygen.device.hardware_map import MappedDevice, map_file
from tinygen.device.portlock import Holder, holder, identity
from tinygen.device.registry import hardware_map

_COLUMNS = ("device", "board", "port", "attached", "USB", "serial number", "location", "used by", "answers as")
_NOBODY = "nobody"


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A mapped device, or a port that no entry of the map is about (then `device` is None)."""

    device: MappedDevice | None
    could_be: tuple[str, ...]
    port: str
    usb: SerialPort | None
    attached: bool | None  # None: behind a URL, and not asked
    holder: Holder | None
    answer: str


def devices(*, ask: bool, ports: list[SerialPort] | None = None) -> Report:
    """One row per mapped device and per port that is not mapped.

    Args:
        ask: also ask on each free port who is there.
        ports: those of the machine; None looks.

    Raises:
        TinygenError: the hardware map is wrong.
    """
    known = serial_ports() if ports is None else ports
    rows = [_mapped(device, known, ask=ask) for device in hardware_map()]
    seen = {identity(row.port) for row in rows if row.port}
    rows += [_unmapped(port, ask=ask) for port in known if identity(port.device) not in seen]
    path = map_file()
    notes = [f"hardware map: {path}" if path else "no hardware map: devices.toml here, or the file $TINYGEN_DEVICES"]
    if not rows:
        notes.append("no serial port is here")
    return Report(
        kind="devices",
        subject={"map": str(path or "")},
        tables=(Table(title="devices", columns=_COLUMNS, rows=tuple(map(_cells, rows))),) if rows else (),
        notes=tuple(notes),
        details={"devices": [_facts(row) for row in rows]},
    )


def _mapped(device: MappedDevice, known: list[SerialPort], *, ask: bool) -> Row:
    try:
        port = port_of(device, known)
    except TinygenError as error:
        return Row(
            device=device, could_be=(device.board,), port="", usb=None, attached=False, holder=None, answer=str(error)
        )
    here = {identity(usb.device): usb for usb in known}
    usb = here.get(identity(port))
    taken = holder(port)
    # What is not in the machine's list may still be there: a URL, a pseudo-terminal.
    answer = _answer(find_board(device.board), Place(port=port, baud=device.baud)) if ask and not taken else ""
    attached: bool | None = usb is not None or bool(taken) or answer not in ("", _NOBODY)
    if "://" in port and not attached and not answer:
        attached = None
    return Row(
        device=device, could_be=(device.board,), port=port, usb=usb, attached=attached, holder=taken, answer=answer
    )


def _unmapped(port: SerialPort, *, ask: bool) -> Row:
    fitting = [board for board in load_boards().values() if port.usb_id in board.serial.usb_ids]
    taken = holder(port.device)
    answer = ""
    if ask and not taken and port.usb_id is not None:
        board = fitting[0] if fitting else next(b for b in load_boards().values() if b.chip.arch != "native")
        answer = _answer(board, Place(port=port.device))
    return Row(
        device=None,
        could_be=tuple(board.id for board in fitting),
        port=port.device,
        usb=port,
        attached=True,
        holder=taken,
        answer=answer,
    )


def _answer(board: BoardSpec, place: Place) -> str:
    try:
        hello = hello_on(board, place)
    except TinygenError:
        return _NOBODY
    own = f", chip {hello.unique_id}" if hello.unique_id else ""  # tells two boards of a kind apart
    return f"{hello.board}, task {hello.task}, build {hello.build_id[:12]}{own}"


def _cells(row: Row) -> tuple[str, ...]:
    usb_id = row.usb.usb_id if row.usb else None
    return (
        row.device.name if row.device else "-",
        ", ".join(row.could_be) + ("?" if row.could_be and not row.device else ""),
        row.port or "-",
        {True: "yes", False: "no", None: "ask with --ask"}[row.attached],
        f"{usb_id[0]:04x}:{usb_id[1]:04x}" if usb_id else "-",
        row.usb.serial_number if row.usb else row.device.serial_number if row.device else "",
        row.usb.location if row.usb else row.device.location if row.device else "",
        str(row.holder) if row.holder else "",
        row.answer,
    )


def _facts(row: Row) -> dict[str, object]:
    usb_id = row.usb.usb_id if row.usb else None
    return {
        "device": row.device.name if row.device else None,
        "boards": list(row.could_be),
        "port": row.port or None,
        "attached": row.attached,
        "usb_id": list(usb_id) if usb_id else None,
        "serial_number": row.usb.serial_number if row.usb else None,
        "location": row.usb.location if row.usb else None,
        "used_by": {"pid": row.holder.pid, "what": row.holder.what} if row.holder else None,
        "answers_as": row.answer or None,
    }
