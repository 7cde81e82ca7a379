"""Stop and wait: a request goes out until its answer comes back, in bounded time."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable

from tinygen.core.errors import ExitCode, TinygenError, no_answer
from tinygen.device.faults import DeviceFaultError, parse_fault
from tinygen.device.frames import EVENT, FAULT, LOG, NAK, RESPONSE, BadFrame, Error, Frame, FrameDecoder, Type, encode
from tinygen.device.link import Link
from tinygen.device.messages import parse_event
from tinygen.device.values import LogLine, StreamEvent

DEFAULT_TIMEOUT_S = 1.5
GREETING_WAITS_S = (0.1, 0.2, 0.4, 0.8, 1.5, 1.5)
_KEPT_NOISE_BYTES = 200
# The frame did not arrive whole: sending it again is all there is to do.
_TRANSMISSION = {Error.BAD_FRAMING, Error.TOO_LONG, Error.BAD_LENGTH, Error.BAD_CRC}
_WORDS = {
    Error.UNKNOWN_TYPE: "does not know this request",
    Error.BAD_PAYLOAD: "found the request's size wrong",
    Error.BAD_ARGUMENT: "refused a value beyond {detail}",
    Error.NO_INPUT: "has no complete input (it holds {detail})",
    Error.OUT_OF_ORDER: "expected position {detail}",
    Error.NO_RESULT: "has no inference that gives this",
    Error.STREAMING: "is streaming; STREAM_END gives the model back",
    Error.NO_STREAM: "has no front end to stream into",
}


class Exchange:
    """One request, one answer, over a line that may lose, change or add bytes.

    Args:
        link: an open byte stream.
        name: what errors call the device.
        time_scale: factor on time-outs.
        retries: how often a request is repeated after a time-out or an unreadable answer.
        clock: seconds, monotonic (a test's own).
        place: turns a code address into "function at file:line".
    """

    def __init__(
        self,
        link: Link,
        *,
        name: str,
        time_scale: float,
        retries: int,
        clock: Callable[[], float] = time.monotonic,
        place: Callable[[int], str] | None = None,
    ) -> None:
        self._link = link
        self._name = name
        self._scale = time_scale
        self._retries = retries
        self._clock = clock
        self._place = place
        self._decoder = FrameDecoder()
        self._sequence = 0
        self._noise = bytearray()
        self.logs: deque[LogLine] = deque(maxlen=1000)
        self.events: deque[StreamEvent] = deque(maxlen=10_000)

    def ask(
        self,
        kind: Type,
        payload: bytes,
        *,
        timeout_s: float = DEFAULT_TIMEOUT_S,
        retries: int | None = None,
        greeting: bool = False,
    ) -> bytes:
        """Send a request and return its answer's payload.

        Args:
            kind, payload: the request.
            timeout_s: how long one attempt may take, before scaling.
            retries: instead of the exchange's own number.
            greeting: nothing is known about the line yet: asks impatiently at first, since a device that is still
                booting loses what it is told, and gives advice about cables when nobody answers.

        Raises:
            TinygenError: NO_ANSWER after the last attempt; CHECK_FAILED when the device refused.
        """
        self._sequence = (self._sequence + 1) % 256
        wire = encode(Frame(kind, self._sequence, payload))
        attempts = (self._retries if retries is None else retries) + 1
        waits = GREETING_WAITS_S if greeting else (timeout_s,) * attempts
        start = self._clock()
        for attempt, wait_s in enumerate(waits):
            # A delimiter first ends whatever stands in the device's receiver.
            self._link.write(b"\0" + wire if attempt or greeting else wire)
            answer = self._wait(kind, self._clock() + wait_s * self._scale)
            if answer is not None:
                return answer
        raise self._silence(kind, len(waits), self._clock() - start, greeting)

    def _wait(self, kind: Type, deadline: float) -> bytes | None:
        """The answer's payload, or None when the request should go out again."""
        while (left := deadline - self._clock()) > 0:
            for frame in self._decoder.push(self._link.read(4096, left)):
                if isinstance(frame, BadFrame):
                    self._take_noise(frame)
                elif frame.type == LOG:
                    self._take_log(frame)
                elif frame.type == EVENT:
                    self._take_event(frame)
                elif frame.type == FAULT:
                    self._take_fault(frame)
                elif frame.type == NAK:
                    if self._refused(frame, kind):
                        return None
                elif frame.type == kind | RESPONSE and frame.sequence == self._sequence:
                    return frame.payload
                # Anything else is a late answer to a request that was given up or repeated.
        return None

    def listen(self, seconds: float) -> list[LogLine]:
        """Log lines that arrive within `seconds`; late answers are dropped.

        Raises:
            TinygenError: NO_ANSWER when the device has gone or says that it crashed.
        """
        heard: list[LogLine] = []
        deadline = self._clock() + seconds
        while (left := deadline - self._clock()) > 0:
            for frame in self._decoder.push(self._link.read(4096, left)):
                if isinstance(frame, BadFrame):
                    self._take_noise(frame)
                elif frame.type == LOG:
                    heard += self._take_log(frame)
                elif frame.type == EVENT:
                    self._take_event(frame)
                elif frame.type == FAULT:
                    self._take_fault(frame)
        return heard

    def _take_noise(self, bad: BadFrame) -> None:
        self._noise = (self._noise + bad.raw)[-_KEPT_NOISE_BYTES:]

    def _take_log(self, frame: Frame) -> list[LogLine]:
        if not frame.payload:
            return []
        line = LogLine(level=frame.payload[0], text=frame.payload[1:].decode(errors="replace"))
        self.logs.append(line)
        return [line]

    def _take_event(self, frame: Frame) -> None:
        event = parse_event(frame.payload)
        if event is not None:
            self.events.append(event)

    def _refused(self, frame: Frame, kind: Type) -> bool:
        """True when the request got lost on its way; raises when the device refused it; False for a stale refusal."""
        if len(frame.payload) != 6:
            return False
        request, code = frame.payload[0], frame.payload[1]
        if request == 0 and code in _TRANSMISSION:
            return True
        if request != kind or frame.sequence != self._sequence:
            return False
        detail = int.from_bytes(frame.payload[2:6], "little")
        words = _WORDS.get(Error(code), f"gave error {code}") if code in set(Error) else f"gave error {code}"
        raise TinygenError(
            ExitCode.CHECK_FAILED,
            f"{kind.name} was refused: the device {words.format(detail=detail)}",
            where=self._name,
            hint="it may have restarted in between; run the same command again",
        )

    def _take_fault(self, frame: Frame) -> None:
        fault = parse_fault(frame.payload)
        if fault is not None:
            raise DeviceFaultError(fault, where=self._name, place=self._place)

    def _silence(self, kind: Type, attempts: int, seconds: float, greeting: bool) -> TinygenError:
        noise = bytes(self._noise + self._decoder.pending)[-_KEPT_NOISE_BYTES:]
        if noise:
            shown = noise[-60:].decode("ascii", errors="replace").replace("\ufffd", "?")
            return no_answer(
                f"no answer to {kind.name} in {seconds:.1f} s ({attempts} attempts), only {len(noise)} bytes that are "
                f"no frame, ending in {shown!r}",
                where=self._name,
                hint="another program is on the device, or the baud rate differs: flash this project, check the rate",
            )
        if greeting:
            hint = "check the cable, the port's name, that the board is powered and flashed, that TX and RX are crossed"
        else:
            hint = "it answered before: it may have crashed, restarted or been unplugged"
        return no_answer(
            f"no answer to {kind.name} in {seconds:.1f} s ({attempts} attempts)", where=self._name, hint=hint
        )
