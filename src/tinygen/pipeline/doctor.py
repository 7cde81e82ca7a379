"""What is installed here, what each thing is needed for, and how to get what is missing."""

from __future__ import annotations

import os
import platform
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

from tinygen import __version__
from tinygen.boards.loader import load_boards
from tinygen.boards.spec import BoardSpec
from tinygen.core.values import Check, CheckStatus, Report
from tinygen.device import access, discovery, usb
from tinygen.pipeline.context import Context
from tinygen.toolchain import inventory, pio_packages, preflight, registry, uploaders


def doctor(ctx: Context) -> Report:
    """Look at Python, packages, programs, PlatformIO's registry and packages, USB, serial ports and the board's build.

    Raises:
        TinygenError: unknown board.
    """
    board = ctx.board
    with ThreadPoolExecutor(max_workers=2) as pool:
        # The registry may take its three seconds to be silent; everything else is looked at meanwhile.
        asked = pool.submit(registry.is_offline, ctx.offline)
        found = pool.submit(inventory.look)
        connected = tuple(_connected())
        installed = pio_packages.installed()
        offline = asked.result()
        needs = found.result()
    checks = (
        _python(),
        *map(_need, needs),
        _registry(offline),
        _installed(board, installed),
        *connected,
        _board(board, offline),
    )
    return Report(
        kind="doctor",
        subject={"tinygen": __version__, "board": board.id, "system": sys.platform},
        checks=checks,
        details={
            "needs": [_facts(item) for item in needs],
            "platformio_packages": installed,
            "serial_ports": discovery.serial_ports(),
            "usb_devices": usb.plugged_in(),
        },
    )


def _python() -> Check:
    return Check(
        name="python",
        status=CheckStatus.PASSED if sys.version_info >= (3, 11) else CheckStatus.FAILED,
        reason=f"{platform.python_version()} ({sys.platform}); everything",
    )


def _need(item: inventory.Found) -> Check:
    need = item.need
    purpose = f"{need.purpose}{_boards_of(need.name)}"
    if not item.there:
        why = f"not installed; needed for: {purpose}; how: {need.here}"
        return Check(name=need.name, status=CheckStatus.SKIPPED, reason=why)
    told = "" if item.version == "?" else f"{item.version}; "
    return Check(name=need.name, status=CheckStatus.PASSED, reason=f"{told}{purpose}")


def _boards_of(program: str) -> str:
    """How many boards of the catalogue a program that writes flash is for, "" for other programs."""
    tool = next((tool for tool in uploaders.UPLOADERS if tool.program == program), None)
    if tool is None:
        return ""
    boards = [board.id for board in load_boards().values() if tool.protocol in board.platformio.upload_protocols]
    return f" ({', '.join(boards)})" if len(boards) <= 3 else f" ({len(boards)} boards of the catalogue)"


def _registry(offline: bool) -> Check:
    return Check(
        name="PlatformIO registry",
        status=CheckStatus.SKIPPED if offline else CheckStatus.PASSED,
        reason="not reachable: builds use the offline stand-in platforms" if offline else "reachable",
    )


def _installed(board: BoardSpec, installed: list[pio_packages.Package]) -> Check:
    """What PlatformIO has fetched already."""
    name, folder = "PlatformIO packages", pio_packages.core_dir()
    if not installed:
        why = "fetched by the first build with the registry; needed for: build, flash"
        return Check(name=name, status=CheckStatus.SKIPPED, reason=f"none in {folder}; {why}")
    listed = ", ".join(f"{package.name} {package.version}" for package in installed)
    wanted = board.platformio.platform.partition("@")[0].strip()
    there = any(package.kind == "platform" and package.name == wanted for package in installed)
    lacks = "" if there or not wanted else f"; {board.id}'s platform {board.platformio.platform} is not among them"
    return Check(name=name, status=CheckStatus.PASSED, reason=f"{listed}{lacks}")


def _connected() -> Iterator[Check]:
    """Serial ports and USB devices, and whether this user may open them."""
    ports = discovery.serial_ports()
    closed = [port.device for port in ports if not os.access(port.device, os.R_OK | os.W_OK)]
    listed = ", ".join(f"{port.device} ({port.description})" for port in ports) or "none connected"
    listed += "; needed for: flash, verify, monitor on a board"
    if closed:
        listed += f"; no permission to open {', '.join(closed)}"
    yield Check(name="serial ports", status=_status(bool(ports) and not closed), reason=listed)
    allowed, why = access.serial_access()
    yield Check(name="serial permission", status=_status(allowed and not closed), reason=why)
    devices = usb.plugged_in()
    locked = [device.title for device in devices if not device.allowed]
    listed = ", ".join(_named(device) for device in devices) or "no probe or board connected"
    if locked:
        listed += f"; no permission to open {', '.join(locked)}"
    yield Check(name="USB devices", status=_status(bool(devices) and not locked), reason=listed)
    allowed, why = access.usb_access()
    yield Check(name="USB permission", status=_status(allowed and not locked), reason=why)


def _named(device: usb.UsbDevice) -> str:
    number = f", serial number {device.serial_number}" if device.serial_number else ""
    return f"{device.title} ({device.usb_id[0]:04x}:{device.usb_id[1]:04x}{number})"


def _board(board: BoardSpec, offline: bool) -> Check:
    missing = preflight.preflight(board, offline=offline)
    return Check(
        name=f"build for {board.id}",
        status=CheckStatus.FAILED if missing else CheckStatus.PASSED,
        reason="; ".join(f"{item.what} is missing: {item.how}" for item in missing) or "everything is there",
    )


def _facts(item: inventory.Found) -> dict[str, object]:
    need = item.need
    return {
        "name": need.name,
        "version": item.version or None,
        "needed_for": need.purpose,
        "how": {"linux": need.linux, "macos": need.macos or None, "windows": need.windows or None},
    }


def _status(good: bool) -> CheckStatus:
    return CheckStatus.PASSED if good else CheckStatus.SKIPPED
