"""A program of this machine as a link: its standard input and output carry the bytes. The program never outlives us."""

from __future__ import annotations

import contextlib
import os
import select
import shutil
import subprocess
import threading
from collections.abc import Mapping, Sequence
from typing import IO

from tinygen.core.errors import TinygenError, no_answer, tool_failed
from tinygen.core.process import shown

_BUFFER_BYTES = 1 << 20
_STDERR_BYTES = 2000
_END_S = 2.0
_WRITE_S = 5.0
_PIPE_BYTES = 512  # POSIX promises at least this much (PIPE_BUF)


class _Pipe:
    """Reads a pipe in a thread of its own, so that it works where pipes cannot be polled.

    Args:
        pipe: the program's end of its output.
        limit: bytes kept. With `keep_newest` older ones are dropped, otherwise the program waits at its pipe.
    """

    def __init__(self, pipe: IO[bytes], *, limit: int, keep_newest: bool) -> None:
        self._pipe = pipe
        self._limit = limit
        self._keep_newest = keep_newest
        self._buffer = bytearray()
        self._ended = False
        self._changed = threading.Condition()
        self._thread = threading.Thread(target=self._pump, daemon=True)
        self._thread.start()

    def _pump(self) -> None:
        while data := self._read_some():
            with self._changed:
                self._buffer += data
                if self._keep_newest:
                    del self._buffer[: -self._limit]
                self._changed.notify_all()
                self._changed.wait_for(lambda: len(self._buffer) <= self._limit or self._ended)
        with self._changed:
            self._ended = True
            self._changed.notify_all()

    def _read_some(self) -> bytes:
        try:
            return self._pipe.read(65536) or b""
        except (OSError, ValueError):
            return b""

    def take(self, max_bytes: int, timeout_s: float) -> bytes | None:
        """What has arrived, b"" when nothing came in time, None when the program has closed its end."""
        with self._changed:
            self._changed.wait_for(lambda: self._buffer or self._ended, timeout=max(timeout_s, 0.0))
            data = bytes(self._buffer[:max_bytes])
            del self._buffer[:max_bytes]
            self._changed.notify_all()
            return data if data or not self._ended else None

    def close(self) -> bytes:
        """Wait for the thread (the program must have ended); returns what was left."""
        with self._changed:
            self._ended = True
            self._changed.notify_all()
        self._thread.join(_END_S)
        self._pipe.close()
        return bytes(self._buffer)


class ChildLink:
    """Runs a program and talks to it over pipes.

    Args:
        command: program and arguments; the program is a path or found in PATH.
        name: what errors call it.
        needs: package to install when the program is missing.
        restarts: a program that answered and then ended with exit code 0 was reset over the protocol: start it again.
        env: variables added to this process's environment.

    Raises:
        TinygenError: the program is missing or cannot be started.
    """

    def __init__(
        self,
        command: Sequence[str],
        *,
        name: str,
        needs: str = "",
        restarts: bool = False,
        env: Mapping[str, str] | None = None,
    ) -> None:
        self._command = tuple(command)
        self._name = name
        self._needs = needs
        self._restarts = restarts
        self._env = {**os.environ, **(env or {})}
        self._start()

    def _start(self) -> None:
        program = find_program(self._command[0], name=self._name, needs=self._needs)
        # Where util-linux is there, the kernel ends the program should we die without a chance to.
        setpriv = shutil.which("setpriv")
        guard = [setpriv, "--pdeathsig", "KILL"] if setpriv else []
        try:
            process = subprocess.Popen(
                [*guard, program, *self._command[1:]],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                bufsize=0,
                env=self._env,
            )
        except OSError as error:
            raise tool_failed(f"cannot start: {error.strerror or error}", where=shown(self._command)) from error
        assert process.stdin is not None and process.stdout is not None and process.stderr is not None
        self._process = process
        self._input = process.stdin
        self._output = _Pipe(process.stdout, limit=_BUFFER_BYTES, keep_newest=False)
        self._errors = _Pipe(process.stderr, limit=_STDERR_BYTES, keep_newest=True)
        self._last_words = ""
        self._talked = False

    @property
    def pid(self) -> int:
        """The program's process id."""
        return self._process.pid

    def write(self, data: bytes) -> None:
        """Send all of `data`."""
        try:
            self._write(data)
        except (OSError, ValueError) as error:
            if not self._restarted():
                raise self._gone() from error
            self._write(data)

    def _write(self, data: bytes) -> None:
        view = memoryview(data)
        while view:
            # A pipe that select() calls writable takes this much without waiting; Windows cannot ask.
            if os.name == "posix" and not select.select([], [self._input], [], _WRITE_S)[1]:
                raise no_answer(
                    f"the program took no bytes for {_WRITE_S:g} s", where=self._name, hint="it has stopped reading"
                )
            view = view[self._input.write(view[:_PIPE_BYTES]) :]

    def read(self, max_bytes: int, timeout_s: float) -> bytes:
        """Return what has arrived, at least one byte unless `timeout_s` passes."""
        data = self._output.take(max_bytes, timeout_s)
        if data is None:
            if not self._restarted():
                raise self._gone()
            return b""
        self._talked = self._talked or bool(data)
        return data

    def reset(self) -> None:
        """End the program and start it again."""
        self.close()
        self._start()

    def close(self) -> None:
        """End the program. Safe to call twice."""
        with contextlib.suppress(OSError):
            self._input.close()
        if self._process.poll() is None:
            self._process.kill()
        self._process.wait(_END_S)
        self._output.close()
        self._last_words = self._errors.close().decode(errors="replace").strip() or self._last_words

    def _wait_for_end(self) -> None:
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(_END_S)

    def _restarted(self) -> bool:
        self._wait_for_end()
        if not (self._restarts and self._talked and self._process.returncode == 0):
            return False
        self.reset()
        return True

    def _gone(self) -> TinygenError:
        self._wait_for_end()
        self.close()
        code = self._process.returncode
        ended = f"was ended by signal {-code}" if code < 0 else f"has ended with exit code {code}"
        said = f"; it said: {self._last_words.splitlines()[-1]}" if self._last_words else ""
        return no_answer(
            f"the program {ended}{said}", where=self._name, hint=f"to see it alone, run: {shown(self._command)}"
        )


def find_program(program: str, *, name: str, needs: str = "") -> str:
    """The full path of a program.

    Raises:
        TinygenError: it is missing; names the package it comes from.
    """
    path = shutil.which(program)
    if path is None:
        hint = f"install {needs}" if needs else ""
        raise tool_failed(f"'{program}' is missing or is not a program", where=name, hint=hint)
    return path
