"""`devices.toml`: which board stands on which port of this bench or rack."""

from __future__ import annotations

import os
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from tinygen.boards.loader import find_board
from tinygen.core.errors import TinygenError, bad_input, did_you_mean

FILE_NAME = "devices.toml"
VARIABLE = "TINYGEN_DEVICES"


@dataclass(frozen=True, slots=True, kw_only=True)
class MappedDevice:
    """One board of a rack.

    Attributes:
        name: the word behind `--on`.
        board: id of its board.
        port: path or pyserial URL; "" when it is found by serial number or location.
        serial_number: of the USB device, as `tinygen devices` shows it; "" does not matter.
        location: where it is plugged in ("1-4.2", or with the interface "1-4.2:1.0"); "" does not matter.
        baud: 0 takes the board's.
    """

    name: str
    board: str
    port: str = ""
    serial_number: str = ""
    location: str = ""
    baud: int = 0


class _Device(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)

    name: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]*$")
    board: str
    port: str = ""
    serial_number: str = ""
    location: str = ""
    baud: int = Field(default=0, ge=0)

    @model_validator(mode="after")
    def _can_be_found(self) -> _Device:
        if not (self.port or self.serial_number or self.location):
            raise ValueError("needs a port, a serial_number or a location")
        return self


class _File(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)

    device: list[_Device] = []


def map_file(cwd: Path | None = None, env: Mapping[str, str] | None = None) -> Path | None:
    """The file that is in force: $TINYGEN_DEVICES, `devices.toml` here, then the user's own; None when there is none.

    Raises:
        TinygenError: the variable names a file that is not there.
    """
    variables = os.environ if env is None else env
    if named := variables.get(VARIABLE):
        path = Path(named).expanduser()
        if not path.is_file():
            raise bad_input("no such file", where=f"{VARIABLE}={named}", hint=f"unset {VARIABLE}, or write the file")
        return path
    config = Path(variables.get("XDG_CONFIG_HOME") or Path.home() / ".config")
    for path in ((cwd or Path.cwd()) / FILE_NAME, config / "tinygen" / FILE_NAME):
        if path.is_file():
            return path
    return None


def load_map(path: Path | None, *, reserved: tuple[str, ...] = ()) -> tuple[MappedDevice, ...]:
    """The devices of a file, in its order.

    Args:
        path: from `map_file`; None is an empty map.
        reserved: words that mean something else behind `--on`.

    Raises:
        TinygenError: unreadable, or wrong values, all of them named.
    """
    if path is None:
        return ()
    try:
        file = _File.model_validate(tomllib.loads(path.read_text(encoding="utf-8")))
    except (OSError, UnicodeDecodeError) as error:
        raise bad_input(f"cannot be read: {error}", where=str(path)) from error
    except tomllib.TOMLDecodeError as error:
        raise bad_input(f"is not TOML: {error}", where=str(path)) from error
    except ValidationError as error:
        raise _wrong(path, [_mistake(item["type"], item["loc"], item["msg"]) for item in error.errors()]) from error
    problems: list[str] = []
    found: list[MappedDevice] = []
    for number, device in enumerate(file.device):
        place = f"device.{number} '{device.name}'"
        if device.name in reserved:
            problems.append(f"{place}: the name means something else behind --on; choose another")
        for other in found:
            if other.name == device.name:
                problems.append(f"{place}: the name is there twice")
            if device.port and other.port == device.port and not (device.serial_number and other.serial_number):
                problems.append(f"{place}: has the port of '{other.name}'")
        try:
            board = find_board(device.board).id
        except TinygenError as error:
            problems.append(f"{place}: {error.message}; {error.hint}")
            continue
        found.append(MappedDevice(**{**device.model_dump(), "board": board}))
    if problems:
        raise _wrong(path, problems)
    return tuple(found)


def _wrong(path: Path, problems: list[str]) -> TinygenError:
    text = problems[0] if len(problems) == 1 else f"{len(problems)} errors\n  " + "\n  ".join(problems)
    return bad_input(text, where=str(path), hint="[[device]] with name, board, and port, serial_number or location")


def _mistake(kind: str, place: tuple[int | str, ...], message: str) -> str:
    dotted = ".".join(map(str, place))
    if kind == "extra_forbidden":
        known = _Device.model_fields if len(place) > 1 else _File.model_fields
        return f"{dotted}: no such key; {did_you_mean(str(place[-1]), known)}"
    return f"{dotted}: {message.removeprefix('Value error, ')}"
