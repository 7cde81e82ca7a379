"""`python -m tinygen` and the `tinygen` command: so small that even Ctrl-C during start-up ends well."""

import atexit
import contextlib
import os
import signal
import sys
import time
from types import FrameType
from typing import NoReturn

_CLEANING_S = 5.0


class _Interrupts:
    """The first Ctrl-C ends the work in order; those right after it do not disturb the clean-up."""

    def __init__(self) -> None:
        self._first = 0.0

    def __call__(self, _number: int, _frame: FrameType | None) -> None:
        now = time.monotonic()
        if not self._first:
            self._first = now
            raise KeyboardInterrupt
        if now - self._first > _CLEANING_S:
            os._exit(130)


def _leave() -> NoReturn:
    """End with 130: CPython would end by the signal if the interrupt came while something was in exec()."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    atexit._run_exitfuncs()
    with contextlib.suppress(OSError, ValueError):
        sys.stdout.flush()
    with contextlib.suppress(OSError, ValueError):
        sys.stderr.flush()
    os._exit(130)


def main() -> None:
    """Start the command line."""
    try:
        if signal.getsignal(signal.SIGINT) is signal.default_int_handler:  # a shell's background job ignores it
            signal.signal(signal.SIGINT, _Interrupts())
        from tinygen.cli import main as start

        start()
    except KeyboardInterrupt:
        sys.stderr.write("interrupted\n")
        _leave()
    except SystemExit as ended:
        if ended.code == 130:
            _leave()
        # CPython takes our handler away while it ends: a late Ctrl-C must not change how this ended.
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        raise


if __name__ == "__main__":
    main()
