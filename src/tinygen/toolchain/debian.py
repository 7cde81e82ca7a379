"""Which programs each purpose needs and which Debian package brings them. Standard library only."""

from __future__ import annotations

import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Tool:
    """A program, or a file a compiler must be able to find.

    Attributes:
        program: looked up on PATH.
        package: Debian package.
        file: when set, `program -print-file-name=file` must find it (libraries without a program of their own).
    """

    program: str
    package: str
    file: str = ""

    @property
    def name(self) -> str:
        """What to call it in a message."""
        return self.file or self.program

    def present(self) -> bool:
        """True when it can be used."""
        found = shutil.which(self.program)
        if found is None or not self.file:
            return found is not None
        try:
            answer = subprocess.run(
                [found, f"-print-file-name={self.file}"], capture_output=True, text=True, timeout=10, check=False
            ).stdout.strip()
        except (OSError, subprocess.TimeoutExpired):
            return False
        return Path(answer).is_absolute() and Path(answer).exists()


_XTENSA = (Tool(program="xtensa-lx106-elf-g++", package="gcc-xtensa-lx106"),)

PURPOSES: dict[str, tuple[Tool, ...]] = {
    "host": (
        Tool(program="g++", package="g++"),
        Tool(program="clang++", package="clang"),
    ),
    "native": (Tool(program="g++", package="g++"),),
    "stm32": (
        Tool(program="arm-none-eabi-g++", package="gcc-arm-none-eabi"),
        Tool(program="arm-none-eabi-g++", package="libnewlib-arm-none-eabi", file="nano.specs"),
        Tool(program="arm-none-eabi-g++", package="libstdc++-arm-none-eabi-newlib", file="libstdc++.a"),
    ),
    "esp32s3": _XTENSA,
    "sim": (
        Tool(program="qemu-system-arm", package="qemu-system-arm"),
        Tool(program="qemu-system-xtensa", package="qemu-system-misc"),
    ),
    "flash": (
        Tool(program="openocd", package="openocd"),
        Tool(program="st-flash", package="stlink-tools"),
        Tool(program="dfu-util", package="dfu-util"),
        Tool(program="stm32flash", package="stm32flash"),
    ),
    "browser": (Tool(program="chromium", package="chromium"),),
    "speech": (
        Tool(program="espeak-ng", package="espeak-ng"),
        Tool(program="flite", package="flite"),
    ),
}

# Debian's clang does not depend on its sanitizers when recommendations are left out.
COMPANIONS: dict[str, tuple[str, ...]] = {"clang": ("libclang-rt-dev",)}


def missing(purposes: tuple[str, ...]) -> tuple[Tool, ...]:
    """The tools of these purposes that are not on this machine, each once, in order.

    Raises:
        KeyError: an unknown purpose.
    """
    wanted = dict.fromkeys(tool for purpose in purposes for tool in PURPOSES[purpose])
    return tuple(tool for tool in wanted if not tool.present())


def packages(tools: tuple[Tool, ...]) -> tuple[str, ...]:
    """The Debian packages that bring these tools, each once, with what belongs to them."""
    names = [name for tool in tools for name in (tool.package, *COMPANIONS.get(tool.package, ()))]
    return tuple(dict.fromkeys(names))
