"""Running other programs: logged, with a time limit, without a shell."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tinygen.core.errors import tool_failed


@dataclass(frozen=True, slots=True, kw_only=True)
class Completed:
    """How a program ended."""

    command: tuple[str, ...]
    returncode: int
    stdout: str
    stderr: str


def shown(command: Sequence[str]) -> str:
    """A command as one would type it; this Python is shown as `python`."""
    return shlex.join("python" if word == sys.executable else word for word in command)


def run(
    command: Sequence[str],
    *,
    cwd: Path | None = None,
    env: Mapping[str, str] | None = None,
    timeout_s: float,
    log: Path | None = None,
    check: bool = True,
    needs: str = "",
) -> Completed:
    """Run a program to its end.

    Args:
        command: program and arguments.
        cwd: where it runs.
        env: variables added to this process's environment.
        timeout_s: seconds after which it is killed.
        log: file that gets the command, standard output and standard error.
        check: raise when the exit code is not 0.
        needs: what to install when the program is missing, for the hint.

    Raises:
        TinygenError: the program is missing, took too long, or (with `check`) failed.
    """
    full_env = {**os.environ, **(env or {})}
    try:
        done = subprocess.run(
            list(command), cwd=cwd, env=full_env, timeout=timeout_s, capture_output=True, check=False,
            stdin=subprocess.DEVNULL,
        )  # fmt: skip
    except FileNotFoundError as error:
        raise tool_failed(f"'{command[0]}' is not installed", hint=needs and f"install {needs}") from error
    except subprocess.TimeoutExpired as error:
        raise tool_failed(f"took longer than {timeout_s:g} s and was stopped", where=shown(command)) from error
    result = Completed(
        command=tuple(command),
        returncode=done.returncode,
        stdout=done.stdout.decode(errors="replace"),
        stderr=done.stderr.decode(errors="replace"),
    )
    if log is not None:
        log.parent.mkdir(parents=True, exist_ok=True)
        log.write_text(f"$ {shown(command)}\n{result.stdout}\n{result.stderr}\nexit code {result.returncode}\n")
    if check and result.returncode != 0:
        tail = "\n".join((result.stderr.strip() or result.stdout.strip()).splitlines()[-15:])
        raise tool_failed(
            f"failed with exit code {result.returncode}\n{tail}",
            where=shown(command),
            hint=f"the whole output is in {log}" if log else "",
        )
    return result
