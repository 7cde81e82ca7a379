"""One process at a time on a port. Who holds it is written down; the system lets go of it when that process ends.

The lock is a locked file in a folder all users of the machine share, named after what the port really is: a symbolic
link, another device node of the same number, `/dev/cu.x` and `/dev/tty.x`, "localhost" and "127.0.0.1" are one port. A
killed process leaves a file behind but no lock, so nothing has to be cleaned up.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import re
import socket
import stat
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import IO, Self
from urllib.parse import urlsplit

from tinygen.core.errors import no_answer, tool_failed
from tinygen.core.lock import try_lock

VARIABLE = "TINYGEN_LOCK_DIR"
_WRAPPERS = ("spy", "alt")  # pyserial URLs around another port
_POLL_S = 0.05
_GRACE_S = 0.2  # somebody may just be looking whether it is free


@dataclass(frozen=True, slots=True, kw_only=True)
class Holder:
    """Who has a port: process id, its words on the command line, and since when (seconds of the epoch)."""

    pid: int
    what: str
    since: float

    def __str__(self) -> str:
        minutes = max(0, time.time() - self.since) / 60
        return f"process {self.pid} ({self.what}, for {minutes:.0f} min)"


def identity(port: str) -> str:
    """What a port really is, the same for all its names; "" for a port nobody can share (`loop://`)."""
    parts = urlsplit(port)
    scheme = parts.scheme.lower()
    if scheme in _WRAPPERS:
        return identity(f"{parts.netloc}{parts.path}")
    if "://" in port:
        if scheme == "loop":
            return ""
        if parts.hostname is None:
            return port.lower()
        return f"{_address(parts.hostname)}:{_port_number(port)}"
    if re.fullmatch(r"(\\\\\.\\)?com\d+", port, re.IGNORECASE):
        return port.rpartition("\\")[2].upper()
    path = os.path.realpath(port)
    with contextlib.suppress(OSError):
        info = os.stat(path)  # noqa: PTH116
        if stat.S_ISCHR(info.st_mode) and info.st_rdev:
            # /dev/cu.x and /dev/tty.x of one macOS port differ in a bit of the minor number only.
            return f"device {path.replace('/dev/cu.', '/dev/tty.')}" if sys.platform == "darwin" else _number(info)
    return path


def _number(info: os.stat_result) -> str:
    return f"device {os.major(info.st_rdev)}:{os.minor(info.st_rdev)}"


def _address(host: str) -> str:
    try:
        found = sorted({entry[4][0] for entry in socket.getaddrinfo(host, None, proto=socket.IPPROTO_TCP)}, key=str)
    except OSError:
        return host.lower()
    addresses = {"127.0.0.1" if address == "::1" else str(address) for address in found}
    return ",".join(sorted(addresses))


def _port_number(url: str) -> str:
    with contextlib.suppress(ValueError):
        return str(urlsplit(url).port or "")
    return ""


def lock_folder() -> Path:
    """Where the locks are: $TINYGEN_LOCK_DIR, or a folder in the system's own for temporary files."""
    return Path(os.environ.get(VARIABLE) or Path(tempfile.gettempdir()) / "tinygen-locks")


class PortLock:
    """Holds a port until it is closed.

    Args:
        port: any of its names.
        wait_s: how long to wait for another process.

    Raises:
        TinygenError: NO_ANSWER when another process has it, TOOL_FAILED when no lock can be written.
    """

    def __init__(self, port: str, *, wait_s: float = 0.0) -> None:
        self._file: IO[bytes] | None = None
        if not identity(port):
            return
        file = _open(_path(port))
        end = time.monotonic() + max(wait_s, _GRACE_S)
        while not try_lock(file):
            if time.monotonic() >= end:
                file.close()
                who = _read(_path(port))
                raise no_answer(
                    f"in use by {who or 'another process'}",
                    where=port,
                    hint="wait for it or end it; `tinygen devices` shows who has which board",
                )
            time.sleep(_POLL_S)
        self._file = file
        facts = {"pid": os.getpid(), "what": _own_words(), "since": time.time(), "port": port}
        with contextlib.suppress(OSError):  # another user's file may be read-only for us; the lock holds all the same
            file.seek(_FACTS_AT)
            file.truncate()
            file.write(json.dumps(facts).encode())
            file.flush()

    def close(self) -> None:
        """Let go. Safe to call twice."""
        file, self._file = self._file, None
        if file is not None:
            file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def holder(port: str) -> Holder | None:
    """Who has the port now, or None.

    Raises:
        TinygenError: as `PortLock`.
    """
    path = _path(port)
    if not identity(port) or not path.exists():
        return None
    with _open(path) as file:
        if try_lock(file):
            return None
    return _read(path) or Holder(pid=0, what="unknown", since=time.time())


_FACTS_AT = 1  # byte 0 is what Windows locks


def _path(port: str) -> Path:
    return lock_folder() / f"{hashlib.sha256(identity(port).encode()).hexdigest()[:24]}.lock"


def _open(path: Path) -> IO[bytes]:
    try:
        if not path.parent.is_dir():
            path.parent.mkdir(parents=True, exist_ok=True)
            path.parent.chmod(0o1777)
        if not path.exists():
            # Linux may forbid O_CREAT on another user's file in a sticky folder, so it is made once and then opened.
            with contextlib.suppress(FileExistsError):
                os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR))
                path.chmod(0o666)
        try:
            return path.open("r+b")
        except PermissionError:
            return path.open("rb")
    except OSError as error:
        raise tool_failed(
            f"cannot write the port's lock: {error.strerror or error}",
            where=str(path),
            hint=f"{VARIABLE} names another folder; all users of the machine must use the same one",
        ) from error


def _read(path: Path) -> Holder | None:
    try:
        with path.open("rb") as file:
            file.seek(_FACTS_AT)
            facts = json.loads(file.read())
        return Holder(pid=int(facts["pid"]), what=str(facts["what"]), since=float(facts["since"]))
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _own_words() -> str:
    return " ".join([Path(sys.argv[0] or "python").name, *sys.argv[1:]])[:120]
