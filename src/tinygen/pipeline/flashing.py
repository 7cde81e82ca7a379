"""The verb `flash`: find the board, say what is on it, write, and check that this very image answers."""

from __future__ import annotations

import shlex
from collections.abc import Callable
from dataclasses import dataclass

from tinygen.core.errors import ExitCode, TinygenError, bad_input
from tinygen.core.process import shown
from tinygen.core.values import Report
from tinygen.device import usb
from tinygen.device.discovery import BOARD, probe_on
from tinygen.device.greeting import Occupant, running_on, who
from tinygen.device.registry import choose, find_places, is_port
from tinygen.device.serialport import claim, require_port
from tinygen.pipeline import firmware_steps, image_views, proof, saved, views
from tinygen.pipeline.context import Context
from tinygen.toolchain import flash as flasher
from tinygen.toolchain import uploaders


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """Where and how to write.

    Attributes:
        port: a serial port or a device's name; None finds it.
        via: an upload protocol of the board or one of its programs, "" for the first that is there.
        probe: serial number of the ST-LINK or boot loader that writes, "" for the only one.
        overwrite: also where the firmware of another board answers.
    """

    port: str | None = None
    via: str = ""
    probe: str = ""
    overwrite: bool = False


def flash(ctx: Context, request: Request, say: Callable[[str], None], *, dry_run: bool = False) -> Report:
    """Build, write to a connected board, and check that this very image answers.

    Args:
        ctx: names task and board.
        request: where and how.
        say: told one line for people before anything is written.
        dry_run: only say the commands.

    Raises:
        TinygenError: as `firmware_steps.built`; no board, several boards, another board; the upload failed; another
            build answers.
    """
    board = ctx.board
    if board.chip.arch == "native":
        raise bad_input("'host' is this machine, there is nothing to flash", hint="use: tinygen verify --on host")
    if dry_run:
        return views.dry_run(_commands(ctx, request))
    if request.port is not None and is_port(request.port):
        require_port(request.port)
    if request.via and board.chip.arch != "xtensa":
        uploaders.protocols(board, request.via)
    found = find_places(board, choose(board, request.port or BOARD), ask=who)
    probe = request.probe or _probe(ctx, request, found[0].port)
    # A boot loader that waits for its first byte must not get a question instead.
    asks = request.via not in ("serial", "stm32flash")
    occupant = running_on(board, found) if asks else Occupant()
    before = occupant.hello
    if before is not None and before.board != board.id and not request.overwrite:
        raise TinygenError(
            ExitCode.CHECK_FAILED,
            f"the firmware that answers there is for {before.board} (build {before.build_id[:12]}), not {board.id}; "
            f"{uploaders.UNTOUCHED}",
            where=found[0].port,
            hint="name another port with --port; --overwrite writes all the same",
        )
    made = firmware_steps.built(ctx)
    if (reason := _refusal(ctx, request, found[0].port, probe)) is not None:
        raise reason
    say(_replaced(occupant))
    place, lock = claim(found, board.id)
    with lock:  # nobody gets the board between its writing and its first answer
        flasher.flash(
            ctx.project_dir, board, port=place.port, offline=ctx.offline, via=request.via, probe=probe,
            log=ctx.log("flash"), progress=ctx.progress,
        )  # fmt: skip
        with proof.connected(ctx, made, place.port, claimed=True) as (_, client):
            hello = client.hello()
            image = proof.image_check(ctx, client, made, place.port, made.generated.planned.plan)
    return saved.keep(ctx, image_views.flashing(made, place.port, hello, before, image))


def _probe(ctx: Context, request: Request, port: str) -> str:
    """The ST-LINK behind the port, or the only writer that is plugged in."""
    if ctx.board.chip.arch == "xtensa":
        return ""
    protocol = flasher.protocol_of(ctx.project_dir, ctx.board, port=port, offline=ctx.offline, via=request.via)
    behind = probe_on(port) if protocol == "stlink" else ""
    return behind or usb.the_one_to_write(protocol, usb.plugged_in())


def _refusal(ctx: Context, request: Request, port: str, probe: str) -> TinygenError | None:
    return flasher.refusal(ctx.project_dir, ctx.board, port=port, offline=ctx.offline, via=request.via, probe=probe)


def _replaced(occupant: Occupant) -> str:
    before = occupant.hello
    if before is not None:
        return f"on the board now: build {before.build_id[:12]} ({before.task}, {before.engine}, for {before.board})"
    if occupant.remark:
        return f"on the board now: firmware of another tinygen; {occupant.remark}"
    return "nothing of ours answers on the board: what is on it is replaced"


def _commands(ctx: Context, request: Request) -> list[str]:
    board, project = ctx.board, ctx.project_dir
    words = flasher.commands(
        project, board, port=request.port, offline=ctx.offline, via=request.via, probe=request.probe
    )
    flags = uploaders.upload_environment(board, request.probe)
    before = "".join(f"{key}={shlex.quote(value)} " for key, value in flags.items())
    uploads = [f"{before if 'platformio' in command else ''}{shown(command)}" for command in words]
    return [*map(shown, firmware_steps.build_commands(ctx)), *uploads]
