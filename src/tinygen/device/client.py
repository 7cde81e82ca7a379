"""The host's side of the protocol: one request, one answer. See firmware/protocol/README.md."""

from __future__ import annotations

import contextlib
import struct
import time
import zlib
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from tinygen.core.errors import ExitCode, TinygenError, bad_input, no_answer
from tinygen.device import messages
from tinygen.device.exchange import DEFAULT_TIMEOUT_S, GREETING_WAITS_S, Exchange
from tinygen.device.frames import MAX_PAYLOAD, Frame, Type
from tinygen.device.link import Link, Retunable
from tinygen.device.values import (
    INPUT_TENSOR,
    OUTPUT_TENSOR,
    Difference,
    Hello,
    InferResult,
    LearningStatus,
    LogLine,
    MemoryResult,
    RawResult,
    SelfTestResult,
    StreamEvent,
    StreamInfo,
    StreamScores,
    StreamStatistics,
)

__all__ = ["INPUT_TENSOR", "OUTPUT_TENSOR", "Client"]

PROTOCOL_VERSION = 2
_INFER_TIMEOUT_S = 15.0
OTHER_RATES = (115_200, 9_600, 921_600, 460_800, 230_400, 57_600)  # tried, in this order, when nobody answers
_RATE_WAITS_S = (0.15, 0.25)
_READ_HEAD_BYTES = 12


class Client:
    """Talks to one device over one link. Not safe for threads.

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
        self._streamed = 0  # instants
        self._events: list[StreamEvent] = []
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

    def write_input(self, data: bytes) -> None:
        """Give the whole model input (int8 bytes, `Hello.input_bytes` long)."""
        hello = self._known()
        if len(data) != hello.input_bytes:
            raise bad_input(f"the model takes {hello.input_bytes} input bytes, not {len(data)}", where=self._name)
        step = min(hello.max_payload, MAX_PAYLOAD) - 4
        parts = [data[offset : offset + step] for offset in range(0, len(data), step)]
        requests = [struct.pack("<I", number * step) + part for number, part in enumerate(parts)]
        end = 0
        for part, answer in zip(parts, self._ask_all(Type.WRITE_INPUT, requests), strict=True):
            end += len(part)
            (filled,) = self._unpack("<I", answer, Type.WRITE_INPUT)
            self._check(filled == end, f"took {filled} input bytes after {end} were sent")
        self._input_crc = zlib.crc32(data)

    def infer(self, digests: bool = False, stop_after: int | None = None, count: bool = False) -> InferResult:
        """Run the model on the input written or streamed before; the input stays valid for further calls.

        Args:
            digests: keep the CRC-32 of every observed tensor for `digests()`.
            stop_after: end after this step (then observed tensors it wrote are readable, outputs are not).
            count: measure an undisturbed run (a run of its own when digests are wanted too).
        """
        hello = self._known()
        request = messages.infer_request(digests=digests, stop_after=stop_after, count=count)
        answer = self._ask(Type.INFER, request, timeout_s=_INFER_TIMEOUT_S)
        reply = messages.parse_infer(answer, self._name)
        self._check(reply.flags == request[0], "answered another inference than the one asked for")
        if self._input_crc is not None:
            self._check(reply.input_crc == self._input_crc, "ran on other input bytes than were sent")
        output = reply.inline_output
        if reply.output_bytes > len(output):
            output = self.read_tensor(OUTPUT_TENSOR, reply.output_bytes)
        if reply.output_bytes:
            self._check(reply.output_bytes == hello.output_bytes, f"gave {reply.output_bytes} output bytes")
            self._check(zlib.crc32(output) == reply.output_crc, "gave output bytes that differ from their own checksum")
        return InferResult(
            output=output,
            label=reply.label,
            score=reply.score,
            counter=reply.counter if count else None,
            steps_done=reply.steps_done,
            input_crc=reply.input_crc,
        )

    def digests(self) -> list[int]:
        """CRC-32 (zlib.crc32) of every observed tensor of the last `infer(digests=True)`, in order."""
        total = self._known().observed_count
        found: list[int] = []
        while len(found) < total:
            answer = self._ask(Type.DIGESTS, struct.pack("<H", len(found)), timeout_s=_INFER_TIMEOUT_S)
            first, count, said = self._unpack("<HHH", answer[:6], Type.DIGESTS)
            self._check(
                first == len(found) and said == total and 0 < count == (len(answer) - 6) / 4,
                f"gave digests {first}+{count} of {said} when {len(found)} of {total} were known",
            )
            found.extend(struct.unpack(f"<{count}I", answer[6:]))
        return found

    def read_tensor(self, index: int, n_bytes: int) -> bytes:
        """Bytes of INPUT_TENSOR, OUTPUT_TENSOR, or observed tensor `index` (after `infer(stop_after=its step)`)."""
        step = min(self._known().max_payload, MAX_PAYLOAD) - _READ_HEAD_BYTES
        sizes = [min(step, n_bytes - offset) for offset in range(0, n_bytes, step)]
        requests = [struct.pack("<HHI", index, size, number * step) for number, size in enumerate(sizes)]
        out = bytearray()
        for wanted, answer in zip(sizes, self._ask_all(Type.READ_TENSOR, requests), strict=True):
            got, _, offset, total = self._unpack("<HHII", answer[:_READ_HEAD_BYTES], Type.READ_TENSOR)
            self._check(
                got == index and offset == len(out) and len(answer) == _READ_HEAD_BYTES + wanted,
                f"gave {len(answer) - _READ_HEAD_BYTES} bytes of tensor {got} at {offset} of {total}",
            )
            out += answer[_READ_HEAD_BYTES:]
        return bytes(out)

    def run_raw(
        self, samples: npt.NDArray[np.int16], *, begin: tuple[Type, bytes] = (Type.RAW_BEGIN, b"")
    ) -> RawResult:
        """Stream a recording through the device's front end; `infer()` then runs on what came out.

        Args:
            samples: int16 [samples_per_inference, n_channels].
            begin: the request that starts it (PROFILE starts one that is counted).
        """
        hello = self._known()
        flat = np.ascontiguousarray(samples, dtype="<i2")
        shape = (hello.samples_per_inference, hello.channels)
        if flat.shape != shape and not (flat.ndim == 1 and hello.channels == 1 and flat.shape[0] == shape[0]):
            raise bad_input(f"the front end takes {shape} samples, not {flat.shape}", where=self._name)
        data = flat.tobytes()
        instant_bytes = 2 * hello.channels
        step = (min(hello.max_payload, MAX_PAYLOAD) - 4) // instant_bytes * instant_bytes
        self._input_crc = None
        self._ask(*begin)
        for offset in range(0, len(data), step):
            part = data[offset : offset + step]
            position = offset // instant_bytes
            answer = self._ask(Type.RAW_CHUNK, struct.pack("<I", position) + part)
            taken, _ = self._unpack("<IH", answer, Type.RAW_CHUNK)
            wanted = position + len(part) // instant_bytes
            self._check(taken == wanted, f"took {taken} samples after {wanted} were sent")
        instants, frames, crc = self._unpack("<IHI", self._ask(Type.RAW_END, b""), Type.RAW_END)
        self._input_crc = crc
        return RawResult(instants=instants, frames=frames, input_crc=crc)

    def stream_begin(self, *, count: bool = False, digests: bool = False, sensor: bool = False) -> StreamInfo:
        """Start a stream from a device that has forgotten everything.

        Args:
            count: measure ticks of front end and model.
            digests: keep checksums of all rows and outputs.
            sensor: the samples come from the image's own source.

        Raises:
            TinygenError: CHECK_FAILED when the image cannot stream, or its sensor does not run.
        """
        self._known()
        self._input_crc = None
        self._streamed = 0
        self._events = []
        self._exchange.events.clear()
        flags = bytes([count | digests << 1 | sensor << 2])
        return messages.parse_stream_info(self._ask(Type.STREAM_BEGIN, flags), self._name)

    def stream(self, samples: npt.NDArray[np.int16]) -> list[StreamEvent]:
        """Send the next samples of the stream, however many, and return the events they made.

        An event whose frame got lost is asked for again: what is returned is complete and in order.

        Args:
            samples: int16 [instants, n_channels], or [instants] for one channel.
        """
        hello = self._known()
        data = np.ascontiguousarray(samples, dtype="<i2").tobytes()
        instant_bytes = 2 * hello.channels
        step = (min(hello.max_payload, MAX_PAYLOAD) - 4) // instant_bytes * instant_bytes
        known = len(self._events)
        for offset in range(0, len(data), step):
            part = data[offset : offset + step]
            position = struct.pack("<I", self._streamed & 0xFFFFFFFF)
            answer = self._ask(Type.STREAM_CHUNK, position + part, timeout_s=_INFER_TIMEOUT_S)
            self._streamed += len(part) // instant_bytes
            taken, _, _, total = self._unpack("<4I", answer, Type.STREAM_CHUNK)
            self._check(taken == self._streamed & 0xFFFFFFFF, f"took {taken} samples after {self._streamed} were sent")
            self._collect(total)
        return self._events[known:]

    def stream_events(self) -> list[StreamEvent]:
        """The events since the last call, of a stream that comes from the device's own source."""
        known = len(self._events)
        answer = self._ask(Type.STREAM_EVENTS, struct.pack("<I", 0xFFFFFFFF), timeout_s=_INFER_TIMEOUT_S)
        total, _ = messages.parse_stream_events(answer, self._name)
        self._collect(total)
        return self._events[known:]

    def stream_scores(self) -> StreamScores:
        """What the running stream's decision looks at, as it stands.

        Raises:
            TinygenError: CHECK_FAILED when nothing is streamed.
        """
        found: list[tuple[str, int]] = []
        while True:
            answer = self._ask(Type.STREAM_SCORES, struct.pack("<H", len(found)), timeout_s=_INFER_TIMEOUT_S)
            told, watched = messages.parse_stream_scores(answer, self._name)
            found += told.sums
            if not told.sums or len(found) >= watched:
                return replace(told, sums=tuple(found))

    def _collect(self, total: int) -> None:
        """Bring the events known to `total`."""
        heard = {event.number: event for event in self._exchange.events}
        self._exchange.events.clear()
        while len(self._events) < total:
            number = len(self._events)
            if number in heard:
                self._events.append(heard[number])
                continue
            answer = self._ask(Type.STREAM_EVENTS, struct.pack("<I", number))
            _, events = messages.parse_stream_events(answer, self._name)
            self._check(bool(events) and events[0].number == number, f"does not know its event {number} any more")
            heard |= {event.number: event for event in events}

    def learn(
        self, action: Literal["status", "learn", "freeze", "forget", "freeze_at", "keep"], argument: int = 0
    ) -> LearningStatus:
        """Gather healthy rows from now on, stop and score by distance, forget, keep what is there; or only ask.

        Args:
            action: what to do.
            argument: for "freeze" the threshold of one row's score; for "freeze_at" 256 times how many spreads above
                the mean of its healthy scores the device sets it.

        Raises:
            TinygenError: CHECK_FAILED when the image cannot learn, or has too little to freeze.
        """
        self._known()
        number = messages.LEARN_ACTIONS.index(action)
        # Flash may have to be erased first, which takes up to some seconds.
        answer = self._ask(Type.LEARN, struct.pack("<BI", number, argument), timeout_s=_INFER_TIMEOUT_S)
        return messages.parse_learning(answer, self._name)

    def read_learned(self) -> bytes:
        """The learned state as the device keeps it."""
        total = self.learn("status").state_bytes
        found = bytearray()
        while len(found) < total:
            wanted = min(500, total - len(found))
            answer = self._ask(Type.READ_LEARNED, struct.pack("<IH", len(found), wanted))
            self._check(len(answer) == 4 + wanted, f"gave {len(answer) - 4} of {wanted} bytes of its state")
            found += answer[4:]
        return bytes(found)

    def write_learned(self, state: bytes) -> LearningStatus:
        """Give the device a learned state; it takes only a whole one, and keeps its own otherwise.

        Raises:
            TinygenError: CHECK_FAILED when the state is torn or of another image.
        """
        for offset in range(0, len(state), 500):
            part = state[offset : offset + 500]
            self._ask(Type.WRITE_LEARNED, struct.pack("<I", offset) + part, timeout_s=_INFER_TIMEOUT_S)
        return self.learn("status")

    def stream_end(self) -> StreamStatistics:
        """End the stream and return its figures; the model is then as at power-up."""
        answer = self._ask(Type.STREAM_END, b"", timeout_s=_INFER_TIMEOUT_S)
        return messages.parse_stream_statistics(answer, self._name)

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
