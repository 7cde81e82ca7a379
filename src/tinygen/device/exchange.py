"""Stop and wait: a request goes out until its answer comes back, in bounded time."""

from __future__ import annotations

import secrets
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeGuard

from tinygen.core.errors import ExitCode, TinygenError, no_answer
from tinygen.device.faults import DeviceFaultError, parse_fault
from tinygen.device.frames import EVENT, FAULT, LOG, NAK, RESPONSE, BadFrame, Error, Frame, FrameDecoder, Type, encode
from tinygen.device.link import Link
from tinygen.device.messages import parse_event, sensor_words
from tinygen.device.values import LogLine, StreamEvent

DEFAULT_TIMEOUT_S = 1.5
GREETING_WAITS_S = (0.1, 0.2, 0.4, 0.8, 1.5, 1.5)
READY = "tinygen is ready"  # what a device logs when it has started
RECENT_FRAMES = 20
OVERHEARD_FRAMES = 1000
_KEPT_NOISE_BYTES = 200
_SHOWN_NOISE_BYTES = 60
# The frame did not arrive whole: sending it again is all there is to do.
_TRANSMISSION = {Error.BAD_FRAMING, Error.TOO_LONG, Error.BAD_LENGTH, Error.BAD_CRC}
_WORDS = {
    Error.UNKNOWN_TYPE: "does not know this request",
    Error.BAD_PAYLOAD: "found the request's size wrong",
    Error.BAD_ARGUMENT: "refused a value beyond {detail}",
    Error.NO_INPUT: "has no complete input (it holds {detail})",
    Error.OUT_OF_ORDER: "expected position {detail}",
    Error.NO_RESULT: "has no inference that gives this",
    Error.NO_MODEL: "cannot run its model: the engine did not start (is its arena too small?) or a step refused",
    Error.STREAMING: "is streaming; STREAM_END gives the model back",
    Error.NO_STREAM: "has no front end to stream into",
    Error.NO_SENSOR: "cannot use its sensor: {sensor}",
    Error.OTHER_MODEL: "says that this state was learned for another model: its rows are made by another front end",
    Error.NO_LEARNING: "cannot learn, or has gathered too few rows ({detail})",
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

    Attributes:
        logs: the newest log lines.
        recent: the newest good frames of both directions, oldest first.
        overheard: the newest frames that came unasked while an answer was waited for.
        strays: the newest bytes between delimiters that were no frame (a boot ROM's words).
        starts: how often the device said that it has started.
        answered: requests that got an answer.
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
        # Not the same number each time: what another process asked may still be answered.
        self._sequence = secrets.randbelow(256)
        self._arrived: deque[Frame | BadFrame] = deque()
        self._noise = bytearray()
        self._seen = _Seen(noise_bytes=0, frames=0)
        self._frames = 0
        self.logs: deque[LogLine] = deque(maxlen=1000)
        self.recent: deque[Frame] = deque(maxlen=RECENT_FRAMES)
        self.overheard: deque[Frame] = deque(maxlen=OVERHEARD_FRAMES)
        self.strays: deque[bytes] = deque(maxlen=RECENT_FRAMES)
        self.starts = 0
        self.answered = 0
        self.events: deque[StreamEvent] = deque(maxlen=10_000)

    def ask(
        self,
        kind: Type,
        payload: bytes,
        *,
        timeout_s: float = DEFAULT_TIMEOUT_S,
        retries: int | None = None,
        greeting: Sequence[float] = (),
    ) -> bytes:
        """Send a request and return its answer's payload.

        Args:
            kind, payload: the request.
            timeout_s: how long one attempt may take, before scaling.
            retries: instead of the exchange's own number.
            greeting: waits of the attempts, in seconds, where nothing is known about the line yet: impatient at first,
                since a device that is still booting loses what it is told. Gives advice about cables when nobody
                answers.

        Raises:
            TinygenError: NO_ANSWER after the last attempt; CHECK_FAILED when the device refused.
        """
        self._sequence = (self._sequence + 1) % 256
        request = Frame(kind, self._sequence, payload)
        wire = encode(request)
        attempts = (self._retries if retries is None else retries) + 1
        waits = greeting or (timeout_s,) * attempts
        start = self._clock()
        self._seen = _Seen(noise_bytes=self._decoder.noise_bytes, frames=self._frames)
        self._noise.clear()
        self.recent.append(request)
        for attempt, wait_s in enumerate(waits):
            # A delimiter first ends whatever stands in the device's receiver.
            self._link.write(b"\0" + wire if attempt or greeting else wire)
            answer = self._wait(kind, self._sequence, self._clock() + wait_s * self._scale)
            if answer is not None:
                self.answered += 1
                return answer
        raise self._silence(kind, len(waits), self._clock() - start, bool(greeting))

    def ask_all(self, kind: Type, payloads: Sequence[bytes], *, window: int) -> list[bytes] | None:
        """Several requests of one kind with up to `window` under way, so that the line is never idle.

        Returns:
            Their answers' payloads in order, or None when one got lost or was refused: then the caller asks again, one
            by one.

        Raises:
            TinygenError: the device has gone, or says that it crashed.
        """
        first = self._sequence + 1
        answers: list[bytes] = []
        sent = 0
        while len(answers) < len(payloads):
            while sent < len(payloads) and sent - len(answers) < window:
                self._sequence = (first + sent) % 256
                request = Frame(kind, self._sequence, payloads[sent])
                self.recent.append(request)
                self._link.write(encode(request))
                sent += 1
            deadline = self._clock() + DEFAULT_TIMEOUT_S * self._scale
            try:
                answer = self._wait(kind, (first + len(answers)) % 256, deadline)
            except TinygenError as error:
                if error.code is not ExitCode.CHECK_FAILED:
                    raise
                return None
            if answer is None:
                return None
            self.answered += 1
            answers.append(answer)
        return answers

    def _wait(self, kind: Type, sequence: int, deadline: float) -> bytes | None:
        """The answer's payload, or None when the request should go out again."""
        while (left := deadline - self._clock()) > 0:
            for frame in self._arriving(left):
                if not self._take(frame):
                    continue
                if frame.type == NAK:
                    if self._refused(frame, kind, sequence):
                        return None
                elif frame.type == kind | RESPONSE and frame.sequence == sequence:
                    return frame.payload
                elif frame.type in (LOG, EVENT):
                    self.overheard.append(frame)
                # Anything else is a late answer to a request that was given up or repeated.
        return None

    def listen(self, seconds: float) -> list[Frame]:
        """Good frames that arrive within `seconds`, log lines among them.

        Raises:
            TinygenError: NO_ANSWER when the device has gone or says that it crashed.
        """
        deadline = self._clock() + seconds
        heard: list[Frame] = []
        try:
            while (left := deadline - self._clock()) > 0:
                heard += (frame for frame in self._arriving(left) if self._take(frame))
        except TinygenError:
            self.overheard.extend(heard)  # what came before is not lost
            raise
        return heard

    def _arriving(self, seconds: float) -> Iterator[Frame | BadFrame]:
        """What arrives next; what is not taken of it is there the next time."""
        if not self._arrived:
            self._arrived += self._decoder.push(self._link.read(4096, seconds))
        while self._arrived:
            yield self._arrived.popleft()

    def _take(self, frame: Frame | BadFrame) -> TypeGuard[Frame]:
        """Note what came; False for bytes that are no frame.

        Raises:
            TinygenError: the device says that it crashed.
        """
        if isinstance(frame, BadFrame):
            self._take_noise(frame)
            return False
        self._frames += 1
        self.recent.append(frame)
        if (line := log_line(frame)) is not None:
            self.logs.append(line)
            self.starts += line.text == READY
        if frame.type == EVENT and (event := parse_event(frame.payload)) is not None:
            self.events.append(event)
        if frame.type == FAULT and (fault := parse_fault(frame.payload)) is not None:
            raise DeviceFaultError(fault, where=self._name, place=self._place)
        return True

    def _take_noise(self, bad: BadFrame) -> None:
        self._noise = (self._noise + bad.raw)[-_KEPT_NOISE_BYTES:]
        self.strays.append(bad.raw)

    def _refused(self, frame: Frame, kind: Type, sequence: int) -> bool:
        """True when the request got lost on its way; raises when the device refused it; False for a stale refusal."""
        if len(frame.payload) != 6:
            return False
        request, code = frame.payload[0], frame.payload[1]
        if request == 0 and code in _TRANSMISSION:
            return True
        if request != kind or frame.sequence != sequence:
            return False
        detail = int.from_bytes(frame.payload[2:6], "little")
        again = "it may have restarted in between; run the same command again"
        larger = "its log says why (tinygen monitor); an interpreter's arena is set by [tflm] arena in tinygen.toml"
        words = _WORDS.get(Error(code), f"gave error {code}") if code in set(Error) else f"gave error {code}"
        raise TinygenError(
            ExitCode.CHECK_FAILED,
            f"{kind.name} was refused: the device {words.format(detail=detail, sensor=sensor_words(detail))}",
            where=self._name,
            hint=larger if code == Error.NO_MODEL else again,
        )

    def _silence(self, kind: Type, attempts: int, seconds: float, greeting: bool) -> TinygenError:
        text = f"no answer to {kind.name} in {seconds:.1f} s ({attempts} attempts)"
        noise_bytes = self._decoder.noise_bytes - self._seen.noise_bytes
        frames = self._frames - self._seen.frames
        if frames:
            text += f"; {frames} other good frames came"
            hint = "the device talks but does not answer: it may be busy with something that never ends; reset it"
        elif greeting:
            hint = "check the cable, the port's name, that the board is powered and flashed, that TX and RX are crossed"
        else:
            hint = "it answered before: it may have crashed, restarted or been unplugged"
        if noise_bytes > 0:
            ending = bytes(self._noise + self._decoder.pending)[-_SHOWN_NOISE_BYTES:]
            shown = ending.decode("ascii", errors="replace").replace("\ufffd", "?")
            only = "and" if frames else "only"
            text += f", {only} {noise_bytes} bytes that are no frame, ending in {shown!r}"
            if not frames:
                hint = "another program is on the device, or the baud rate differs: flash this project, check the rate"
        return no_answer(text, where=self._name, hint=hint)


@dataclass(frozen=True, slots=True)
class _Seen:
    """What had come before the request that is being asked."""

    noise_bytes: int
    frames: int


def log_line(frame: Frame) -> LogLine | None:
    """A LOG frame as a value; None for other frames."""
    if frame.type != LOG or not frame.payload:
        return None
    return LogLine(level=frame.payload[0], text=frame.payload[1:].decode(errors="replace"))
