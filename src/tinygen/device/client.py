"""The host's side of the protocol: one request, one answer. See firmware/protocol/README.md."""

from __future__ import annotations

import struct
import zlib
from dataclasses import replace
from typing import Literal

import numpy as np
import numpy.typing as npt

from tinygen.core.errors import bad_input
from tinygen.device import messages
from tinygen.device.frames import MAX_PAYLOAD, Type
from tinygen.device.session import Session
from tinygen.device.values import (
    INPUT_TENSOR,
    OUTPUT_TENSOR,
    InferResult,
    LearningStatus,
    RawResult,
    StreamEvent,
    StreamInfo,
    StreamScores,
    StreamStatistics,
)

__all__ = ["INPUT_TENSOR", "OUTPUT_TENSOR", "Client"]

_INFER_TIMEOUT_S = 15.0
_READ_HEAD_BYTES = 12


class Client(Session):
    """What a device can be asked to compute: inferences, streams, learning. Made as `Session`."""

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
