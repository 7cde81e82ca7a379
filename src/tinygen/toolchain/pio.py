"""Running `python -m platformio` as a separate process: its environment, its output line by line, its end."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import IO

from tinygen.core.errors import tool_failed
from tinygen.core.files import writing
from tinygen.core.process import Completed, shown

# What a connected user may have chosen for PlatformIO and keeps. Anything else named PLATFORMIO_* could move or change
# the build (PLATFORMIO_BUILD_FLAGS, PLATFORMIO_BUILD_DIR) and is taken away.
_USERS_OWN = ("PLATFORMIO_CORE_DIR", "PLATFORMIO_PACKAGES_DIR", "PLATFORMIO_PLATFORMS_DIR", "PLATFORMIO_CACHE_DIR")


def environment(core_dir: Path | None, extra: dict[str, str] | None = None) -> dict[str, str]:
    """The whole environment of a PlatformIO process.

    Args:
        core_dir: the private core directory (offline), or None to leave the user's own in place.
        extra: further variables.
    """
    keep = () if core_dir else _USERS_OWN
    env = {name: value for name, value in os.environ.items() if not name.startswith("PLATFORMIO_") or name in keep}
    env.pop("PYTHONEXEPATH", None)
    env |= {
        "PLATFORMIO_SETTING_ENABLE_TELEMETRY": "no",
        "PLATFORMIO_DISABLE_UPGRADE_CHECK": "true",
        "PLATFORMIO_NO_ANSI": "1",
        "PLATFORMIO_DISABLE_PROGRESSBAR": "true",
    }
    if core_dir:
        env["PLATFORMIO_CORE_DIR"] = str(core_dir)
    return env | (extra or {})


def command(*arguments: str) -> tuple[str, ...]:
    """PlatformIO of this very Python with some arguments."""
    return (sys.executable, "-m", "platformio", *arguments)


def run(
    words: Sequence[str],
    *,
    cwd: Path,
    env: dict[str, str],
    timeout_s: float,
    log: Path | None = None,
    on_line: Callable[[str], None] | None = None,
) -> Completed:
    """Run a program to its end and take down everything it started if it is stopped.

    Standard output and standard error come as one stream, in order, in `stdout`.

    Args:
        words: program and arguments.
        env: the whole environment.
        timeout_s: seconds after which it and its children are killed.
        log: gets the command, the output and the exit code, however it ends.
        on_line: called with each line of output.

    Raises:
        TinygenError: the program is missing, took too long, or the log cannot be written. Its own failure is the
            caller's to judge by `returncode`.
    """
    lines: list[str] = []
    expired = threading.Event()
    try:
        process = subprocess.Popen(
            list(words), cwd=cwd, env=env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            start_new_session=os.name == "posix",
        )  # fmt: skip
    except FileNotFoundError as error:
        raise tool_failed(f"'{words[0]}' is not installed") from error

    def expire() -> None:
        expired.set()
        _kill(process)

    timer = threading.Timer(timeout_s, expire)
    timer.start()
    try:
        assert process.stdout is not None  # PIPE was asked for
        for line in _lines(process.stdout):
            lines.append(line)
            if on_line:
                on_line(line)
        process.wait()
    except BaseException:
        _kill(process)
        process.wait()
        raise
    finally:
        timer.cancel()
        if process.stdout:
            process.stdout.close()
        if log is not None:
            ending = f"exit code {process.returncode}"
            with writing(log):
                log.parent.mkdir(parents=True, exist_ok=True)
                log.write_text("\n".join([f"$ {shown(words)}", *lines, ending, ""]), encoding="utf-8")
    if expired.is_set():
        raise tool_failed(
            f"took longer than {timeout_s:g} s and was stopped",
            where=shown(words),
            hint=f"the output so far is in {log}" if log else "",
        )
    return Completed(command=tuple(words), returncode=process.returncode, stdout="\n".join(lines), stderr="")


def _lines(stream: IO[bytes]) -> Iterator[str]:
    """Lines as they come; a program that writes over its own line (progress) begins a new one each time."""
    rest = b""
    while chunk := os.read(stream.fileno(), 65536):
        *whole, rest = re.split(rb"\r\n|\n|\r(?!$)", rest + chunk)
        yield from (line.rstrip(b"\r").decode(errors="replace") for line in whole)
    if rest:
        yield rest.rstrip(b"\r").decode(errors="replace")


def _kill(process: subprocess.Popen[bytes]) -> None:
    """Stop the process and, where there are process groups, the compilers it started."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        if os.name == "posix":
            os.killpg(process.pid, signal.SIGKILL)
        else:
            process.kill()
