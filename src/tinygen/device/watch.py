"""Watching a device: its log, its events and every other frame it sends, across resets and unplugged cables."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from tinygen.core.errors import ExitCode, TinygenError
from tinygen.device.client import Client
from tinygen.device.decode import describe
from tinygen.device.exchange import READY, log_line
from tinygen.device.frames import EVENT, Frame
from tinygen.device.link import Target
from tinygen.device.live import LiveStream
from tinygen.device.messages import parse_event
from tinygen.device.values import Hello, StreamEvent, StreamScores

_SLICE_S = 0.2
_LIVE_SLICE_S = 0.02
_RETRY_S = 0.5
_STILL_S = 0.05  # how long a line must bear being read to count as whole


class Kind(StrEnum):
    """What was seen."""

    STATE = "state"
    LOG = "log"
    EVENT = "event"
    SCORES = "scores"
    FRAME = "frame"
    TEXT = "text"
    FAULT = "fault"


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """One thing that happened.

    Attributes:
        at: when it arrived here.
        kind: what it is; TEXT is what came between frames (a boot ROM's words).
        text: in words.
        level: of a log line, 0 (debug) to 3 (error).
        event: of an EVENT.
        scores: of SCORES; several times a second, for a picture rather than for a log.
    """

    at: datetime
    kind: Kind
    text: str
    level: int = 1
    event: StreamEvent | None = None
    scores: StreamScores | None = None


@dataclass(slots=True)
class Watched:
    """How it went: the last hello, what was counted, and why the device is not there at the end ("" when it is)."""

    hello: Hello | None = None
    log_lines: int = 0
    events: int = 0
    frames: int = 0
    restarts: int = 0
    reconnects: int = 0
    gone: str = ""


class Watch:
    """Watches one target.

    Args:
        target: what runs the image; opened here, closed by the caller.
        name: what people call the device.
        show: told of everything, as it comes.
        live: a stream to keep going and to look into.
        place: turns a code address into "function at file:line", for faults.
        clock, sleep: monotonic seconds and waiting (a test's own).
        now: the time of day.
    """

    def __init__(
        self,
        target: Target,
        name: str,
        show: Callable[[Seen], None],
        *,
        live: LiveStream | None = None,
        place: Callable[[int], str] | None = None,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
        now: Callable[[], datetime] = lambda: datetime.now().astimezone(),
    ) -> None:
        self._target = target
        self._name = name
        self._show = show
        self._live = live
        self._place = place
        self._clock = clock
        self._sleep = sleep
        self._now = now
        self._client: Client | None = None
        self.found = Watched()

    def run(self, seconds: float | None) -> Watched:
        """Until the time is over, or the device has gone for good. Ctrl-C is the caller's to catch.

        Raises:
            TinygenError: nobody answered at all.
        """
        end = None if seconds is None else self._clock() + seconds
        self._connect()
        while (end is None or self._clock() < end) and not (self._live is not None and self._live.over):
            usual = _SLICE_S if self._live is None else _LIVE_SLICE_S
            left = usual if end is None else min(usual, end - self._clock())
            if self._client is None:
                self._try_again(left)
            elif not self._listen(self._client, left):
                self._lost()
                if self._client is None and not self._target.capabilities.reopens:
                    break
        if self._live is not None and self._client is not None:
            self._live.end(self._client)
        return self.found

    def _connect(self) -> None:
        link = self._target.open()
        scale = self._target.capabilities.time_scale
        self._client = Client(link, scale, name=self._name, clock=self._clock, place=self._place)
        self._greet(self._client)
        self.found.gone = ""

    def _greet(self, client: Client) -> None:
        hello = self.found.hello = client.hello()
        for frame in client.overheard():
            self._take(frame)
        self._tell(Kind.STATE, f"{hello.board}: task {hello.task}, engine {hello.engine}, build {hello.build_id}")
        self._strays(client)
        if self._live is not None:
            self._live.begin(client)

    def _listen(self, client: Client, seconds: float) -> bool:
        """False when the device did not bear it."""
        try:
            restarted = sum(self._take(frame) for frame in client.listen(seconds)) > 0
            if self._live is not None and not restarted:
                restarted = self._look(client, self._live)
            self._strays(client)
            if restarted:
                self.found.restarts += 1
                self._tell(Kind.STATE, "the device has restarted")
                self._greet(client)
        except TinygenError as error:
            if error.code not in (ExitCode.NO_ANSWER, ExitCode.CHECK_FAILED):
                raise
            for frame in client.overheard():
                self._take(frame)
            self._strays(client)
            self.found.gone = str(error)
            self._tell(Kind.FAULT, str(error), level=3)
            return False
        return True

    def _look(self, client: Client, live: LiveStream) -> bool:
        """Go on with the stream; true when the device has restarted meanwhile."""
        scores = live.step(client)
        if scores is not None:
            told = ", ".join(f"{name} {total:,}" for name, total in scores.sums)
            self._show(Seen(at=self._now(), kind=Kind.SCORES, text=told, scores=scores))
        return sum(self._take(frame) for frame in client.overheard()) > 0

    def _lost(self) -> None:
        """After an error: the line may be fine (a crash that was told); otherwise let go of it."""
        try:
            assert self._client is not None
            for frame in self._client.listen(_STILL_S):
                self._take(frame)
        except TinygenError:
            self._client = None
        else:
            self.found.gone = ""

    def _try_again(self, seconds: float) -> None:
        self._sleep(max(min(seconds, _RETRY_S), 0.01))
        try:
            self._connect()
        except TinygenError as error:
            if error.code is not ExitCode.NO_ANSWER:
                raise
            self._client = None
            if str(error) != self.found.gone:
                self.found.gone = str(error)
                self._tell(Kind.STATE, f"waiting for the device: {error}", level=2)
        else:
            self.found.reconnects += 1

    def _take(self, frame: Frame) -> bool:
        """True when the frame says that the device has restarted."""
        self.found.frames += 1
        if (line := log_line(frame)) is not None:
            self.found.log_lines += 1
            self._tell(Kind.LOG, line.text, level=line.level)
            return line.text == READY
        if frame.type == EVENT and (event := parse_event(frame.payload)) is not None:
            self.found.events += 1
            self._show(Seen(at=self._now(), kind=Kind.EVENT, text=describe(frame), event=event))
            return False
        self._tell(Kind.FRAME, describe(frame))
        return False

    def _strays(self, client: Client) -> None:
        for raw in client.strays():
            text = "".join(c if c.isprintable() else " " for c in raw.decode("utf-8", errors="replace"))
            for line in filter(None, (part.strip(" \ufffd") for part in text.split("  "))):
                self._tell(Kind.TEXT, line, level=0)

    def _tell(self, kind: Kind, text: str, level: int = 1) -> None:
        self._show(Seen(at=self._now(), kind=kind, text=text, level=level))
