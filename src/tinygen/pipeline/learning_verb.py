"""learn: what a device has learned of its machine, asked for, started, frozen, forgotten, saved and given back."""

from __future__ import annotations

from pathlib import Path

from tinygen.core.errors import bad_input
from tinygen.core.files import unwritable, write_atomic
from tinygen.core.values import Check, CheckStatus, Measurement, Report
from tinygen.device.client import Client
from tinygen.device.registry import Image, choose, is_simulator, open_target
from tinygen.device.values import LearningStatus
from tinygen.pipeline.context import Context
from tinygen.tasks import learning, thresholds

ACTIONS = ("status", "learn", "freeze", "forget", "save", "load")


def learn(
    ctx: Context,
    action: str,
    on: str,
    *,
    threshold: int | None = None,
    false_alarms: float | None = None,
    file: Path | None = None,
) -> Report:
    """Do one thing with the learned state of a device on a serial port.

    Args:
        ctx: names the board.
        action: one of ACTIONS.
        on: a serial port; a simulator would forget it at its end.
        threshold: for "freeze", of one row's score.
        file: for "save" and "load".
        false_alarms: for "freeze" instead of a threshold: the share of healthy rows that may score above it.

    Raises:
        TinygenError: a simulator, a missing or superfluous option, a file that is no state, or as the device refuses.
    """
    chosen = choose(ctx.board, on)
    if is_simulator(chosen):
        raise bad_input(f"'{chosen}' forgets everything when it ends", where="--on", hint="name a serial port")
    if [threshold, false_alarms].count(None) != (1 if action == "freeze" else 2):
        message = "'freeze' needs --threshold or --false-alarms, nothing else takes them"
        raise bad_input(message, where=f"learn {action}")
    if (action in ("save", "load")) != (file is not None):
        raise bad_input("'save' and 'load' need --file, nothing else takes it", where=f"learn {action}")
    if action == "save" and file is not None and (why := unwritable(file, folder=False)):
        raise bad_input(why, where=str(file), hint="name another file with --file")
    state = file.read_bytes() if action == "load" and file is not None and file.is_file() else b""
    if action == "load":
        learning.from_bytes(state)
    with open_target(ctx.board, on, Image(elf=Path(), symbols={}, build_id="")) as target:
        client = Client(target.open(), target.capabilities.time_scale, name=on)
        client.hello()
        if false_alarms is not None:
            return _report(on, action, freeze_at(client, false_alarms))
        return _report(on, action, act(client, action, threshold or 0, file, state))


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
        case "learn" | "forget":
            return client.learn(action)
        case "freeze":
            return client.learn("freeze", threshold)
        case "load":
            return client.write_learned(state)
        case "save" if file is not None:
            found = client.read_learned()
            learning.from_bytes(found)
            write_atomic(file, found)
    return client.learn("status")


def _report(on: str, action: str, told: LearningStatus) -> Report:
    origin = "measured-on-device"
    torn = Check(
        name="kept over the last reset",
        status=CheckStatus.FAILED if told.torn else CheckStatus.PASSED,
        reason="a write was cut off; the state before it holds" if told.torn else f"phase: {told.phase}",
    )
    return Report(
        kind="learn",
        subject={"target": on, "action": action, "phase": told.phase, "digest": f"{told.digest:08x}"},
        checks=(torn,),
        measurements=(
            Measurement(name="healthy_rows", value=told.count, unit="count", origin=origin),
            Measurement(name="threshold", value=told.threshold, unit="count", origin=origin),
            Measurement(name="newest_score", value=told.score, unit="count", origin=origin),
            Measurement(name="state_bytes", value=told.state_bytes, unit="bytes", origin=origin),
        ),
    )
