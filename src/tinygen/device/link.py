"""The one interface between the harness and anything that runs an image."""

from __future__ import annotations

from dataclasses import dataclass
from types import TracebackType
from typing import Protocol, Self, runtime_checkable


class Link(Protocol):
    """A byte stream to a running device.

    All calls raise TinygenError(NO_ANSWER) when the device or its simulator has gone.
    """

    def write(self, data: bytes) -> None:
        """Send all of `data`."""

    def read(self, max_bytes: int, timeout_s: float) -> bytes:
        """Return what has arrived, at least one byte unless `timeout_s` passes; b"" on time-out."""

    def reset(self) -> None:
        """Restart the device; what it had not yet sent is dropped."""

    def close(self) -> None:
        """Let go of the device. Safe to call twice."""


@runtime_checkable
class Retunable(Protocol):
    """A link over a line that has a rate."""

    @property
    def baud(self) -> int:
        """The line's rate."""

    def retune(self, baud: int) -> None:
        """Go on at another rate; what has arrived is dropped."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Capabilities:
    """What an answer from this target means.

    Attributes:
        name: "host", "unicorn", "qemu", "labwired", "qemu-xtensa", "serial".
        proves, does_not_prove: as in the board's SimulatorSpec.
        counter: what the device's counter means here: "instructions", "cycles", "none".
        counter_origin: "simulated-on-qemu", "measured-on-<board>", "not-measured"...
        counter_scale: factor from the device's counter to `counter` units (SysTick ticks to instructions in QEMU).
        injects_faults: may rewrite memory of a running image (unicorn, for tests).
        resets: `Link.reset` restarts the device; where it does not, only the protocol's RESET or a button does.
        reopens: the device may go away and come back while somebody watches (a cable, a reset over USB).
        window: requests it bears at a time where tensors are written or read: 2 keeps a slow line busy (a device's
            receive ring takes one more frame while it answers another).
        time_scale: multiply protocol time-outs by this (slow simulators).
    """

    name: str
    proves: tuple[str, ...]
    does_not_prove: tuple[str, ...]
    counter: str
    counter_origin: str
    counter_scale: float = 1.0
    injects_faults: bool = False
    resets: bool = True
    reopens: bool = False
    window: int = 1
    time_scale: float = 1.0


class Target(Protocol):
    """Something that can run one image."""

    @property
    def capabilities(self) -> Capabilities:
        """What it can do and prove."""

    def open(self) -> Link:
        """Boot the image (or open the port) and return the stream."""

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...
