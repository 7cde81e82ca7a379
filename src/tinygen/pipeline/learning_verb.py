"""learn: what a device has learned of its machine, asked for, started, frozen, forgotten, saved and given back."""

from __future__ import annotations

from pathlib import Path

from tinygen.core.errors import TinygenError, bad_input
from tinygen.core.files import unwritable, write_atomic
from tinygen.core.values import Check, CheckStatus, Measurement, Report
from tinygen.device.client import Client
from tinygen.device.registry import Image, choose, is_simulator, open_target
from tinygen.device.values import LearningStatus
from tinygen.pipeline.context import Context
from tinygen.tasks import learning, thresholds
from tinygen.toolchain import elf

ACTIONS = ("status", "learn", "freeze", "keep", "forget", "save", "load")


def learn(
    ctx: Context,
    action: str,
    on: str,
    *,
    threshold: int | None = None,
    false_alarms: float | None = None,
    file: Path | None = None,
    program: Path | None = None,
) -> Report:
    """Do one thing with the learned state of a device on a serial port, or of a simulated one.

    Args:
        ctx: names the board.
        action: one of ACTIONS.
        on: a serial port, or a simulator: then only what outlives a loss of power is there the next time.
        program: for a simulator: the image. What it keeps lies in a file beside it, "<name>.flash".
        threshold: for "freeze", of one row's score.
        file: for "save" and "load".
        false_alarms: for "freeze" instead of a threshold: the share of healthy rows that may score above it.

    Raises:
        TinygenError: a simulator, a missing or superfluous option, a file that is no state, or as the device refuses.
    """
    chosen = choose(ctx.board, on)
    if is_simulator(chosen) != (program is not None):
        message = "a simulator runs the image of --elf, a serial port has its own"
        raise bad_input(message, where="--on", hint="name both --elf and --on unicorn or host, or a port alone")
    if [threshold, false_alarms].count(None) != (1 if action == "freeze" else 2):
        message = "'freeze' needs --threshold or --false-alarms, nothing else takes them"
        raise bad_input(message, where=f"learn {action}")
    if (action in ("save", "load")) != (file is not None):
        raise bad_input("'save' and 'load' need --file, nothing else takes it", where=f"learn {action}")
    if action == "save" and file is not None and (why := unwritable(file, folder=False)):
        raise bad_input(why, where=str(file), hint="name another file with --file")
    state = _given(file) if action == "load" and file is not None else b""
    with open_target(ctx.board, on, _image(program)) as target:
        client = Client(target.open(), target.capabilities.time_scale, name=on)
        client.hello()
        if false_alarms is not None:
            return _report(chosen, action, freeze_at(client, false_alarms))
        return _report(chosen, action, act(client, action, threshold or 0, file, state))


def _given(file: Path) -> bytes:
    """A saved state, looked at before a device is asked for."""
    try:
        state = file.read_bytes()
        learning.from_bytes(state)
    except OSError as error:
        raise bad_input(f"cannot be read: {error.strerror}", where=str(file)) from error
    except TinygenError as error:
        raise bad_input(error.message, where=str(file), hint="`tinygen learn save` writes one") from error
    return state


def _image(program: Path | None) -> Image:
    if program is None:
        return Image(elf=Path(), symbols={}, build_id="")
    if not program.is_file():
        raise bad_input("there is no such image", where=str(program), hint="build the project first, or name --elf")
    places = {name: symbol.address for name, symbol in elf.symbols(program).items()}
    return Image(elf=program, symbols=places, build_id="", flash=program.with_name(f"{program.name}.flash"))


def freeze_at(client: Client, false_alarms: float) -> LearningStatus:
    """Let the device set its threshold from the healthy scores it has seen.

    Args:
        client: of a device that learns.
        false_alarms: the share of healthy rows that may score above it.

    Raises:
        TinygenError: a rate that is none; too few rows, or none since the last reset.
    """
    count = learning.kept_count(client.learn("status").count)
    return client.learn("freeze_at", learning.spreads_q8(thresholds.spreads_for(false_alarms, count)))


def act(client: Client, action: str, threshold: int, file: Path | None, state: bytes) -> LearningStatus:
    """One action on a device that was greeted.

    Raises:
        TinygenError: the device refuses; the file cannot be written.
    """
    match action:
        case "learn" | "forget" | "keep":
            return client.learn(action)
        case "freeze":
            return client.learn("freeze", threshold)
        case "load":
            return client.write_learned(state)
        case "save" if file is not None:
            if client.learn("status").phase == "nothing":
                hint = "`tinygen learn learn` begins, `learn load` gives it a saved state"
                raise bad_input("the device has learned nothing that could be saved", where="learn save", hint=hint)
            found = client.read_learned()
            learning.from_bytes(found)
            write_atomic(file, found)
    return client.learn("status")


_FOUND = {
    "not looked": (CheckStatus.SKIPPED, "nobody looked yet"),
    "nothing": (CheckStatus.PASSED, "nothing was kept there"),
    "whole": (CheckStatus.PASSED, "the newest record is whole"),
    "torn": (CheckStatus.PASSED, "the power went during a write; what was kept before it holds"),
    "damaged": (
        CheckStatus.FAILED,
        "a finished record no longer fits its digest; the one before holds, where there is one",
    ),
    "another model's": (
        CheckStatus.FAILED,
        "learned for another model: its rows are made by another front end or input scale, so they are not used; "
        "learn anew, or flash the firmware it belongs to",
    ),
    "forgotten": (CheckStatus.PASSED, "what was kept has been forgotten"),
}
_PLACES = {
    "nowhere": "RAM only: kept across a reset, not over a loss of power",
    "flash": "the chip's own flash",
    "nvs": "ESP-IDF's NVS",
    "file": "the file TINYGEN_STATE_FILE",
}


def kept_checks(told: LearningStatus, action: str) -> tuple[Check, ...]:
    """Whether it outlives a loss of power: what the start found, how the last write went, whether RAM and flash agree.

    Args:
        told: by the device.
        action: what was asked; after "learn" newer rows are in RAM only, as they should be.
    """
    store = told.store
    where = _PLACES.get(store.place, store.place)
    if store.place == "nowhere":
        return (Check(name="kept over a loss of power", status=CheckStatus.SKIPPED, reason=where),)
    status, reason = _FOUND.get(store.found, (CheckStatus.FAILED, store.found))
    checks = [Check(name="found at the start", status=status, reason=reason)]
    if store.outcome not in ("none", "done"):
        words = f"{store.outcome}: what is learned holds until the power goes, then the record before"
        checks.append(Check(name="last write", status=CheckStatus.FAILED, reason=words))
    missing = not store.kept and action in ("freeze", "keep", "load", "forget")
    held = "exactly what is learned now" if store.kept else "not what is learned now: `tinygen learn keep` writes it"
    status = CheckStatus.FAILED if missing else CheckStatus.PASSED if store.kept else CheckStatus.SKIPPED
    checks.append(Check(name="kept over a loss of power", status=status, reason=f"{where} holds {held}"))
    return tuple(checks)


def _kept_figures(told: LearningStatus, origin: str) -> tuple[Measurement, ...]:
    store = told.store
    if store.place == "nowhere":
        return ()
    wear = (
        f"of {store.endurance:,} an area is good for (datasheet)" if store.endurance else "the place spreads its wear"
    )
    stall = "samples that come meanwhile are lost" if store.stall_ms else "the program goes on meanwhile"
    return (
        Measurement(name="records_written", value=store.sequence, unit="count", origin=origin),
        Measurement(name="erases", value=store.erases, unit="count", origin=origin, note=wear),
        Measurement(name="records_until_erase", value=store.writes_left, unit="count", origin=origin),
        Measurement(name="longest_pause_ms", value=store.stall_ms, unit="ms", origin="declared", note=stall),
    )


def _report(on: str, action: str, told: LearningStatus) -> Report:
    origin = f"measured-on-{on}" if is_simulator(on) else "measured-on-device"
    torn = Check(
        name="kept over the last reset",
        status=CheckStatus.FAILED if told.torn else CheckStatus.PASSED,
        reason="a write was cut off; the state before it holds" if told.torn else f"phase: {told.phase}",
    )
    return Report(
        kind="learn",
        subject={
            "target": on,
            "action": action,
            "phase": told.phase,
            "digest": f"{told.digest:08x}",
            "kept in": told.store.place,
        },
        checks=(torn, *kept_checks(told, action)),
        measurements=(
            Measurement(name="healthy_rows", value=told.count, unit="count", origin=origin),
            Measurement(name="threshold", value=told.threshold, unit="count", origin=origin),
            Measurement(name="newest_score", value=told.score, unit="count", origin=origin),
            Measurement(name="state_bytes", value=told.state_bytes, unit="bytes", origin=origin),
            *_kept_figures(told, origin),
        ),
    )
