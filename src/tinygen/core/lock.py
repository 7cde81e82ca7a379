"""One tinygen at a time in a build folder: the next one waits, and says so."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO

from tinygen.core.files import writing

_POLL_S = 0.2


@contextlib.contextmanager
def held(folder: Path, say: Callable[[str], None]) -> Iterator[None]:
    """Hold the folder's lock while the block runs. The system lets go of it when the process ends, however it ends.

    Args:
        folder: a build folder; made if missing.
        say: told once when another process holds the lock.

    Raises:
        TinygenError: the folder cannot be written.
    """
    with writing(folder):
        folder.mkdir(parents=True, exist_ok=True)
        file = (folder / ".lock").open("a+b")
    with file:
        told = False
        while not try_lock(file):
            if not told:
                say(f"another tinygen works in {folder}; waiting for it")
                told = True
            time.sleep(_POLL_S)
        yield


def try_lock(file: IO[bytes]) -> bool:
    """Lock an open file if nobody has it locked; its closing, or the end of the process, lets go."""
    try:
        if os.name == "nt":
            import msvcrt

            file.seek(0)
            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)  # type: ignore[attr-defined,unused-ignore]
        else:
            import fcntl

            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True
