"""What is installed here, what each thing is needed for, and how to get what is missing."""

from __future__ import annotations

import platform
import shutil
import sys
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, version

from tinygen import __version__
from tinygen.core.values import Check, CheckStatus, Report
from tinygen.device import discovery
from tinygen.pipeline.context import Context
from tinygen.toolchain import preflight, registry

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
    """Look at Python, packages, programs, PlatformIO's registry, serial ports and the configured board.

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
    ]
    offline = registry.is_offline(ctx.offline)
    checks.append(
        Check(
            name="PlatformIO registry",
            status=CheckStatus.SKIPPED if offline else CheckStatus.PASSED,
            reason="not reachable: builds use the offline stand-in platforms" if offline else "reachable",
        )
    )
    ports = discovery.serial_ports()
    checks.append(
        Check(
            name="serial ports",
            status=CheckStatus.PASSED if ports else CheckStatus.SKIPPED,
            reason=", ".join(f"{port.device} ({port.description})" for port in ports) or "none connected",
        )
    )
    missing = preflight.preflight(board, offline=offline)
    checks.append(
        Check(
            name=f"build for {board.id}",
            status=CheckStatus.FAILED if missing else CheckStatus.PASSED,
            reason="; ".join(f"{item.what} is missing: {item.how}" for item in missing) or "everything is there",
        )
    )
    return Report(kind="doctor", subject={"tinygen": __version__, "board": board.id}, checks=tuple(checks))
