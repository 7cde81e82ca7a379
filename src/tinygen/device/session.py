"""A conversation with a device: greeting, one request and its answer, what every image can tell."""

from __future__ import annotations

import contextlib
import struct
import time
from collections.abc import Callable, Sequence
from typing import Any

from tinygen.core.errors import ExitCode, TinygenError, no_answer
from tinygen.device import messages
from tinygen.device.exchange import DEFAULT_TIMEOUT_S, GREETING_WAITS_S, Exchange
from tinygen.device.frames import Frame, Type
from tinygen.device.link import Link, Retunable
from tinygen.device.values import (
    Difference,
    Hello,
    LogLine,
    MemoryResult,
    SelfTestResult,
    StreamEvent,
)

PROTOCOL_VERSION = 2
_INFER_TIMEOUT_S = 15.0
OTHER_RATES = (115_200, 9_600, 921_600, 460_800, 230_400, 57_600)  # tried, in this order, when nobody answers
_RATE_WAITS_S = (0.15, 0.25)


class Session:
    """One device over one link: who is there, one request and its answer, self-test, memory. Not safe for threads.

    Args:
        link: an open byte stream.
        time_scale: factor on every time-out (`Capabilities.time_scale`).
        name: what error messages call the device: a port, or "unicorn (nucleo_f446re)".
        build_id: 32 hex digits; when given, a device that says another id in its hello is refused.
        retries: how often a request is sent again before the device counts as silent.
        window: requests under way at a time where bytes of tensors go over the line (`Capabilities.window`).
        clock: monotonic seconds (a test's own).
        place: turns a code address into "function at file:line", for faults.

    Attributes:
        place: the same.
    """

    def __init__(
        self,
        link: Link,
        time_scale: float = 1.0,
        *,
        name: str = "device",
        build_id: str = "",
        retries: int = 3,
        window: int = 1,
        clock: Callable[[], float] = time.monotonic,
        place: Callable[[int], str] | None = None,
    ) -> None:
        self._link = link
        self._name = name
        self.place = place
        self._build_id = build_id
        self._window = window
        self._exchange = Exchange(link, name=name, time_scale=time_scale, retries=retries, clock=clock, place=place)
        self._hello: Hello | None = None
        self._streamed = 0  # instants of the stream that runs
        self._events: list[StreamEvent] = []  # and its events
        self._input_crc: int | None = None  # what INFER must say it ran on
        self._starts = 0  # of the device, when it was greeted
        self._answered = 0  # requests, when it was greeted

    @property
    def name(self) -> str:
        """What error messages call the device."""
        return self._name

    @property
    def logs(self) -> list[LogLine]:
        """Log frames received so far (the newest 1000)."""
        return list(self._exchange.logs)

    @property
    def recent(self) -> list[Frame]:
        """The newest good frames, sent and received, oldest first."""
        return list(self._exchange.recent)

    def overheard(self) -> list[Frame]:
        """Log lines and events that came, since the last call, while something was asked (the newest of them)."""
        found = list(self._exchange.overheard)
        self._exchange.overheard.clear()
        return found

    def strays(self) -> list[bytes]:
        """Bytes that came between frames since the last call (the newest of them)."""
        found = list(self._exchange.strays)
        self._exchange.strays.clear()
        return found

    @property
    def events(self) -> list[StreamEvent]:
        """Events the device told of its own accord so far (the newest 10,000)."""
        return list(self._exchange.events)

    def listen(self, seconds: float) -> list[Frame]:
        """Wait for what the device sends on its own for `seconds` and return the frames.

        Raises:
            TinygenError: NO_ANSWER when the device has gone or says that it crashed.
        """
        return self._exchange.listen(seconds)

    def hello(self, waits: Sequence[float] = GREETING_WAITS_S) -> Hello:
        """Ask who is there; also finds the beginning of a frame after boot noise.

        Args:
            waits: how long each attempt waits, in seconds.

        Raises:
            TinygenError: NO_ANSWER for a silent device, or one at another baud rate; CHECK_FAILED for another build or
                protocol.
        """
        try:
            payload = self._exchange.ask(Type.HELLO, b"", greeting=waits)
        except TinygenError as error:
            if error.code is ExitCode.NO_ANSWER and (rate := self._other_rate()):
                raise no_answer(
                    f"the device answers at {rate} baud, not at the {self._baud()} baud it was asked at",
                    where=self._name,
                    hint="it runs another build: flash this project, or say baud in devices.toml",
                ) from error
            raise
        hello = messages.parse_hello(payload, self._name, PROTOCOL_VERSION)
        if self._build_id and hello.build_id != self._build_id:
            raise TinygenError(
                ExitCode.CHECK_FAILED,
                f"another build is on the device: it says {hello.build_id} ({hello.task}, {hello.engine}, for "
                f"{hello.board}), this project is {self._build_id}",
                where=self._name,
                hint="flash this build, then run the same command again",
            )
        self._hello = hello
        self._starts = self._exchange.starts
        self._answered = self._exchange.answered
        return hello

    def _baud(self) -> int:
        return self._link.baud if isinstance(self._link, Retunable) else 0

    def _other_rate(self) -> int:
        """The rate at which the device does answer, 0 when there is none (or no line that has one)."""
        link = self._link
        if not isinstance(link, Retunable) or "://" in self._name:
            return 0
        asked = link.baud
        try:
            for rate in OTHER_RATES:
                if rate == asked:
                    continue
                link.retune(rate)
                try:
                    self._exchange.ask(Type.HELLO, b"", greeting=_RATE_WAITS_S)
                except TinygenError:
                    continue
                return rate
            return 0
        except TinygenError:
            return 0
        finally:
            with contextlib.suppress(TinygenError):
                link.retune(asked)

    def _ask(self, kind: Type, payload: bytes, **options: Any) -> bytes:
        answer = self._exchange.ask(kind, payload, **options)
        # Whatever was built up before a restart (a model's state, for one) is gone.
        self._check(self._exchange.starts == self._starts, "restarted")
        return answer

    def _ask_all(self, kind: Type, requests: Sequence[bytes]) -> list[bytes]:
        """Answers to requests that can all be asked again from the first one on."""
        if self._window > 1 and len(requests) > 1:
            answers = self._exchange.ask_all(kind, requests, window=self._window)
            if answers is not None:
                self._check(self._exchange.starts == self._starts, "restarted")
                return answers
        return [self._ask(kind, request) for request in requests]

    def _known(self) -> Hello:
        return self._hello if self._hello is not None else self.hello()

    def selftest(self) -> SelfTestResult:
        """Run the vectors compiled into the image."""
        count = self._known().selftest_count
        differing = 0
        first: Difference | None = None
        for vector in range(count):
            answer = self._ask(Type.SELFTEST, struct.pack("<H", vector), timeout_s=_INFER_TIMEOUT_S)
            said, _, wrong, index, expected, actual = self._unpack("<HHIIbb", answer, Type.SELFTEST)
            self._check(said == vector, f"tested vector {said} instead of {vector}")
            if wrong and first is None:
                first = Difference(vector=vector, index=index, expected=expected, actual=actual)
            differing += wrong
        return SelfTestResult(vectors=count, differing_bytes=differing, first=first)

    def request(self, kind: Type, payload: bytes, *, timeout_s: float = DEFAULT_TIMEOUT_S) -> bytes:
        """Ask for anything; returns the answer's payload. For the rarer requests, see `instruments`."""
        self._known()
        return self._ask(kind, payload, timeout_s=timeout_s)

    def memory(self) -> MemoryResult:
        """What the device says about its memory.

        Raises:
            TinygenError: it has understood fewer frames than it was asked since its hello: it restarted unnoticed.
        """
        self._known()
        found = messages.parse_memory(self._ask(Type.MEMORY, b""), self._name)
        asked = self._exchange.answered - self._answered
        self._check(found.frames_good > asked, f"restarted: it has seen {found.frames_good} frames of {asked + 1}")
        return found

    def reset(self) -> None:
        """Restart the device by the protocol. A host program ends; simulators and boards boot again."""
        self._exchange.ask(Type.RESET, b"", retries=0)
        self._hello = None
        self._input_crc = None

    def _unpack(self, layout: str, payload: bytes, kind: Type) -> tuple[int, ...]:
        return messages.unpack(layout, payload, kind, self._name)

    def _check(self, fine: bool, complaint: str) -> None:
        if not fine:
            raise TinygenError(
                ExitCode.CHECK_FAILED,
                f"the device {complaint}",
                where=self._name,
                hint="it may have restarted in between; run the same command again",
            )
