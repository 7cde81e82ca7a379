"""What is missing before a build starts: answered in less than a second, instead of PlatformIO's minute of retries."""

from __future__ import annotations

import os
from dataclasses import dataclass
from importlib.util import find_spec

from tinygen.boards.spec import BoardSpec
from tinygen.core.errors import TinygenError, tool_failed
from tinygen.toolchain import debian, setup
from tinygen.toolchain.registry import is_offline
from tinygen.toolchain.standin import TITLES
from tinygen.toolchain.versions import parse_ref


@dataclass(frozen=True, slots=True, kw_only=True)
class Missing:
    """Something a build needs that is not there.

    Attributes:
        what: the program, module or platform.
        package: who brings it: "Debian package gcc-arm-none-eabi", "PyPI package scons".
        command: what installs it; "" when nothing does.
    """

    what: str
    package: str
    command: str

    @property
    def how(self) -> str:
        """Where it comes from and what installs it, in one phrase."""
        return f"{self.package}: {self.command}" if self.command else self.package


def purpose_of(board: BoardSpec) -> str:
    """The row of `debian.PURPOSES` a board's offline build needs."""
    return {"native": "native", "xtensa": "esp32s3"}.get(board.chip.arch, "stm32")


def preflight(board: BoardSpec, offline: bool | None = None) -> list[Missing]:
    """List what is missing to build for a board; empty when nothing is.

    Args:
        board: the board.
        offline: None asks `registry.is_offline`. Connected, PlatformIO fetches compilers and SCons itself.
    """
    if find_spec("platformio") is None:
        return [Missing(what="platformio", package="PyPI package platformio", command="pip install platformio==6.2.0")]
    offline = is_offline(offline)
    if not offline and board.chip.arch != "native":
        return []
    lacking: list[Missing] = []
    purpose = purpose_of(board)
    if not (purpose == "native" and os.environ.get("CXX")):
        tools = debian.missing((purpose,))
        lacking += [
            Missing(what=tool.name, package=f"Debian package {tool.package}", command=f"apt-get install {tool.package}")
            for tool in tools
        ]
    if not offline:
        return lacking
    if not setup.scons_fits():
        pin = setup.scons_pin()
        have = setup.scons_version()
        what = f"SCons {pin} (found {have})" if have else f"SCons {pin}"
        lacking.append(Missing(what=what, package="PyPI package scons", command=f"pip install scons=={pin}"))
    platform = parse_ref(board.platformio.platform).name
    if platform not in TITLES:
        lacking.append(
            Missing(what=f"platform {platform}", package="PlatformIO's registry (there is no stand-in)", command="")
        )
    return lacking


def as_error(board: BoardSpec, lacking: list[Missing]) -> TinygenError:
    """The one error that names everything missing and the commands that bring it."""
    names = ", ".join(f"{item.what} ({item.package})" for item in lacking)
    debs = [item.command.removeprefix("apt-get install ") for item in lacking if item.command.startswith("apt-get")]
    commands = [f"apt-get install {' '.join(dict.fromkeys(debs))}"] if debs else []
    commands += [item.command for item in lacking if item.command and not item.command.startswith("apt-get")]
    return tool_failed(
        f"cannot build for {board.id}, missing: {names}",
        hint="; ".join(commands) if commands else "build on a machine that reaches PlatformIO's registry",
    )


def require(board: BoardSpec, offline: bool | None = None) -> None:
    """Raise when something is missing.

    Raises:
        TinygenError: exit code 3, naming every missing thing, its package and the command.
    """
    lacking = preflight(board, offline)
    if lacking:
        raise as_error(board, lacking)
