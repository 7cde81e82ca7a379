"""What is installed here, what each thing is needed for, and how to get what is missing."""

from __future__ import annotations

import os
import platform
import shutil
import sys
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, version

from tinygen import __version__
from tinygen.boards.loader import load_boards
from tinygen.core.values import Check, CheckStatus, Report
from tinygen.device import discovery, usb
from tinygen.pipeline.context import Context
from tinygen.toolchain import preflight, registry, uploaders

_PACKAGES = (
    ("tensorflow", "train, convert", "pip install 'tinygen[train]'"),
    ("tflite-micro", "verify: the oracle", "pip install 'tinygen[verify]'"),
    ("platformio", "build, flash", "pip install tinygen"),
    ("scons", "build without PlatformIO's registry", "pip install 'tinygen[offline]'"),
    ("esptool", "flash an ESP32-S3 without PlatformIO's registry", "pip install 'tinygen[offline]'"),
    ("unicorn", "verify --on unicorn (STM32)", "pip install 'tinygen[sim]'"),
    ("labwired", "verify --on labwired (ESP32-S3)", "pip install 'tinygen[sim]'"),
)
_PROGRAMS = (
    ("g++", "board 'host'", "Debian: g++"),
    (
        "arm-none-eabi-g++",
        "STM32 without PlatformIO's registry",
        "Debian: gcc-arm-none-eabi libstdc++-arm-none-eabi-newlib",
    ),
    ("xtensa-lx106-elf-g++", "ESP32-S3 in simulators without PlatformIO's registry", "Debian: gcc-xtensa-lx106"),
    ("qemu-system-arm", "verify --on qemu (feather_f405)", "Debian: qemu-system-arm"),
    ("qemu-system-xtensa", "verify --on qemu-xtensa (esp32s3)", "Debian: qemu-system-misc"),
    ("espeak-ng", "built-in speech for kws", "Debian: espeak-ng"),
    ("flite", "built-in speech for kws", "Debian: flite"),
)
_FLASHING = "flash an STM32 without PlatformIO's registry"


def _uploaders() -> Iterator[Check]:
    """Programs that write flash: any one of a board's is enough."""
    for tool in uploaders.UPLOADERS:
        there = shutil.which(tool.program) is not None
        boards = [board.id for board in load_boards().values() if tool.protocol in board.platformio.upload_protocols]
        purpose = f"{_FLASHING} by {tool.protocol} ({', '.join(boards) or 'no board of the catalogue'})"
        yield Check(
            name=tool.program,
            status=CheckStatus.PASSED if there else CheckStatus.SKIPPED,
            reason=purpose if there else f"not installed; needed for: {purpose}; Debian: {tool.package}",
        )


def _connected() -> Iterator[Check]:
    """Serial ports and USB devices, and whether this user may open them."""
    ports = discovery.serial_ports()
    closed = [port.device for port in ports if not os.access(port.device, os.R_OK | os.W_OK)]
    listed = ", ".join(f"{port.device} ({port.description})" for port in ports) or "none connected"
    if closed:
        listed += f"; no permission to open {', '.join(closed)}: add yourself to the group that owns it "
        listed += "(Debian: sudo usermod -aG dialout $USER, then log in again)"
    yield Check(name="serial ports", status=_status(bool(ports) and not closed), reason=listed)
    devices = usb.plugged_in()
    locked = [device.title for device in devices if not device.allowed]
    listed = (
        ", ".join(f"{d.title} ({d.usb_id[0]:04x}:{d.usb_id[1]:04x})" for d in devices) or "no probe or board connected"
    )
    if locked:
        listed += f"; no permission to open {', '.join(locked)}: install the udev rules of stlink-tools or openocd"
    yield Check(name="USB devices", status=_status(bool(devices) and not locked), reason=listed)


def _status(good: bool) -> CheckStatus:
    return CheckStatus.PASSED if good else CheckStatus.SKIPPED


def _packages() -> Iterator[Check]:
    for name, purpose, how in _PACKAGES:
        try:
            yield Check(name=name, status=CheckStatus.PASSED, reason=f"{version(name)}; {purpose}")
        except PackageNotFoundError:
            yield Check(name=name, status=CheckStatus.SKIPPED, reason=f"not installed; needed for: {purpose}; {how}")


def _programs() -> Iterator[Check]:
    for name, purpose, how in _PROGRAMS:
        if shutil.which(name):
            yield Check(name=name, status=CheckStatus.PASSED, reason=purpose)
        else:
            yield Check(name=name, status=CheckStatus.SKIPPED, reason=f"not installed; needed for: {purpose}; {how}")


def doctor(ctx: Context) -> Report:
    """Look at Python, packages, programs, PlatformIO's registry, USB, serial ports and the configured board.

    Raises:
        TinygenError: unknown board.
    """
    board = ctx.board
    checks = [
        Check(
            name="python",
            status=CheckStatus.PASSED if sys.version_info >= (3, 11) else CheckStatus.FAILED,
            reason=f"{platform.python_version()} ({sys.platform})",
        ),
        *_packages(),
        *_programs(),
        *_uploaders(),
    ]
    offline = registry.is_offline(ctx.offline)
    checks.append(
        Check(
            name="PlatformIO registry",
            status=CheckStatus.SKIPPED if offline else CheckStatus.PASSED,
            reason="not reachable: builds use the offline stand-in platforms" if offline else "reachable",
        )
    )
    checks += _connected()
    missing = preflight.preflight(board, offline=offline)
    checks.append(
        Check(
            name=f"build for {board.id}",
            status=CheckStatus.FAILED if missing else CheckStatus.PASSED,
            reason="; ".join(f"{item.what} is missing: {item.how}" for item in missing) or "everything is there",
        )
    )
    return Report(kind="doctor", subject={"tinygen": __version__, "board": board.id}, checks=tuple(checks))
