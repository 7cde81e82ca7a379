"""Putting an image onto a board, and refusing where that would be a lie."""

from __future__ import annotations

import os
import re
import shutil
from dataclasses import dataclass
from pathlib import Path

from tinygen.boards.spec import BoardSpec
from tinygen.core.errors import TinygenError, bad_input, no_answer, tool_failed
from tinygen.toolchain import pio
from tinygen.toolchain.build import build_origin, environment_to_be
from tinygen.toolchain.registry import is_offline

FLASH_TIMEOUT_S = 300.0
_ABSENT = re.compile(
    r"specify `?upload_port|could not open port|No such file or directory: '/dev|Unable to connect|Couldn't find"
    r"|No DFU capable|Failed to connect|Failed to open serial|init mode failed|open failed|No serial data|No device"
    r"|Couldn't open ST-?Link|Error: libusb_open|Failed to init device",
    re.IGNORECASE,
)
_OPENOCD_TARGETS = {
    "stm32f0": "stm32f0x", "stm32f1": "stm32f1x", "stm32f3": "stm32f3x", "stm32f4": "stm32f4x", "stm32f7": "stm32f7x",
    "stm32g0": "stm32g0x", "stm32g4": "stm32g4x", "stm32h5": "stm32h5x", "stm32h7": "stm32h7x", "stm32l4": "stm32l4x",
    "stm32u5": "stm32u5x",
}  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Uploader:
    """A program that writes STM32 flash: its Debian package and PlatformIO's name for its protocol."""

    protocol: str
    program: str
    package: str


UPLOADERS = (
    Uploader(protocol="stlink", program="openocd", package="openocd"),
    Uploader(protocol="stlink", program="st-flash", package="stlink-tools"),
    Uploader(protocol="dfu", program="dfu-util", package="dfu-util"),
    Uploader(protocol="serial", program="stm32flash", package="stm32flash"),
)


def commands(
    project_dir: Path, board: BoardSpec, *, port: str | None = None, offline: bool | None = None
) -> tuple[tuple[str, ...], ...]:
    """The commands `flash` would run, in order, whether or not it would refuse to (`refusal`).

    Args:
        project_dir: a generated project, built or not, or where it will be.
        board: what it is for.
        port: serial port or None; STM32 boards with a debug probe do not need one.
        offline: None asks the registry.

    Raises:
        TinygenError: the board cannot be flashed at all.
    """
    if board.chip.arch == "native":
        raise bad_input("'host' is this machine, there is nothing to flash", hint="use --on host")
    name = environment_to_be(project_dir, board)
    to_port = ("--upload-port", port) if port else ()
    offline = is_offline(offline)
    if offline and build_origin(project_dir, board) == "registry":
        # The vendor's packages are on this machine already; nothing has to be fetched to use them.
        return (pio.command("run", "-e", name, "-t", "nobuild", "-t", "upload", *to_port),)
    if not offline or board.chip.arch == "xtensa":
        return (pio.command("run", "-e", name, "-t", "upload", *to_port),)
    # The bare-metal STM32 image is the same code on both paths: flashing it is right.
    tool = _uploader(board, port)
    return (_words(tool, project_dir / ".pio" / "build" / name, board, port),)


def refusal(
    project_dir: Path, board: BoardSpec, *, port: str | None = None, offline: bool | None = None
) -> TinygenError | None:
    """Why `flash` would not even start, or None.

    Raises:
        TinygenError: as `commands`.
    """
    offline = is_offline(offline)
    origin = build_origin(project_dir, board)
    program = commands(project_dir, board, port=port, offline=offline)[0][0]
    if not origin:
        return bad_input("the project is not built yet", where=str(project_dir), hint="run `tinygen build` first")
    if offline and board.chip.arch == "xtensa" and origin != "registry":
        return tool_failed(
            "this image was built by the offline stand-in: a RAM image of ESP8266 code, for simulators only",
            where=board.id,
            hint="it has no boot header, flash mapping or watchdog handling; build where PlatformIO's registry is "
            "reachable (TINYGEN_OFFLINE=0) and flash that",
        )
    if shutil.which(program) is None:
        usable = _usable(board)
        names = " or ".join(f"{tool.program} (Debian package {tool.package})" for tool in usable)
        return tool_failed(f"cannot flash {board.id}, missing: {names}", hint=f"apt-get install {usable[0].package}")
    if port and port.startswith("/dev/") and not Path(port).exists():
        return no_answer("there is no such port", where=port, hint="is the board plugged in?")
    return None


def flash(
    project_dir: Path,
    board: BoardSpec,
    *,
    port: str | None = None,
    offline: bool | None = None,
    log: Path | None = None,
    timeout_s: float = FLASH_TIMEOUT_S,
) -> None:
    """Write the built image onto a connected board.

    Raises:
        TinygenError: exit code 4 when no board answers, 3 when a tool is missing or failed or the image must not be
            flashed, 2 when there is nothing to flash.
    """
    offline = is_offline(offline)
    if (reason := refusal(project_dir, board, port=port, offline=offline)) is not None:
        raise reason
    for words in commands(project_dir, board, port=port, offline=offline):
        env = pio.environment(None) if "platformio" in words else dict(os.environ)
        result = pio.run(words, cwd=project_dir, env=env, timeout_s=timeout_s, log=log)
        if result.returncode == 0:
            continue
        tail = "\n".join(result.stdout.strip().splitlines()[-6:])
        if _ABSENT.search(result.stdout):
            raise no_answer(
                f"no board answered\n{tail}",
                where=port or board.serial.connector,
                hint="check the cable, the boot mode and the permission to use the port",
            )
        see = f"the whole output is in {log}" if log else ""
        raise tool_failed(f"flashing failed\n{tail}", where=words[0], hint=see)


def _usable(board: BoardSpec) -> list[Uploader]:
    """The programs that can flash a board, in the board's order of protocols.

    Raises:
        TinygenError: none is known.
    """
    usable = [tool for name in board.platformio.upload_protocols for tool in UPLOADERS if tool.protocol == name]
    if not usable:
        raise tool_failed(
            f"no known way to flash {board.id} offline", hint="flash where PlatformIO's registry is reachable"
        )
    return usable


def _uploader(board: BoardSpec, port: str | None) -> Uploader:
    """The first program that is installed; where none is, the first that would do."""
    usable = [tool for tool in _usable(board) if tool.program != "stm32flash" or port is not None] or _usable(board)
    return next((tool for tool in usable if shutil.which(tool.program)), usable[0])


def _words(tool: Uploader, folder: Path, board: BoardSpec, port: str | None) -> tuple[str, ...]:
    image, binary, address = folder / "firmware.elf", folder / "firmware.bin", f"0x{board.chip.flash.address:08X}"
    if tool.program == "openocd":
        target = _OPENOCD_TARGETS.get(board.chip.family.lower(), "stm32f4x")
        script = f"program {{{image}}} verify reset exit"
        return ("openocd", "-f", "interface/stlink.cfg", "-f", f"target/{target}.cfg", "-c", script)
    if tool.program == "st-flash":
        return ("st-flash", "--reset", "write", str(binary), address)
    if tool.program == "dfu-util":
        return ("dfu-util", "-a", "0", "-s", f"{address}:leave", "-D", str(binary))
    return ("stm32flash", "-b", "115200", "-g", address, "-w", str(binary), port or "PORT")
