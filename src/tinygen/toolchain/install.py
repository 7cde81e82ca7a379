"""`python -m tinygen.toolchain.install --for host,stm32,esp32s3,sim,flash,speech,browser`: Debian packages, said first.

Uses the standard library and this package only. Run by `make demo` and `make test`; safe to repeat.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence

from tinygen.core.errors import TinygenError, bad_input, did_you_mean, tool_failed
from tinygen.toolchain.debian import PURPOSES, Tool, missing, packages
from tinygen.toolchain.registry import is_offline

_BY_PLATFORMIO = ("stm32", "esp32s3")


def install_debian_packages(purposes: Sequence[str], *, offline: bool | None = None, dry_run: bool = False) -> None:
    """Install what these purposes lack, saying first what and how.

    Args:
        purposes: keys of `debian.PURPOSES`.
        offline: None asks the registry. Connected, PlatformIO fetches the boards' compilers itself.
        dry_run: say it and stop.

    Raises:
        TinygenError: an unknown purpose (exit code 2); not allowed to install, or the installation failed (3).
    """
    for word in purposes:
        if word not in PURPOSES:
            raise bad_input(f"unknown purpose '{word}'", hint=did_you_mean(word, PURPOSES))
    wanted = tuple(purposes)
    if (
        set(wanted) & set(_BY_PLATFORMIO)
        and missing(tuple(set(wanted) & set(_BY_PLATFORMIO)))
        and not is_offline(offline)
    ):
        _say("PlatformIO's registry is reachable: it brings the boards' compilers with the first build (some 100 MB)")
        wanted = tuple(word for word in wanted if word not in _BY_PLATFORMIO)
    lacking = missing(wanted)
    if not lacking:
        return
    names = packages(lacking)
    _say(f"missing: {', '.join(tool.name for tool in lacking)}")
    _say(f"will install these Debian packages: {' '.join(names)}")
    prefix = _root_prefix(names)
    if dry_run:
        return
    _apt(prefix, names)
    still = missing(wanted)
    if still:
        raise tool_failed(f"installed, but still not found: {', '.join(_described(tool) for tool in still)}")
    _say("installed")


def _root_prefix(names: tuple[str, ...]) -> list[str]:
    """[] for root, ["sudo", "-n"] where that works without a password."""
    by_hand = f"apt-get install --no-install-recommends {' '.join(names)}"
    if shutil.which("apt-get") is None:
        raise tool_failed(
            "this system has no apt-get, so nothing was installed",
            hint=f"install by your system's own means what these Debian packages hold: {' '.join(names)}",
        )
    if os.name == "posix" and os.geteuid() == 0:
        return []
    sudo = shutil.which("sudo")
    if sudo and subprocess.run([sudo, "-n", "true"], capture_output=True, check=False).returncode == 0:
        return [sudo, "-n"]
    raise tool_failed("installing needs root, so nothing was installed", hint=f"run once: sudo {by_hand}")


def _apt(prefix: list[str], names: tuple[str, ...]) -> None:
    install = ["apt-get", "install", "--yes", "--no-install-recommends", *names]
    quiet = ["-qq", "-o", "Dpkg::Use-Pty=0"]
    words = [*prefix, "env", "DEBIAN_FRONTEND=noninteractive"]
    if _run([*words, *install, *quiet]) == 0:
        return
    _say("refreshing the package lists and trying again")
    _run([*words, "apt-get", "update", "-qq"])
    if _run([*words, *install, *quiet]) != 0:
        raise tool_failed("apt-get could not install them", hint="its own words are above")


def _run(words: list[str]) -> int:
    _say(" ".join(words))
    return subprocess.run(words, stdin=subprocess.DEVNULL, stdout=sys.stderr, check=False).returncode


def _described(tool: Tool) -> str:
    return f"{tool.name} (Debian package {tool.package})"


def _say(text: str) -> None:
    print(f"tools: {text}", file=sys.stderr, flush=True)


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tinygen.toolchain.install", description=__doc__)
    parser.add_argument("--for", dest="purposes", required=True, help=f"comma list of {', '.join(PURPOSES)}")
    parser.add_argument("--dry-run", action="store_true", help="say what would be installed")
    options = parser.parse_args(arguments)
    try:
        words = tuple(word.strip() for word in options.purposes.split(",") if word.strip())
        install_debian_packages(words, dry_run=options.dry_run)
    except TinygenError as error:
        _say(f"error: {error}")
        if error.hint:
            _say(error.hint)
        return int(error.code)
    except KeyboardInterrupt:
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
