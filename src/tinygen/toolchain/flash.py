"""Putting an image onto a board, and refusing where that would be a lie."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from tinygen.boards.spec import BoardSpec
from tinygen.core.errors import ExitCode, TinygenError, bad_input, no_answer, tool_failed
from tinygen.core.progress import Progress, silent
from tinygen.toolchain import pio, uploaders
from tinygen.toolchain.build import build_origin, environment_to_be
from tinygen.toolchain.registry import is_offline

FLASH_TIMEOUT_S = 300.0


def commands(
    project_dir: Path,
    board: BoardSpec,
    *,
    port: str | None = None,
    offline: bool | None = None,
    via: str = "",
    probe: str = "",
) -> tuple[tuple[str, ...], ...]:
    """The commands `flash` would run, in order, whether or not it would refuse to (`refusal`).

    Args:
        project_dir: a generated project, built or not, or where it will be.
        board: what it is for.
        port: serial port or None; STM32 boards with a debug probe do not need one.
        offline: None asks the registry.
        via: one of the board's upload protocols or programs; "" takes PlatformIO's, or offline the first that is there.
        probe: serial number of the ST-LINK to use; "" takes the only one.

    Raises:
        TinygenError: the board cannot be flashed at all.
    """
    if board.chip.arch == "native":
        raise bad_input("'host' is this machine, there is nothing to flash", hint="use --on host")
    name = environment_to_be(project_dir, board)
    folder = project_dir / ".pio" / "build" / name
    here = ("-d", str(project_dir.resolve()), "-e", name)
    to_port = ("--upload-port", port) if port else ()
    if board.chip.arch == "xtensa" and (direct := uploaders.esp_command(folder, board, port)) is not None:
        return (direct,)
    offline = is_offline(offline)
    if via and board.chip.arch != "xtensa":
        return uploaders.stm32_commands(uploaders.choose_uploader(board, port, via), folder, board, port, probe)
    if offline and build_origin(project_dir, board) == "registry":
        # The vendor's packages are on this machine already; nothing has to be fetched to use them.
        return (pio.command("run", *here, "-t", "nobuild", "-t", "upload", *to_port),)
    if not offline or board.chip.arch == "xtensa":
        return (pio.command("run", *here, "-t", "upload", *to_port),)
    # The bare-metal STM32 image is the same code on both paths: flashing it is right.
    return uploaders.stm32_commands(uploaders.choose_uploader(board, port), folder, board, port, probe)


def protocol_of(
    project_dir: Path, board: BoardSpec, *, port: str | None = None, offline: bool | None = None, via: str = ""
) -> str:
    """The upload protocol that `flash` would write by: "stlink", "dfu", "serial", "esptool", or PlatformIO's choice.

    Raises:
        TinygenError: as `commands`.
    """
    program = commands(project_dir, board, port=port, offline=offline, via=via)[0][0]
    known = {tool.program: tool.protocol for tool in uploaders.UPLOADERS}
    return known.get(program) or next(iter(board.platformio.upload_protocols), "")


def refusal(
    project_dir: Path,
    board: BoardSpec,
    *,
    port: str | None = None,
    offline: bool | None = None,
    via: str = "",
    probe: str = "",
) -> TinygenError | None:
    """Why `flash` would not even start, or None.

    Raises:
        TinygenError: as `commands`.
    """
    offline = is_offline(offline)
    origin = build_origin(project_dir, board)
    program = commands(project_dir, board, port=port, offline=offline, via=via, probe=probe)[0][0]
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
        usable = uploaders.protocols(board, via)
        names = " or ".join(f"{tool.program} ({tool.source})" for tool in usable)
        package = next((tool.package for tool in usable if tool.package), "")
        hint = f"apt-get install {package}" if package else f"install {usable[0].source}"
        return tool_failed(f"cannot flash {board.id}, missing: {names}", hint=hint)
    if port and port.startswith("/dev/") and not Path(port).exists():
        return no_answer("there is no such port", where=port, hint="is the board plugged in?")
    return None


def flash(
    project_dir: Path,
    board: BoardSpec,
    *,
    port: str | None = None,
    offline: bool | None = None,
    via: str = "",
    probe: str = "",
    log: Path | None = None,
    timeout_s: float = FLASH_TIMEOUT_S,
    progress: Progress = silent,
) -> None:
    """Write the built image onto a connected board, and verify it where the uploader can.

    Raises:
        TinygenError: exit code 4 when no board answers (any more), 1 when it has another chip or reads back something
            else, 3 when a tool is missing or failed or the image must not be flashed, 2 when there is nothing to flash.
            The message says what state the board is in.
    """
    offline = is_offline(offline)
    if (reason := refusal(project_dir, board, port=port, offline=offline, via=via, probe=probe)) is not None:
        raise reason

    lines: list[str] = []

    def told(line: str) -> None:
        lines.append(line)
        done = uploaders.percent(line)
        if done is not None:
            progress("writing", int(done), 100)

    for words in commands(project_dir, board, port=port, offline=offline, via=via, probe=probe):
        env = pio.environment(None, uploaders.upload_environment(board, probe)) if "platformio" in words else None
        if "-U" in words:
            Path(words[-1]).unlink(missing_ok=True)  # dfu-util writes over nothing
        try:
            result = pio.run(
                words, cwd=project_dir, env=env or dict(os.environ), timeout_s=timeout_s, log=log, on_line=told
            )
        except KeyboardInterrupt as error:
            stop = TinygenError(ExitCode.INTERRUPTED, "interrupted while writing")
            raise _ended(stop, lines, port or board.serial.connector) from error
        except TinygenError as error:
            raise _ended(error, lines, port or board.serial.connector) from error
        if other := uploaders.wrong_chip(board, result.stdout):
            raise TinygenError(
                ExitCode.CHECK_FAILED,
                f"another chip is connected: {other}; {uploaders.UNTOUCHED}",
                where=port or board.serial.connector,
                hint=f"is it really a {board.id}? `tinygen boards` lists the others",
            )
        if result.returncode != 0:
            raise _failure(board, words[0], "\n".join(lines), port, log)
        if differs := uploaders.read_back_differs(words, _binary(project_dir, board)):
            raise _mismatch(differs, port or board.serial.connector)


def _ended(error: TinygenError, lines: list[str], where: str) -> TinygenError:
    """The writing was ended from outside: what that means for the board."""
    state = uploaders.judge("\n".join(lines), port_gone=False).state
    return TinygenError(error.code, f"{error.message}; {state}", where=where, hint=error.hint)


def _binary(project_dir: Path, board: BoardSpec) -> Path:
    return project_dir / ".pio" / "build" / environment_to_be(project_dir, board) / "firmware.bin"


def _mismatch(what: str, where: str) -> TinygenError:
    return TinygenError(
        ExitCode.CHECK_FAILED,
        f"what was read back is not what was written ({what}); {uploaders.HALF}",
        where=where,
        hint="flash once more; when it happens again, the flash is worn or the line is disturbed",
    )


def _failure(board: BoardSpec, program: str, output: str, port: str | None, log: Path | None) -> TinygenError:
    """What went wrong, the state the board is in, and what to do."""
    tail = "\n".join(output.strip().splitlines()[-6:])
    gone = bool(port and port.startswith("/dev/") and not Path(port).exists())
    outcome = uploaders.judge(output, port_gone=gone)
    where = port or board.serial.connector
    if outcome.mismatch:
        return _mismatch(outcome.mismatch, where)
    if outcome.locked:
        final = "flash encryption is burnt into the chip: it takes only images encrypted and signed for it"
        erases = "lifting the protection erases the whole chip; with ST's boot loader: stm32flash -k PORT"
        return tool_failed(
            f"the chip refuses: its flash is protected against reading or writing; {outcome.state}\n{tail}",
            where=where,
            hint=final if board.chip.arch == "xtensa" else erases,
        )
    if outcome.absent:
        said = "the board went away in the middle" if outcome.state == uploaders.HALF else "no board answered"
        return no_answer(
            f"{said}; {outcome.state}\n{tail}",
            where=where,
            hint="check the cable, the boot mode and the permission to use the port, then flash again",
        )
    if "Can't find target/" in output:
        return tool_failed(
            f"this OpenOCD does not know {board.chip.id}; {outcome.state}",
            where=program,
            hint="take a newer OpenOCD, or STM32CubeProgrammer: --via STM32_Programmer_CLI",
        )
    see = f"the whole output is in {log}" if log else "flash again"
    return tool_failed(f"flashing failed; {outcome.state}\n{tail}", where=program, hint=see)
